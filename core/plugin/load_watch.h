// Who is told, and may refuse, before the code of a plugin runs with which a configuration is taken up or ended: its file is mapped,
// load(), create(), destroy() and the like. A reload uses it to notice what has not yet run in this process (core/app/rehearsal), a
// process that may be lost for it to leave word of what it died in. Hooks of requests do not come by here.
#pragma once
#include <boost/json/fwd.hpp>
#include <cstdint>
#include <string_view>

#include "core/plugin/hook.h"

namespace sluice::plugin {

class Object;

// Views, valid during the call.
struct LoadStep {
  HookKind hook = HookKind::none;    // none: its file is mapped, which no one of this content was yet, so static constructors run, and
                                     // get_interface. Else with an empty `file` it is no code of a plugin
  std::string_view file;
  std::string_view build;            // fingerprint of the file's content
  std::string_view plugin, version;  // "": not known yet
  std::string_view binding, kind;    // name and interface; "": the plugin as a whole
  std::string_view where;            // "[ENDPOINT: /x]"
  std::string_view pointer;          // of its block; "": none
  const boost::json::value* block = nullptr;
  int32_t scope = 0;                 // SLC_AT_…
};

// A step of this object, without pointer, block and scope. Of an isolated one: no code of a plugin.
LoadStep step_of(const Object&, HookKind);

// Never nested. [load]
class LoadWatch {
 public:
  // False: it must not run. Then the caller reports nothing; the watch knows why.
  virtual bool begins(const LoadStep&) = 0;
  // It has returned. Also called when nothing began.
  virtual void returned() = 0;

 protected:
  ~LoadWatch() = default;
};

// nullptr: nobody wants to know. Set and read on the load thread alone.
inline LoadWatch* load_watch = nullptr;

// Around one such call.
class LoadStepScope {
 public:
  explicit LoadStepScope(const LoadStep& step) : watch_{step.file.empty() ? nullptr : load_watch}, allowed_{!watch_ || watch_->begins(step)} {}
  ~LoadStepScope() {
    if (watch_ && allowed_) watch_->returned();
  }
  LoadStepScope(const LoadStepScope&) = delete;
  LoadStepScope& operator=(const LoadStepScope&) = delete;
  bool allowed() const { return allowed_; }

 private:
  LoadWatch* watch_;
  bool allowed_;
};

}  // namespace sluice::plugin
