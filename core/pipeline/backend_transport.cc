// A transport plugin in the place of the HTTP client: calls that are answered as a whole, and bodies that pass in pieces both
// ways (slc_transport.on_request_chunk, on_room). What a transport does in a callback has its effect a turn of the loop later:
// those who wait for it may end the exchange, and nothing may go from under the callback.
#include "core/base/clock.h"
#include "core/log/log.h"
#include "core/pipeline/backend.h"
#include "core/pipeline/exchange.h"
#include "core/plugin/token_table.h"

namespace sluice::pipeline {

// Of one call of a transport with late hooks, from before send until the scope goes.
struct BackendScope::Piped {
  explicit Piped(BackendScope& of) {
    later.on_expire([](loop::Deadline& d) noexcept { d.owner<BackendScope>().tell(); }, &of);
    hand.of = &of;
    hand.on_resumed = [](plugin::Suspension& s) { static_cast<Hand&>(s).of->on_hand_resumed(); };
  }
  loop::Deadline later;
  uint64_t told_ms = 0;  // the loop's time when it last expired
  // ---- the answer; its bytes are in BackendScope::carry_ ----
  int64_t promised = SLC_LENGTH_UNKNOWN, emitted = 0;
  bool follows = false, answered = false, ended = false;
  bool wants_room = true;  // on_room is due when everything has gone on
  bool room_due = false;   // it has
  // ---- the request ----
  struct Hand : plugin::Suspension {
    BackendScope* of = nullptr;
  } hand;
  std::string held, queue;  // the piece that on_request_chunk answered SLC_PENDING to; what came behind it
  bool held_last = false, queue_last = false, took_last = false, calling = false;
  bool cut_off = false;  // the call has failed while the transport was to answer it
  bool over = false;     // cancel() has been called
};

// ---- the call ----

loop::Task<void> BackendScope::call_transport() {
  // It reads the request side and fills the response side.
  const plugin::Place& transport = plan_.transport_object->place();
  Account* account = exchange_->account();
  const uint64_t began = account ? clock::monotonic_ns() : 0;
  if (SLC_HAS(plan_.transport, slc_transport, on_request_chunk) || SLC_HAS(plan_.transport, slc_transport, on_room)) open_pipe();
  slc_action a;
  {
    plugin::PlaceScope place{&transport, plugin::HookKind::send, memory};
    a = plan_.transport->send(plan_.transport_object->state(*worker), this, &transport_slot_);
  }
  if (a != SLC_PENDING) a = settle(a);
  if (piped_ && (a == SLC_PENDING || (piped_->follows && (a == SLC_REPLY || a == SLC_NEXT)))) begin_transport_upload();
  if (a == SLC_PENDING) {
    transport_pending_ = true;
    if (error) {
      piped_->cut_off = true;
      a = settle(SLC_FAIL);
    } else {
      auto waiting = wait(transport, plugin::HookKind::send);
      a = co_await waiting;
    }
    transport_pending_ = false;
  }
  if (a != SLC_REPLY && a != SLC_NEXT) {
    if (!piped_ || !piped_->cut_off) plugin::count_error(transport, plugin::HookKind::send, *worker);
    if (!error) fail(Errc::plugin, Source::plugin, arena().concat("transport ", transport.binding, " failed"));
  }
  if (!error && !response.status) response.status = 200;
  url_text_ = request.path;
  if (account) [[unlikely]]
    account->called(this, transport, plugin::HookKind::send, began, error ? "fail" : "reply");
  if (!piped_) co_return;
  if (!error && piped_->follows) {
    auto taking = take_transport_answer();
    co_await taking;
  } else {
    end_transport();
  }
}

loop::Task<void> BackendScope::take_transport_answer() {
  Piped& p = *piped_;
  p.answered = true;
  if (!response.body.empty()) {
    fail(Errc::plugin, Source::plugin, arena().concat("transport ", plan_.transport_object->place().binding, " gave a body and said that one follows"));
    end_transport();
    co_return;
  }
  announced_ = p.promised;
  if (plan_.raw) {
    streaming_ = true;
    co_return;
  }
  // A raw decoder under a decoding endpoint: the body is thrown away (encodings.md §7).
  discard_ = plan_.decoder->raw() && !plan_.keep_body;
  for (bool last = false; !last && !error;) {
    ask_for_more();
    if (!arrived_) co_await event_.wait();
    if (error) break;
    http::Slices bytes = take(&last);
    if (!discard_) append_body(bytes);
  }
  end_transport();
  if (!error && body_size_) response.body.push({body_, body_size_});
}

void BackendScope::open_pipe() {
  Exchange& x = *exchange_;
  piped_ = new Piped{*this};
  if (!SLC_HAS(plan_.transport, slc_transport, on_request_chunk)) return;
  uploading_ = x.body_streams && x.has_body && request.body.empty();  // not when a hook gave another body
  upload_length_ = uploading_ ? x.open_upload(*this, x.head().content_length) : static_cast<int64_t>(http::total_size(request.body.span()));
}

void BackendScope::drop_pipe() {
  if (piped_->hand.suspended) worker->tokens->drop(piped_->hand);
  delete std::exchange(piped_, nullptr);
}

void BackendScope::end_transport() {
  if (piped_) {
    if (std::exchange(piped_->over, true)) return;
    piped_->later.disarm();
    if (piped_->hand.suspended) worker->tokens->drop(piped_->hand);
  } else if (!transport_pending_) {
    return;
  }
  transport_pending_ = false;
  plugin::PlaceScope place{&plan_.transport_object->place(), plugin::HookKind::cancel, memory};
  plan_.transport->cancel(plan_.transport_object->state(*worker), this, &transport_slot_);
}

// ---- from one turn of the loop to the next ----

// A deadline of 0 that is armed from its own expiry would come in the same turn, and hold the loop for as long as the client takes.
void BackendScope::tell_later() {
  Piped& p = *piped_;
  if (!p.over && !p.later.armed()) worker->loop.deadlines().arm(p.later, p.told_ms == worker->loop.now_ms() ? 1 : 0);
}

// The consumer has taken what there was and wants more.
void BackendScope::ask_for_more() {
  Piped& p = *piped_;
  if (!p.wants_room || p.ended || !carry_.empty() || !SLC_HAS(plan_.transport, slc_transport, on_room)) return;
  p.room_due = true;
  tell_later();
}

void BackendScope::tell() {
  Piped& p = *piped_;
  p.told_ms = worker->loop.now_ms();
  if (std::exchange(p.room_due, false) && !p.ended && !error) {
    p.wants_room = false;
    plugin::PlaceScope place{&plan_.transport_object->place(), plugin::HookKind::on_room, memory};
    plan_.transport->on_room(plan_.transport_object->state(*worker), this, &transport_slot_);
  }
  p.later.disarm();
  if (transport_pending_) {
    if (!error) return;
    // The call has failed without it: its answer is not waited for any more.
    p.cut_off = true;
    plugin::drop_suspension(*this);
    resumed_with = SLC_FAIL;
    if (resumed.waiting()) resumed.set();
  } else if (arrived_ || error) {
    wake();
  }
}

// ---- the request's body ----

void BackendScope::begin_transport_upload() {
  if (!SLC_HAS(plan_.transport, slc_transport, on_request_chunk)) return;
  if (uploading_) start_upload();
  else if (!request.body.empty()) hand_over(request.body.span(), true);
}

bool BackendScope::hand_over(http::Slices slices, bool last) {
  Piped& p = *piped_;
  auto closed = [&] { return p.over || p.ended || error; };
  size_t i = 0;
  for (; i < slices.size() && !p.hand.suspended && !closed(); ++i) {
    const bool at_end = last && i + 1 == slices.size();
    if (!slices[i].empty() || at_end) hand_piece(slices[i], at_end, 0);
  }
  if (slices.empty() && last && !p.hand.suspended && !closed()) {
    hand_piece({}, true, 0);
  } else if (p.hand.suspended && (i < slices.size() || (slices.empty() && last))) {
    for (; i < slices.size(); ++i) p.queue.append(slices[i]);
    p.queue_last = p.queue_last || last;
  }
  const bool room = !p.hand.suspended && !closed();
  if (!room && !last && upload_begun_) exchange_->stream().pause_body();
  return room;
}

void BackendScope::hand_piece(http::Slice bytes, bool last, uint32_t flags) {
  Piped& p = *piped_;
  const slc_chunk chunk{sizeof chunk, flags | (last ? uint32_t{SLC_CHUNK_LAST} : 0u), plugin::str(bytes)};
  slc_action a;
  {
    plugin::PlaceScope place{&plan_.transport_object->place(), plugin::HookKind::on_request_chunk, memory};
    p.calling = true;
    a = plan_.transport->on_request_chunk(plan_.transport_object->state(*worker), this, &transport_slot_, &chunk);
    p.calling = false;
  }
  if (a == SLC_PENDING && p.hand.suspended) {
    if (bytes.data() != p.held.data()) p.held.assign(bytes);
    p.held_last = last;
    return;
  }
  if (p.hand.suspended) worker->tokens->drop(p.hand);
  p.took_last = last;
  if (a != SLC_NEXT && a != SLC_TAKE) fail_transport();
}

void BackendScope::on_hand_resumed() {
  Piped& p = *piped_;
  if (p.over || p.ended || error) return;
  const slc_action a = p.hand.resumed_with;
  p.took_last = p.held_last;
  if (a == SLC_AGAIN) hand_piece(p.held, p.held_last, SLC_CHUNK_AGAIN);
  else if (a != SLC_NEXT && a != SLC_TAKE) return fail_transport();
  while (!p.hand.suspended && !p.ended && !error && (!p.queue.empty() || p.queue_last)) {
    p.held.swap(p.queue);
    p.queue.clear();
    hand_piece(p.held, std::exchange(p.queue_last, false), 0);
  }
  if (!p.hand.suspended && !p.took_last && !p.ended && !error) on_writable();
}

// on_request_chunk did.
void BackendScope::fail_transport() {
  const plugin::Place& place = plan_.transport_object->place();
  plugin::count_error(place, plugin::HookKind::on_request_chunk, *worker);
  if (!error) fail(Errc::plugin, Source::plugin, arena().concat("transport ", place.binding, " failed"));
  tell_later();
}

// ---- sluice.stream/1 ----

// The binding itself, or code of its plugin of which nobody knows for which binding it runs: posted, or from a thread of its own.
bool BackendScope::is_of_transport() const {
  if (!piped_) return false;
  const plugin::Place& own = plan_.transport_object->place();
  return !plugin::current_place || plugin::current_place == &own || plugin::current_place == own.module;
}

slc_status BackendScope::stream_follow(int64_t length) {
  if (!is_of_transport() || !SLC_HAS(plan_.transport, slc_transport, on_room)) return SLC_EINVAL;
  Piped& p = *piped_;
  if (p.answered || p.over || p.follows) return SLC_ESTALE;
  p.follows = true;
  p.promised = length;
  return SLC_OK;
}

slc_status BackendScope::stream_emit(int32_t side, std::string_view bytes) {
  if (!is_of_transport()) return Scope::stream_emit(side, bytes);
  Piped& p = *piped_;
  if (side != SLC_RESPONSE || !p.follows) return SLC_EINVAL;
  if (p.ended || p.over || error) return SLC_ESTALE;
  if (bytes.size() > BodyFlow::kMostEmitted - carry_.size()) {
    // One that never fits is not worth waiting for.
    if (bytes.size() <= BodyFlow::kMostEmitted) p.wants_room = true;
    return SLC_ELIMIT;
  }
  p.emitted += static_cast<int64_t>(bytes.size());
  if (p.promised >= 0 && p.emitted > p.promised) {
    constexpr std::string_view kWhy = "it is longer than was promised";
    stream_finish(&kWhy);
    return SLC_EINVAL;
  }
  if (bytes.empty()) return SLC_OK;
  carry_.append(bytes);
  arrived_ = true;
  if (p.answered) tell_later();
  return SLC_OK;
}

size_t BackendScope::stream_room(int32_t side) {
  if (!is_of_transport()) return Scope::stream_room(side);
  Piped& p = *piped_;
  if (side != SLC_RESPONSE || !p.follows || p.ended || p.over || error) return 0;
  const size_t room = BodyFlow::kMostEmitted - carry_.size();
  if (room == 0) p.wants_room = true;
  return room;
}

slc_status BackendScope::stream_finish(const std::string_view* why) {
  if (!is_of_transport() || !piped_->follows) return SLC_EINVAL;
  Piped& p = *piped_;
  if (p.ended || p.over) return SLC_ESTALE;
  p.ended = true;
  constexpr std::string_view kShort = "it is shorter than was promised";
  if (!why && p.promised >= 0 && p.emitted < p.promised) why = &kShort;
  if (!why) {
    last_ = arrived_ = true;
    if (p.answered) tell_later();
    return SLC_OK;
  }
  if (!error) {
    fail(Errc::truncated, Source::backend,
         arena().concat("transport ", plan_.transport_object->place().binding, " broke its body off", why->empty() ? "" : ": ", *why));
    // Of a body that has begun to leave, nobody else tells.
    if (streaming_ && exchange_->stream().started() && log::enabled(log::Level::error))
      log::write(log::Level::error, arena().concat(plan_.where, " ", error.message));
  }
  tell_later();
  return SLC_OK;
}

slc_token BackendScope::stream_suspend(int32_t side) {
  if (!is_of_transport()) return Scope::stream_suspend(side);
  return side == SLC_REQUEST && piped_->calling ? worker->tokens->suspend(piped_->hand) : 0;
}

int64_t BackendScope::stream_request_length() {
  return is_of_transport() && SLC_HAS(plan_.transport, slc_transport, on_request_chunk) ? upload_length_ : 0;
}

}  // namespace sluice::pipeline
