// Names of a configuration → bindings of plugins: who serves a block, and what is said where nobody does. [load thread]
#pragma once
#include <deque>
#include <string>
#include <vector>

#include "core/pipeline/compile.h"
#include "core/pipeline/selection.h"

namespace sluice::pipeline {

// For one generation that is being compiled, whose configuration, registry and factory are set; all arguments outlive it. Problems go
// to the report, with their place.
class Bindings {
 public:
  struct Found {
    const plugin::Binding* binding;
    const config::Block* block;
    int32_t stage;
    uint32_t scopes;  // where it is wanted, of those it serves
    uint32_t group = 0, position = 0;  // as in Hook
    bool chosen = false;               // by another block, whose list is its order
  };

  Bindings(Generation& g, const CompileOptions& options, config::Report& report) : g_{g}, options_{options}, report_{report} {}
  Bindings(const Bindings&) = delete;
  Bindings& operator=(const Bindings&) = delete;

  // The blocks of one place that somebody serves; the short name wins over an alias of the same binding. A block that stands
  // for other bindings is replaced by them. `place` is what the blocks are checked with. Blocks that were chosen live as long as this.
  std::vector<Found> find(const config::Element& at, int32_t scope, const plugin::Context& place);
  // A name of plugin.order that has no place in any chain orders nothing, which its author should know.
  void check_order();
  // Letter case says nothing in names of encodings, but for one that passes bytes on: the reference takes another spelling of it for
  // an encoding that decodes nothing (pipeline.md §8.4), so whoever wrote it may expect either.
  void exact(const plugin::Binding&, const std::string& written, const std::string& pointer);
  // Nobody serves this name of an interface, given at pointer/key; "": there is no default.
  void unknown_name(const std::string& pointer, const char* key, const std::string& name, const char* kind);

 private:
  std::vector<Found> select(const Found& by, plugin::Context place);
  std::vector<Found> find_blocks(const config::Element& at, int32_t scope);
  // Why the choice cannot stand there; empty: it can.
  std::string unfit(const plugin::Binding&, const Choice&, uint32_t scopes) const;
  uint32_t all_scopes(const plugin::Binding&) const;  // of everything that the plugin binds to this name
  void misplaced(const config::Block&, std::string text);
  void unknown(const config::Block&);

  Generation& g_;
  const CompileOptions& options_;
  config::Report& report_;
  std::deque<config::Block> chosen_blocks_;  // of selectors; addresses stay
  uint32_t groups_ = 0;
};

}  // namespace sluice::pipeline
