// Responses in pieces. The first byte chooses options, the second how the rest is cut; whatever the cuts, the outcome must
// be that of the whole.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "core/http/gzip.h"
#include "core/http/response_codec.h"

namespace {

using namespace sluice;
using namespace sluice::http;

struct Outcome {
  std::string head, body;
  ResponseCodec::Status status = ResponseCodec::Status::more;
  Errc code = Errc::none;
  bool keep_alive = false;
  size_t extra = 0;
  bool operator==(const Outcome&) const = default;
};

Outcome decode(const char* data, size_t size, bool head_method, uint32_t seed) {
  static BlockPool blocks;
  static auto batch = std::make_unique<ResponseCodec::Batch>();
  Arena arena{blocks};
  ResponseCodec codec;
  codec.reset(head_method, 4096);
  Outcome out;
  for (size_t at = 0; at < size && out.status == ResponseCodec::Status::more;) {
    size_t piece = size - at;
    if (seed) {
      seed = seed * 1664525 + 1013904223;
      piece = std::min<size_t>(piece, 1 + (seed >> 24) % 40);
    }
    std::vector<char> exact{data + at, data + at + piece};
    at += piece;
    out.status = codec.feed(arena, exact.data(), exact.size(), *batch);
    if (batch->has_head) {
      out.head = std::to_string(batch->head.status) + std::string{batch->head.reason};
      for (const Header& h : batch->head.headers) out.head += "|" + std::string{h.name} + "=" + std::string{h.value};
    }
    for (Slice s : batch->body()) {
      if (s.data() < exact.data() || s.data() + s.size() > exact.data() + exact.size()) std::abort();
      out.body += s;
    }
    if (batch->extra > piece) std::abort();
    if (out.status == ResponseCodec::Status::done) out.extra = batch->extra + (size - at);
  }
  if (out.status == ResponseCodec::Status::more) out.status = codec.finish();
  out.code = codec.code();
  out.keep_alive = out.status == ResponseCodec::Status::done && codec.keep_alive();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size < 2) return 0;
  const char* data = reinterpret_cast<const char*>(bytes) + 2;
  bool head_method = bytes[0] & 1;
  Outcome whole = decode(data, size - 2, head_method, 0);
  Outcome cut = decode(data, size - 2, head_method, 1 + bytes[1]);
  if (!(whole == cut)) std::abort();

  GzipDecoder gzip{{.max_bytes = 1 << 20, .max_ratio = 0}};
  Slice in = whole.body;
  char buffer[512];
  do {
    auto n = gzip.decode(in, buffer, sizeof buffer);
    if (!n) break;
  } while (!in.empty() || gzip.pending());
  return 0;
}
