// What a hook sees and what it changed, as frames (ring.h). The gateway writes calls and the helper reads them into a mirror
// exchange; the helper writes what its plugin changed there, and the gateway checks and applies it. The gateway trusts nothing
// in a reply: what is malformed, or what a plugin inside the gateway would have been refused, spoils the whole reply.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/plugin/exchange.h"
#include "core/plugin/hook.h"
#include "core/plugin/isolate/wire.h"
#include "core/plugin/remote.h"

namespace sluice::plugin::isolate {

enum class Hook : uint8_t { request = 1, raw_response = 2, response = 3, done = 4, send = 5, cancel = 6, write = 7, watch = 8,
                            flush = 9, level = 10, export_state = 11, import_state = 12, decode = 13, encode = 14, pick = 15,
                            call = 16, attempt = 17 };
HookKind hook_kind(Hook);
// Functions that answer at once and keep nothing: what the helper has of the exchange goes when they have returned.
constexpr bool answers_at_once(Hook h) { return h >= Hook::decode && h <= Hook::pick; }
std::string_view hook_name(uint32_t);  // "on_request"; of no hook: "a callback"

// What calls of one kind have cost over there since the last reply. `longest` is of all times.
struct Cost {
  HookKind kind = HookKind::none;
  uint64_t calls = 0, ticks = 0, longest = 0, bytes = 0;
};
// Run by the helper's own loop and not because the gateway called.
bool is_callback(HookKind);

// ---- calls: gateway → helper ----

enum class CallKind : uint8_t {
  hook = 1,
  done = 2,    // the exchange ends: on_done, no reply
  forget = 3,  // the same without on_done
  attempt = 4, // what an around stage has run is over: the attempt's exchange, its number for an id; no reply
};

struct CallHead {
  CallKind kind = CallKind::hook;
  Hook hook = Hook::request;
  uint64_t id = 0;      // of the reply; 0: none is wanted
  uint64_t link = 0;    // exchange and stage, unique in the channel
  uint64_t object = 0;  // what create() made
  // A body that the helper has from the call before is not sent again.
  bool request_body = true, response_body = true;
};

constexpr size_t kHeadSize = 28;  // of a call, behind the frame's length

// What a function that answers at once is given besides the exchange.
struct Question {
  uint32_t flags = 0;                         // decode
  const slc_candidate* candidates = nullptr;  // pick
  uint32_t count = 0;
  uint64_t list = 0;  // the same number for the same list of hosts, until it changes
};

// Appends room for the frame's length, the head and, unless it is a `forget`, all that the exchange shows; of a decoder, which sees
// no exchange, the response body and no more. False: too much.
bool put_call(std::string& out, const CallHead&, slc_exchange&, const Question& = {});
// False: no call.
bool take_head(Reader&, CallHead*);
// Fills the mirror; views are of the frame's bytes, which live as long as the mirror. `inside` is where its outcome goes.
bool take_call(Reader&, const CallHead&, slc_exchange& mirror, Error& inside, Question* = nullptr);

// ---- replies: helper → gateway ----

// The mirror as it was when the hook was called.
class Before {
 public:
  void take(slc_exchange&);  // in the mirror's arena
  void take_response(slc_exchange&);  // its part, and how it ended, anew

 private:
  friend void put_reply(std::string&, uint64_t, slc_action, bool, bool, slc_exchange&, const Before&, std::span<const Cost>, std::optional<uint32_t>);
  std::string_view method_, path_, query_;
  ArenaVector<http::Header> headers_[2];
  ArenaVector<http::Slice> bodies_[2];
  ArenaVector<router::Param> params_;
  int status_ = 0;
  bool complete_ = false, had_data_ = false;
  const char* error_ = nullptr;
  Errc code_ = Errc::none;
};

// Appends room for the frame's length and the reply. `keeps`: the plugin has state of this exchange. `data`: the tree changed.
// `chosen`: of pick.
void put_reply(std::string& out, uint64_t id, slc_action, bool keeps, bool data, slc_exchange& mirror, const Before&, std::span<const Cost> = {},
               std::optional<uint32_t> chosen = {});
// The reply of a decoder, but for the costs: they are known when its deferred text has been expanded, which writing the tree does.
// put_costs() ends it. False: the tree is too large, and the reply is a refusal.
bool put_decoded(std::string& out, uint64_t id, slc_status, Arena&, document::Node* tree, slc_str why);
void put_costs(std::string& out, std::span<const Cost>);
// The action of a reply to a function that answers at once: it was not called, and the failure says why.
constexpr slc_action kNotCalled = INT32_MIN;
// Actions of what is no reply: an around stage wants its inside run, on the request as it is now, or an attempt cancelled; `chosen`
// is the attempt's number, from 1 on. The call goes on. In its reply `chosen` is the attempt that is used.
constexpr slc_action kRunInside = INT32_MIN + 1, kCancelAttempt = INT32_MIN + 2;
constexpr uint32_t kMostAttempts = 1000;  // of one call of a stage

// A reply, read. Views are of the frame's bytes. Used again for the next one.
class Reply {
 public:
  uint64_t id = 0;
  slc_action action = SLC_FAIL;
  bool keeps = false;
  std::vector<Cost> costs;

  // The frame's first value, to find the exchange that the rest is for.
  static uint64_t id_of(std::string_view frame);
  // False: malformed. Changes nothing; a document is built in `arena` already.
  bool take(std::string_view frame, Arena& arena);
  // Makes the changes. False: one of them would have been refused to a plugin of the gateway's own.
  bool apply(slc_exchange&) const;
  // The same for what a function that answers at once may change, and its answer. False also: there is none.
  bool answer(slc_exchange&, RemoteCall&) const;
  std::optional<uint32_t> chosen() const { return chosen_; }
  // Of kNotCalled.
  std::string_view why_not_called() const { return failure_ ? failure_->why : std::string_view{}; }

 private:
  struct Failure {
    int32_t http_status;
    std::string_view why, body, content_type;
  };
  void clear();
  bool take_headers(Reader&, int side);
  static bool apply_headers(slc_exchange&, http::Headers&, const std::vector<http::Header>&);
  std::optional<std::string_view> fields_[3];  // method, path, query
  bool has_headers_[2];
  std::vector<http::Header> headers_[2];
  std::optional<std::string_view> bodies_[2];
  bool has_params_;
  std::vector<router::Param> params_;
  std::optional<int32_t> status_;
  std::optional<bool> complete_;
  bool has_data_, no_data_;
  document::Node data_;
  std::optional<Failure> failure_;
  std::optional<uint32_t> chosen_;
};

}  // namespace sluice::plugin::isolate
