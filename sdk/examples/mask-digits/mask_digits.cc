// example/mask-digits: hides long numbers, such as those of credit cards, in answers of any size as they pass.
//
//   "extra_config": { "example/mask-digits": { "least": 13, "keep": 4 } }
//
// What to look at: a chunk hook sees a body in pieces and never as a whole. A number may be cut in two, so the end of one piece
// is held back until the next one tells. What the plugin does not change is passed on without being copied.
#include <algorithm>

#include <sluice/plugin.hpp>

#include "mask.h"

namespace {

using sluice::Action;
using sluice::Exchange;

// How much of a piece is worked on at a time: the text that is made of it is in memory until it is emitted.
constexpr size_t kSlice = 16 * 1024;

class MaskDigits {
 public:
  static constexpr auto name = "example/mask-digits";
  static constexpr auto scopes = sluice::scope::endpoint;
  static constexpr int32_t stage = 150;  // outside of nearly everything: what the others answer is masked as well
  static constexpr auto schema = R"({
  "$schema": "http://json-schema.org/draft-07/schema#",
  "title": "example/mask-digits",
  "description": "Hides long numbers in answers.",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "least": {"type": "integer", "minimum": 2, "maximum": 64, "default": 13, "description": "Numbers of so many digits and more are hidden."},
    "keep": {"type": "integer", "minimum": 0, "maximum": 63, "default": 4, "description": "Their last digits, which stay."}
  }
})";

  explicit MaskDigits(sluice::Setup& setup)
      : least_{static_cast<size_t>(setup.integer("least", 13, 2, 64))},
        keep_{static_cast<size_t>(setup.integer("keep", 4, 0, 63))},
        content_type_{setup.header("Content-Type")},
        content_encoding_{setup.header("Content-Encoding")} {
    if (keep_ >= least_) setup.error("keep", "must be below \"least\", or nothing would be hidden");
  }

  // The head of the answer, before its first piece: here the plugin says what it will do with the body.
  Action on_response(Exchange x) const {
    if (!is_text(x.response().header(content_type_))) {
      x.expect(SLC_RESPONSE, sluice::body_skipped);  // images and the like: our chunk hook is not even called
      return sluice::next;
    }
    // We cannot read what is compressed, and what we cannot read we cannot vouch for.
    const std::string_view coding = x.response().header(content_encoding_);
    if (!coding.empty() && coding != "identity") {
      return x.fail(502, "mask-digits: the backend's answer has the coding " + std::string{coding} + "; do not pass on Accept-Encoding");
    }
    x.expect(SLC_RESPONSE, sluice::length_kept);  // so the answer keeps its Content-Length
    return sluice::next;
  }

  Action on_response_chunk(Exchange x, sluice::Chunk chunk) const {
    Passing* p = x.state<Passing>();
    if (p == nullptr) p = &x.make_state<Passing>(example::Mask{least_, keep_});
    if (p->at == 0 && p->mask.leaves_alone(chunk.bytes())) return sluice::next;  // not copied, not even looked at twice

    for (std::string out; p->at < chunk.bytes().size(); out.clear()) {
      // A piece can be as large as a body that was merged in memory. There is room for some of it; `again` goes on with the same
      // piece when that has left.
      if (chunk.room() < kSlice + 64) return sluice::again;
      const std::string_view slice = chunk.bytes().substr(p->at, kSlice);
      p->mask.pass(slice, out);
      p->at += slice.size();
      chunk.emit(out);
    }
    p->at = 0;
    if (chunk.last()) {
      std::string rest;
      p->mask.finish(rest);
      chunk.emit(rest);
    }
    return sluice::take;  // what was emitted stands for the piece
  }

 private:
  // Of one answer, in the exchange's memory; destroyed with it.
  struct Passing {
    explicit Passing(example::Mask m) : mask{std::move(m)} {}
    example::Mask mask;
    size_t at = 0;  // how much of the piece is done, from one `again` to the next
  };

  static bool is_text(std::string_view type) {
    type = type.substr(0, type.find(';'));
    return type.empty() || type.substr(0, 5) == "text/" || type.find("json") != type.npos || type.find("xml") != type.npos;
  }

  size_t least_, keep_;
  sluice::Header content_type_, content_encoding_;
};

}  // namespace

SLC_MIDDLEWARE_PLUGIN("example.mask-digits", "1.0.0", MaskDigits)
