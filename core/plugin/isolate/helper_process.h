// The helper's side: a process that runs one plugin for the gateway that started it. One loop, which is the plugin's only
// worker; the services are the gateway's own code, on this loop, but for what helper_services.cc replaces.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "core/plugin/isolate/control.h"
#include "core/plugin/isolate/mirror.h"
#include "core/plugin/registry.h"

namespace sluice::plugin::isolate {

class HelperProcess {
 public:
  explicit HelperProcess(Fd control);
  ~HelperProcess();
  HelperProcess(const HelperProcess&) = delete;
  HelperProcess& operator=(const HelperProcess&) = delete;
  // Serves until the gateway is gone. The exit code.
  int run();

  // Sends a control frame. [any]
  void say(std::string frame);
  // surrounding(), while create() runs.
  slc_node around(int32_t scope);
  // A metric moved; told once in a turn of the loop.
  void count(slc_metric_id, bool observed, int64_t bits);
  static HelperProcess* current();

 private:
  struct Lane;
  struct Count {
    slc_metric_id id;
    bool observed;
    int64_t bits;
  };
  bool read();                 // what has come; false: the gateway has closed
  bool receive(bool wait);     // bytes and descriptors; false: closed
  void take_all();
  void take(std::string_view frame);
  void hello(Reader&);
  void create(Reader&);
  void destroy(uint64_t id);
  void attach(uint32_t worker);
  void detach(uint32_t worker);
  void tell_counts();
  void end();
  Fd next_descriptor();

  loop::Loop loop_;
  http::Client client_;
  std::unique_ptr<slc_worker> worker_;
  Fd control_;
  std::mutex saying_;
  ControlInput input_;
  std::deque<Fd> descriptors_;
  std::deque<std::string> later_;  // frames that came while one was waited for
  uv_poll_t poll_{};
  Mapping page_;
  Registry registry_;
  std::vector<const Binding*> bindings_;  // of the plugin, in its order; empty: it is not loaded
  std::map<uint64_t, std::unique_ptr<HelperObject>> objects_;
  std::map<uint32_t, std::unique_ptr<Lane>> lanes_;
  BlockPool tree_blocks_;
  Arena trees_{tree_blocks_};
  std::map<uint64_t, document::Node*> known_trees_;
  uint64_t creating_ = 0;
  std::vector<Count> counts_;
  bool ended_ = false;
  int code_ = 0;
};

// `sluice isolate-helper PARENT PLUGIN`, with the control socket as descriptor 3: what the gateway starts, and nobody else.
int helper_main(int count, char** values);

// The services as a plugin gets them here; to be set before it is opened (services.h).
const void* helper_service(std::string_view id, const void* table);

}  // namespace sluice::plugin::isolate
