// Part of sluice/plugin.hpp: what an exchange is made of: its state, its messages, pieces of bodies, answers of callouts.
#ifndef SLUICE_DETAIL_EXCHANGE_PARTS_HPP
#define SLUICE_DETAIL_EXCHANGE_PARTS_HPP
#include "sluice/detail/setup.hpp"

namespace sluice {
inline namespace SLUICE_PLUGIN_NAMESPACE {

namespace detail {

// One object in the exchange's arena whose destructor runs when the exchange is done.
struct Kept {
  Kept* below = nullptr;
  void (*destroy)(Kept*) noexcept = nullptr;
};

// What the wrapper keeps per exchange and binding, in the arena; the binding's slot points to it. It is made by the first
// call that needs it, so hooks that only look at headers pay nothing.
struct Slot {
  void* self = nullptr;       // what `void** slot` of a callback's Exchange points at
  Kept* kept = nullptr;       // newest first
  void* state = nullptr;      // make_state
  const void* state_type = nullptr;
  slc_token waits[3] = {};    // of the hooks and of each side's chunk hook: one serves a whole chain of callbacks
  bool transport = false;     // no on_done will come: clean up before the last resume

  // The hook has its answer: what it began to wait for must not speak for a later one. True: there was something.
  bool forget_wait() noexcept { return std::exchange(waits[0], 0) != 0; }

  void clean() noexcept {
    state = nullptr;
    while (kept) {
      Kept* k = kept;
      kept = k->below;
      k->destroy(k);
    }
  }
};

// One address per type, without RTTI.
template <class T>
inline constexpr char type_mark = 0;

}  // namespace detail

// A result of fetch(): valid inside the callback only.
class Reply {
 public:
  explicit Reply(const slc_reply* r) : reply_{r} {}
  bool ok() const { return reply_->result == SLC_OK; }  // an answer came, whatever its status
  slc_status result() const { return reply_->result; }
  int status() const { return ok() ? reply_->status : 0; }
  std::string_view body() const { return view(reply_->body); }
  std::string_view error() const { return view(reply_->error); }
  std::string_view header(std::string_view name) const {  // first of that name, any letter case
    for (uint32_t i = 0; i < reply_->header_count; ++i) {
      const std::string_view n = view(reply_->headers[2 * i]);
      if (n.size() != name.size()) continue;
      size_t k = 0;
      while (k < n.size() && lower(n[k]) == lower(name[k])) ++k;
      if (k == n.size()) return view(reply_->headers[2 * i + 1]);
    }
    return {};
  }

 private:
  static char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 32) : c; }
  const slc_reply* reply_;
};

// A callout, written as Exchange::fetch({.url = …, .timeout = 200ms}, …).
struct Fetch {
  std::string_view url;
  std::string_view method = "GET";
  std::string_view body{};
  std::vector<std::pair<std::string_view, std::string_view>> headers{};
  std::chrono::milliseconds timeout{0};  // 0: two seconds
  uint32_t max_body = 0;                 // bytes; 0: 1 MiB
};

// How long a body will be behind the chunk hook: a number of bytes or one of these.
inline constexpr int64_t length_unknown = SLC_LENGTH_UNKNOWN, length_kept = SLC_LENGTH_KEPT, body_skipped = SLC_BODY_SKIPPED;

// A piece of a body, as chunk hooks get it: on_request_chunk(Exchange, Chunk), on_response_chunk(Exchange, Chunk). The answer is
//   next    what was emitted, then the chunk as it is        take     only what was emitted
//   again   what was emitted; then the same chunk once more  pending  or return x.after(…), x.fetch(…), x.background(…):
//                                                                     the body waits, the callback's answer is one of these
class Chunk {
 public:
  Chunk(const slc_chunk* c, slc_exchange* x, const slc_stream_api* api, int32_t side) : chunk_{c}, x_{x}, api_{api}, side_{side} {}
  std::string_view bytes() const { return view(chunk_->bytes); }  // valid until the hook returns
  bool last() const { return (chunk_->flags & SLC_CHUNK_LAST) != 0; }
  bool repeated() const { return (chunk_->flags & SLC_CHUNK_AGAIN) != 0; }  // the hook has answered `again` to it
  // Copied, in order; SLC_ELIMIT: more than room(), nothing taken.
  Status emit(std::string_view bytes) const { return {api_->emit(x_, side_, str(bytes))}; }
  size_t room() const { return api_->room(x_, side_); }

 private:
  const slc_chunk* chunk_;
  slc_exchange* x_;
  const slc_stream_api* api_;
  int32_t side_;
};

// A suspended hook. resume() may come from any thread, any number of times, too late or never: only the first one counts.
class Suspension {
 public:
  Suspension() = default;
  Suspension(slc_token t, const slc_loop_api* api) : token_{t}, api_{api} {}
  explicit operator bool() const { return token_ != 0; }
  Status resume(Action a) const { return {token_ ? api_->resume(token_, a.value) : static_cast<slc_status>(SLC_ESTALE)}; }
  slc_token token() const { return token_; }

 private:
  slc_token token_ = 0;
  const slc_loop_api* api_ = nullptr;
};

// One side of an exchange: headers and body bytes.
class Message {
 public:
  Message(slc_exchange* x, const slc_exchange_api* api, int32_t side) : x_{x}, api_{api}, side_{side} {}

  // Absent: empty with data() == nullptr. The view lives as long as the exchange.
  std::string_view header(Header id, uint32_t nth = 0) const { return view(api_->header(x_, side_, id, nth)); }
  bool has_header(Header id) const { return api_->header(x_, side_, id, 0).ptr != nullptr; }
  Status set_header(Header id, std::string_view v) const { return {api_->set_header(x_, side_, id, str(v))}; }
  Status add_header(Header id, std::string_view v) const { return {api_->add_header(x_, side_, id, str(v))}; }
  Status remove_header(Header id) const { return {api_->remove_header(x_, side_, id)}; }
  // Adds a line before those of the same name that are there already, as if it had been set before them.
  Status put_header_first(Header id, std::string_view v) const {
    std::vector<std::string_view> others;
    for (std::string_view o; (o = header(id, static_cast<uint32_t>(others.size()))).data() != nullptr;) others.push_back(o);
    if (!others.empty()) remove_header(id);
    const Status s = add_header(id, v);
    for (const std::string_view o : others) add_header(id, o);
    return s;
  }
  // f(name, value) for each header line.
  template <class F>
  void each_header(F&& f) const {
    slc_str n{}, v{};
    for (uint32_t i = 0; api_->header_at(x_, side_, i, &n, &v) == SLC_OK; ++i) f(view(n), view(v));
  }
  // The whole body. One piece is a view of it; several are put together in the exchange's memory.
  std::string_view body() const {
    slc_str first{nullptr, 0};
    const uint32_t n = api_->body(x_, side_, &first, 1);
    if (n == 0) return {};
    if (n == 1) return view(first);
    auto* pieces = static_cast<slc_str*>(api_->alloc(x_, n * sizeof(slc_str), alignof(slc_str)));
    if (!pieces) return {};
    api_->body(x_, side_, pieces, n);
    size_t total = 0;
    for (uint32_t i = 0; i < n; ++i) total += pieces[i].len;
    auto* text = static_cast<char*>(api_->alloc(x_, total, 1));
    if (!text) return {};
    size_t at = 0;
    for (uint32_t i = 0; i < n; ++i) {
      if (pieces[i].len != 0) std::memcpy(text + at, pieces[i].ptr, pieces[i].len);
      at += pieces[i].len;
    }
    return {text, total};
  }
  Status set_body(std::string_view b) const { return {api_->set_body(x_, side_, str(b))}; }

 private:
  slc_exchange* x_;
  const slc_exchange_api* api_;
  int32_t side_;
};

}  // namespace SLUICE_PLUGIN_NAMESPACE
}  // namespace sluice
#endif
