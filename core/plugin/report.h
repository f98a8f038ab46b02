// What a plugin reports to while it is loaded and while its blocks are checked. [load]
#pragma once
#include <boost/json/value.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/config/model.h"
#include "core/config/report.h"
#include "core/document/node.h"
#include "core/plugin/registry.h"

namespace sluice::plugin {

// Configuration trees as documents. Plugins keep views of them, so every object of the generation holds on to them.
struct Trees {
  BlockPool pool;
  Arena arena{pool};
  std::map<const boost::json::value*, document::Node*> roots;
  // The document of `v`, made when first asked for.
  document::Node* document_of(const boost::json::value& v);
};

}  // namespace sluice::plugin

struct slc_report {
  static constexpr size_t kMost = 200;  // issues that one call may report
  const sluice::plugin::Context* context = nullptr;  // nullptr while load() runs
  sluice::plugin::Trees* trees = nullptr;
  std::string base;                                  // absolute pointer of the block
  std::vector<sluice::config::Issue> issues;
  bool failed = false;
};
