// Configuration → generation: finds every plugin, makes every object, checks everything that `run` would need. [load thread]
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "core/config/report.h"
#include "core/pipeline/plan.h"

namespace sluice::pipeline {

struct CompileOptions {
  uint32_t workers = 1;
  bool strict = false, lenient = false;
  // The generation that serves now, at a reload: what is unchanged is taken over from it (TLS contexts, published hosts), and
  // a name that it serves must not lose its plugin unnoticed. nullptr: the start.
  const Generation* before = nullptr;
};

// nullptr when the report failed. Every problem is reported, not only the first.
std::shared_ptr<Generation> compile(std::shared_ptr<const config::Config>, std::unique_ptr<plugin::Registry>,
                                    const CompileOptions&, config::Report&);

}  // namespace sluice::pipeline
