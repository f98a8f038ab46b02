// Whole files.
#pragma once
#include <cstddef>
#include <string>

#include "core/base/result.h"

namespace sluice {

inline constexpr size_t kMostFile = size_t{512} << 20;

// Everything in it; pipes and other files without a size are read to their end. Problem: why not, without the path: "cannot be
// opened: No such file or directory", "larger than 512 MiB". May block. [any]
Result<std::string, Problem> read_file(const std::string& path, size_t most = kMostFile);

}  // namespace sluice
