// The roots' blocks `client_tls` and `tls` → contexts. [load thread]
#pragma once
#include "core/pipeline/compile.h"

namespace sluice::pipeline {

// Sets the generation's contexts; those of the generation before go on where the settings and what their files hold are the same.
// What cannot be used is reported with its place. After the generation's configuration is set.
void compile_tls(Generation&, const CompileOptions&, config::Report&);

}  // namespace sluice::pipeline
