// One checking process: the plugin under the spy, the blocks it accepts, and gateways built around it. Main thread.
#pragma once
#include <signal.h>

#include <boost/json.hpp>
#include <memory>
#include <optional>
#include <string>
#include <thread>
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
  bool raw = false;    // bodies pass unread: for hooks that see them in pieces
};

// A running gateway of this process, with a thread that does what `sluice run` does on its main one. Its end waits for
// everything of it.
class Site {
 public:
  Site(std::unique_ptr<Gateway> gateway, uint16_t port) : gateway_{std::move(gateway)}, port_{port}, main_{[this] { gateway_->wait(); }} {}
  ~Site();
  Site(const Site&) = delete;
  Site& operator=(const Site&) = delete;
  uint16_t port() const { return port_; }
  // What SIGHUP does: the same file once more, new objects, and the old ones go when their requests have ended.
  ReloadOutcome reload();
  size_t generations() const;

 private:
  std::unique_ptr<Gateway> gateway_;
  uint16_t port_;
  std::thread main_;
};

class Session {
 public:
  explicit Session(KitOptions);
  ~Session();

  // Opens the file and finds its bindings. Empty: it is there; else why not, with the file's own name.
  std::string load();
  // Where the file's note says something else than its entry; empty: nowhere, or one of them cannot be read.
  std::string note_disagreement() const;
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
  // Of this process, without those of the gateway that stay: now, and before anything of the plugin was there.
  static size_t threads();
  size_t threads_at_start() const { return threads_at_start_; }
  // Which signals have another disposition, or other handlers, than before the file was opened: each a finding, once. True: some have.
  bool tell_signals(const std::string& when);
  // The text with the private copy's path replaced by the file's.
  std::string cleaned(std::string text) const;

  // create() with one block at one place, and destroy() when it made something. The problems it reported.
  struct Tried {
    bool accepted = false;
    std::vector<std::string> errors;    // "/key: message"
    std::vector<std::string> pointers;  // of the errors, relative to the block
  };
  Tried try_block(const plugin::Binding&, const boost::json::value* block);
  // The object of a binding with its chosen block, without a gateway; nullptr: it asks for nothing.
  std::shared_ptr<plugin::Object> make_object(const plugin::Binding&);
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
  std::shared_ptr<plugin::Object> make(const plugin::Binding&, const boost::json::value* block, config::Report&);

  KitOptions options_;
  std::string bytes_, folder_, copy_;
  Backend* backend_ = nullptr;
  size_t threads_at_start_ = 0;
  std::vector<struct sigaction> signals_;  // by number, as they were last
  std::shared_ptr<plugin::Module> module_;
  std::unique_ptr<plugin::Registry> registry_;
  std::vector<const plugin::Binding*> bindings_;
  std::vector<std::optional<boost::json::value>> chosen_;
  std::vector<Spot> spots_;
  std::string raw_decoder_, raw_encoder_;  // names of encodings that pass bodies on as they are; "": there are none
};

// The check could not go on and said so; the exit code of the checking process.
constexpr int kGaveUp = 3;

}  // namespace sluice::app::check
