// What the process of a rehearsal finds open, beside stderr.
#pragma once

namespace sluice::app::rehearsal {

constexpr int kPageFd = 3, kFilesFd = 4;

}  // namespace sluice::app::rehearsal
