// sluice.next/1: the pipeline does the work; other exchanges than an around stage's refuse.
#include "core/plugin/services.h"

namespace sluice::plugin {
namespace {

slc_token call(slc_exchange* outer, slc_next_fn done, void* user) noexcept {
  return done && SLC_CHECK_THREAD_OF(*outer->worker, "call (sluice.next/1)") ? outer->next_call(done, user) : 0;
}
slc_status cancel(slc_exchange* outer, slc_token attempt) noexcept {
  return SLC_CHECK_THREAD_OF(*outer->worker, "cancel (sluice.next/1)") ? outer->next_cancel(attempt) : static_cast<slc_status>(SLC_ETHREAD);
}
slc_status use(slc_exchange* outer, slc_exchange* attempt) noexcept {
  if (!attempt) return SLC_EINVAL;
  return SLC_CHECK_THREAD_OF(*outer->worker, "use (sluice.next/1)") ? outer->next_use(attempt) : static_cast<slc_status>(SLC_ETHREAD);
}

}  // namespace

const slc_next_api kNextService = {sizeof(slc_next_api), call, cancel, use};

}  // namespace sluice::plugin
