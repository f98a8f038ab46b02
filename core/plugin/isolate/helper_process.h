// The helper's side: a process that runs one plugin for the gateway that started it. One loop, which is the plugin's only
// worker; the services are the gateway's own code, on this loop, but for what helper_services.cc replaces.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>

#include "core/plugin/isolate/control.h"
#include "core/plugin/isolate/mirror.h"
#include "core/plugin/registry.h"
#include "core/plugin/shared.h"

namespace sluice::plugin::isolate {

// A log sink of the plugin is at work on this thread: what it says itself goes nowhere, or it would never end.
inline thread_local bool writing_a_line = false;

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
  struct Watched;
  struct OfGeneration {
    shared::Holder holder;  // what create() asked for
    size_t objects = 0;
  };
  struct Tree {
    Arena arena;
    document::Node* root;
    explicit Tree(BlockPool& pool) : arena{pool}, root{arena.make<document::Node>()} {}
  };
  struct Count {
    slc_metric_id id;
    bool observed;
    int64_t bits;
  };
  bool read();                 // what has come; false: the gateway has closed
  bool receive(bool wait);     // bytes and descriptors; false: closed
  void take_all();
  void take(std::string_view frame);
  void answer(uint64_t number, slc_status, std::string_view bytes = {});
  void export_state(Reader&);
  void import_state(Reader&);
  void watch(Reader&);
  void unwatch(uint64_t id);
  void unwatch_all(const HelperObject&);
  void sink_level(Reader&);
  void sink_write(Reader&);
  void begin(HelperObject&);  // worker_start, if it has not been
  HelperObject* find(uint64_t id);
  void hello(Reader&);
  void create(Reader&);
  void destroy(uint64_t id);
  void bury(uint64_t id);  // ends the object, if it is to end and no request has it any more
  void forget_trees();     // those that are not needed any more, if nobody is waiting to be buried
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
  std::map<uint64_t, OfGeneration> generations_;
  std::map<uint64_t, std::unique_ptr<HelperObject>> objects_;
  std::set<uint64_t> dying_;  // their last on_done is still under way
  std::vector<uint64_t> unneeded_trees_;
  std::map<uint64_t, std::shared_ptr<Watched>> watched_;
  std::map<uint32_t, std::unique_ptr<Lane>> lanes_;
  BlockPool tree_blocks_;
  std::map<uint64_t, std::unique_ptr<Tree>> known_trees_;
  uint64_t creating_ = 0;
  std::vector<Count> counts_;
  bool ended_ = false;
  int code_ = 0;
};

// `sluice isolate-helper PARENT PLUGIN`, with the control socket as descriptor 3: what the gateway starts, and nobody else. With the
// arguments of describe_main() it only says what is in a file (describe.h).
int helper_main(int count, char** values);

// The services as a plugin gets them here; to be set before it is opened (services.h).
const void* helper_service(std::string_view id, const void* table);

}  // namespace sluice::plugin::isolate
