// sluice.stream/1: the pipeline does the work; exchanges without bodies on their way refuse.
#include "core/plugin/services.h"
#include "core/plugin/token_table.h"

namespace sluice::plugin {
namespace {

bool side_of_body(int32_t side) { return side == SLC_REQUEST || side == SLC_RESPONSE; }

slc_status expect(slc_exchange* x, int32_t side, int64_t length) noexcept {
  if (!side_of_body(side) || length < SLC_BODY_SKIPPED) return SLC_EINVAL;
  return SLC_ON_THREAD_OF(*x->worker, "expect (sluice.stream/1)") ? x->stream_expect(side, length) : SLC_ETHREAD;
}
slc_status emit(slc_exchange* x, int32_t side, slc_str bytes) noexcept {
  if (!side_of_body(side) || !sane(bytes)) return SLC_EINVAL;
  return SLC_ON_THREAD_OF(*x->worker, "emit (sluice.stream/1)") ? x->stream_emit(side, view(bytes)) : SLC_ETHREAD;
}
size_t room(slc_exchange* x, int32_t side) noexcept {
  return side_of_body(side) && SLC_ON_THREAD_OF(*x->worker, "room (sluice.stream/1)") ? x->stream_room(side) : 0;
}
slc_token suspend(slc_exchange* x, int32_t side) noexcept {
  return side_of_body(side) && SLC_ON_THREAD_OF(*x->worker, "suspend (sluice.stream/1)") ? x->stream_suspend(side) : 0;
}
slc_status follow(slc_exchange* x, int64_t length) noexcept {
  if (length < SLC_LENGTH_UNKNOWN) return SLC_EINVAL;
  return SLC_ON_THREAD_OF(*x->worker, "follow (sluice.stream/1)") ? x->stream_follow(length) : SLC_ETHREAD;
}
slc_status finish(slc_exchange* x, slc_str why) noexcept {
  if (why.ptr && !sane(why)) return SLC_EINVAL;
  const std::string_view text = view(why);
  return SLC_ON_THREAD_OF(*x->worker, "finish (sluice.stream/1)") ? x->stream_finish(why.ptr ? &text : nullptr) : SLC_ETHREAD;
}
int64_t request_length(slc_exchange* x) noexcept {
  return SLC_ON_THREAD_OF(*x->worker, "request_length (sluice.stream/1)") ? x->stream_request_length() : 0;
}

}  // namespace

const slc_stream_api kStreamService = {sizeof(slc_stream_api), expect, emit, room, suspend, follow, finish, request_length};

}  // namespace sluice::plugin
