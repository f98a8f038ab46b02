// Part of sluice/testing.hpp: what a fuzzer runs for one input of a decoder or an encoder. See SLUICE_FUZZ_DECODER there.
#ifndef SLUICE_DETAIL_TESTING_FUZZ_HPP
#define SLUICE_DETAIL_TESTING_FUZZ_HPP
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace sluice::testing {

// Says what is wrong and aborts, which is how a fuzzer learns of it.
[[noreturn]] inline void fuzz_failed(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::abort();
}

// The document that some bytes stand for: JSON as it is, so that a corpus can be read by people; anything else builds one, a byte or
// two a value, at most 64 levels deep. Every input makes one.
class FuzzDocument {
 public:
  FuzzDocument(const uint8_t* bytes, size_t size) : rest_{reinterpret_cast<const char*>(bytes), size} {
    std::string error;
    root = Json::parse(rest_, error);
    if (!error.empty()) root = value(0);
  }
  Json root;

 private:
  uint8_t next() {
    if (rest_.empty()) return 7;
    const auto b = static_cast<uint8_t>(rest_[0]);
    rest_.remove_prefix(1);
    return b;
  }
  std::string text() {
    const size_t length = next() % 32;
    const std::string_view t = rest_.substr(0, length);
    rest_.remove_prefix(t.size());
    return std::string{t};
  }
  Json value(int depth) {
    static constexpr const char* kNumbers[] = {"0", "-0", "1.50", "1e300", "-7", "18446744073709551616", "0.1", "1E-9"};
    Json out;
    const uint8_t b = next();
    switch (b % 8) {
      case 1: out.kind = SLC_BOOL, out.truth = (b >> 3) & 1; break;
      case 2: out.kind = SLC_NUMBER, out.text = kNumbers[(b >> 3) % 8]; break;
      case 3: out.kind = SLC_NUMBER, out.text = std::to_string(next()); break;
      case 4: out.kind = SLC_STRING, out.text = text(); break;
      case 5:
      case 6:
        out.kind = b % 8 == 5 ? SLC_ARRAY : SLC_OBJECT;
        while (depth < 64 && !rest_.empty() && static_cast<uint8_t>(rest_[0]) % 8 != 7) {
          if (out.kind == SLC_ARRAY) {
            out.elements.push_back(value(depth + 1));
          } else {
            const std::string key = text();
            out.put(key, value(depth + 1));
          }
        }
        next();
        break;
      default: break;  // null
    }
    return out;
  }
  std::string_view rest_;
};

// One body: decoded whole and in pieces of 1, 2, 3 and 7 bytes, for a backend with and without is_collection. Each piece is in memory
// of its own, so that a sanitizer sees who reads beyond it. Aborts when the results differ, or when SLC_OK comes without exactly one
// whole document. Returns 0, as a fuzzer wants it.
inline int fuzz_decoder(const slc_entry& entry, std::string_view name, const uint8_t* bytes, size_t size) {
  FakeHost host;
  Configured plugin{host, entry, name, {}, 0, SLC_IFACE_DECODER};
  if (!plugin.ok()) fuzz_failed("the decoder cannot be made: " + host.problem_text());
  const auto& table = plugin.table<slc_decoder>();
  auto decoded = [&](size_t piece, uint32_t flags) {
    std::vector<std::unique_ptr<char[]>> memory;
    std::vector<slc_str> chunks;
    for (size_t at = 0; at < size; at += chunks.back().len) {
      const size_t n = std::min(piece, size - at);
      memory.push_back(std::make_unique<char[]>(n));
      std::memcpy(memory.back().get(), bytes + at, n);
      chunks.push_back({memory.back().get(), n});
    }
    JsonBuilder builder{&table};
    slc_str why{nullptr, 0};
    const slc_status status = table.decode(plugin.state(), chunks.data(), static_cast<uint32_t>(chunks.size()), flags, builder.handle(), &why);
    if (status != SLC_OK) return "refused: " + std::string{JsonService::view(why)};
    // What does not fit the fakes (more than 100 levels) may fit the gateway.
    if (!builder.complete() && !builder.spoiled()) fuzz_failed("decode answered SLC_OK without one whole document");
    return builder.complete() ? builder.root().write() : std::string{"spoiled"};
  };
  for (const uint32_t flags : {0u, uint32_t{SLC_DECODE_COLLECTION}}) {
    const std::string whole = decoded(size, flags);
    for (const size_t piece : {1, 2, 3, 7}) {
      if (piece >= size) break;
      const std::string cut = decoded(piece, flags);
      if (cut != whole)
        fuzz_failed("the result depends on where the body was cut\nwhole: " + whole + "\nin pieces of " + std::to_string(piece) + ": " + cut);
    }
  }
  return 0;
}

// One document: encoded as an answer. Aborts when encode answers a status that is none. Returns 0.
inline int fuzz_encoder(const slc_entry& entry, std::string_view name, const uint8_t* bytes, size_t size) {
  FakeHost host;
  Configured plugin{host, entry, name, {}, 0, SLC_IFACE_ENCODER};
  if (!plugin.ok()) fuzz_failed("the encoder cannot be made: " + host.problem_text());
  for (const bool absent : {false, true}) {
    FakeExchange x{host};
    if (!absent) x.data = FuzzDocument{bytes, size}.root;
    x.has_data = !absent;
    const slc_status status = plugin.encode(x);
    if (status > SLC_OK || status < SLC_EEXIST) fuzz_failed("encode answered " + std::to_string(status) + ", which is no status");
  }
  return 0;
}

}  // namespace sluice::testing

// At the top level of a file that is linked with the plugin's sources: what libFuzzer (clang -fsanitize=fuzzer) calls with each input.
// docs/plugins/testing.md shows how to build and run it.
#define SLUICE_FUZZ_DECODER(name)                                                      \
  extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {           \
    return ::sluice::testing::fuzz_decoder(SLC_ENTRY_SYMBOL, (name), bytes, size);     \
  }
#define SLUICE_FUZZ_ENCODER(name)                                                      \
  extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {           \
    return ::sluice::testing::fuzz_encoder(SLC_ENTRY_SYMBOL, (name), bytes, size);     \
  }
#endif
