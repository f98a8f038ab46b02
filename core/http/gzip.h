// Incremental decoding of gzip (RFC 1952), several members in a row included, with bounds against bombs. One thread.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/result.h"
#include "core/http/message.h"

struct z_stream_s;

namespace sluice::http {

// Keeps a few inflate states (about 40 KB each) of one worker for reuse. Outlives its decoders.
class GzipPool {
 public:
  static constexpr size_t kKeep = 8;
  GzipPool() = default;
  ~GzipPool();
  GzipPool(const GzipPool&) = delete;
  GzipPool& operator=(const GzipPool&) = delete;

 private:
  friend class GzipDecoder;
  std::vector<z_stream_s*> spare_;
};

// The caller owns the output buffers, so the same decoder serves a collected body and a streamed one:
//
//   for (Slice in : slices)
//     do {
//       auto n = decoder.decode(in, buffer, sizeof buffer);   // takes from the front of `in`
//       if (!n) return n.error();
//       use(buffer, *n);
//     } while (!in.empty() || decoder.pending());
//   … at the end of the body: if (Error e = decoder.finish()) return e;
class GzipDecoder {
 public:
  struct Limits {
    uint64_t max_bytes = 0;  // of output; 0: none
    // Output over input; 0: none. Deflate itself cannot exceed about 1,030.
    uint32_t max_ratio = 0;
    uint64_t ratio_from = 1 << 20;  // bytes of output before the ratio counts: little text may well repeat itself
  };
  explicit GzipDecoder(Limits limits, GzipPool* pool = nullptr) : limits_{limits}, pool_{pool} {}
  ~GzipDecoder();
  GzipDecoder(const GzipDecoder&) = delete;
  GzipDecoder& operator=(const GzipDecoder&) = delete;

  // Bytes written to `out`. Returns when `in` is empty or `out` is full. Errc::decode: not gzip, corrupt, or something
  // else behind the last member. Errc::limit: over a bound. After an error: only destruction.
  Result<size_t> decode(Slice& in, char* out, size_t room);
  bool pending() const { return pending_; }  // `out` was full; there may be more output without more input
  // No more input: truncated when a member is unfinished. No input at all is an empty body, no error.
  Error finish() const;
  uint64_t produced() const { return produced_; }

 private:
  bool open();
  Limits limits_;
  GzipPool* pool_;
  z_stream_s* z_ = nullptr;  // made by the first byte
  uint64_t consumed_ = 0, produced_ = 0;
  bool between_ = true;      // before a member
  bool pending_ = false;
};

}  // namespace sluice::http
