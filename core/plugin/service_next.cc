// sluice.next/1: the pipeline does the work; other exchanges than an around stage's refuse.
#include "core/plugin/services.h"

namespace sluice::plugin {
namespace {

slc_token call(slc_exchange* outer, slc_next_fn done, void* user) noexcept { return done ? outer->next_call(done, user) : 0; }
slc_status cancel(slc_exchange* outer, slc_token attempt) noexcept { return outer->next_cancel(attempt); }
slc_status use(slc_exchange* outer, slc_exchange* attempt) noexcept { return attempt ? outer->next_use(attempt) : SLC_EINVAL; }

}  // namespace

const slc_next_api kNextService = {sizeof(slc_next_api), call, cancel, use};

}  // namespace sluice::plugin
