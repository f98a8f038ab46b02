// One checking process: the plugin under the spy, the blocks it accepts, and gateways built around it. Main thread.
#pragma once
#include <boost/json.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/app/check/finding.h"
#include "core/app/check/peer.h"
#include "core/app/gateway.h"
#include "core/plugin/module.h"
#include "core/plugin/registry.h"

namespace sluice::app::check {

struct KitOptions {
  std::string file;                            // the plugin
  std::string plugins;                         // folder of the others; "": the default one
  std::optional<boost::json::value> blocks;    // --config: a block, or an object of blocks by name
  uint64_t answer_ms = 10'000;                 // a gateway that has not answered by then hangs
};

// Where a binding of the plugin is used in the gateways that are built: an endpoint of its own for each scope.
struct Spot {
  const plugin::Binding* binding;
  int32_t scope;       // SLC_AT_…, 0 for encodings and sd
  std::string path;    // of its endpoint, which ends with the backend's mode: path + "/ok"
  std::string title;   // "\"acme/x\" at an endpoint"
};

// A running gateway of this process. Its end waits for everything of it.
class Site {
 public:
  explicit Site(std::unique_ptr<Gateway> gateway, uint16_t port) : gateway_{std::move(gateway)}, port_{port} {}
  ~Site();
  uint16_t port() const { return port_; }
  void drain() { gateway_->drain(); }

 private:
  std::unique_ptr<Gateway> gateway_;
  uint16_t port_;
};

class Session {
 public:
  explicit Session(KitOptions);
  ~Session();

  // Opens the file and finds its bindings. Empty: it is there; else why not, with the file's own name.
  std::string load();
  // Chooses a block that create() accepts for each binding. Empty: found; else why none of them was.
  std::string choose_blocks();
  // Ends the plugin: nothing of it may be used afterwards.
  void unload();

  const KitOptions& options() const { return options_; }
  const plugin::Module& module() const { return *module_; }
  const plugin::Registry& registry() const { return *registry_; }
  const std::vector<const plugin::Binding*>& bindings() const { return bindings_; }
  const std::vector<Spot>& spots() const { return spots_; }
  Backend& backend() { return *backend_; }
  // Of this process, now and before anything of the plugin was there.
  static size_t threads();
  size_t threads_at_start() const { return threads_at_start_; }
  // The text with the private copy's path replaced by the file's.
  std::string cleaned(std::string text) const;

  // create() with one block at one place, and destroy() when it made something. The problems it reported.
  struct Tried {
    bool accepted = false;
    std::vector<std::string> errors;    // "/key: message"
    std::vector<std::string> pointers;  // of the errors, relative to the block
  };
  Tried try_block(const plugin::Binding&, const boost::json::value* block);
  const std::optional<boost::json::value>& chosen(const plugin::Binding&) const;

  // A gateway with every spot. nullptr: `why`.
  std::unique_ptr<Site> open(uint32_t workers, const std::string& timeout, std::string& why);

  void tell(State, const std::string& check, std::string text, std::string advice = {});
  // What the spy noted meanwhile, each a finding of its own. True: there was something.
  bool tell_violations();
  // Asks; an answer that does not come is a finding, after which nothing more can be looked at: does not return then.
  Answer expect_answer(const Site&, const std::string& check, const std::string& what, const std::string& request);

 private:
  boost::json::object configuration(const std::string& timeout) const;
  boost::json::value block_for(const plugin::Binding&) const;
  void find_spots();

  KitOptions options_;
  std::string bytes_, folder_, copy_;
  Backend* backend_ = nullptr;
  size_t threads_at_start_ = 0;
  std::shared_ptr<plugin::Module> module_;
  std::unique_ptr<plugin::Registry> registry_;
  std::vector<const plugin::Binding*> bindings_;
  std::vector<std::optional<boost::json::value>> chosen_;
  std::vector<Spot> spots_;
};

// The check could not go on and said so; the exit code of the checking process.
constexpr int kGaveUp = 3;

}  // namespace sluice::app::check
