#include "core/http/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <climits>

namespace sluice::http {
namespace {

Error broken(Errc code, std::string_view message) {
  Error e;
  e.code = code, e.source = Source::backend, e.message = message;
  return e;
}

void destroy(z_stream* z) {
  inflateEnd(z);
  delete z;
}

}  // namespace

GzipPool::~GzipPool() {
  for (z_stream* z : spare_) destroy(z);
}

GzipDecoder::~GzipDecoder() {
  if (!z_) return;
  if (pool_ && pool_->spare_.size() < GzipPool::kKeep && inflateReset(z_) == Z_OK)
    pool_->spare_.push_back(z_);
  else
    destroy(z_);
}

bool GzipDecoder::open() {
  if (z_) return true;
  if (pool_ && !pool_->spare_.empty()) {
    z_ = pool_->spare_.back();
    pool_->spare_.pop_back();
    return true;
  }
  z_ = new z_stream{};
  if (inflateInit2(z_, 16 + MAX_WBITS) == Z_OK) return true;
  delete z_;
  z_ = nullptr;
  return false;
}

Result<size_t> GzipDecoder::decode(Slice& in, char* out, size_t room) {
  if ((in.empty() && !pending_) || room == 0) return size_t{0};
  if (!open()) return broken(Errc::internal, "gzip: out of memory");
  size_t written = 0;
  pending_ = false;
  for (;;) {
    if (between_) {
      if (in.empty()) break;
      between_ = false;
    }
    uInt give = static_cast<uInt>(std::min<size_t>(in.size(), INT_MAX));
    uInt take = static_cast<uInt>(std::min<size_t>(room - written, INT_MAX));
    z_->next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    z_->avail_in = give;
    z_->next_out = reinterpret_cast<Bytef*>(out + written);
    z_->avail_out = take;
    int rc = inflate(z_, Z_NO_FLUSH);
    size_t used = give - z_->avail_in, got = take - z_->avail_out;
    in.remove_prefix(used);
    consumed_ += used, produced_ += got, written += got;
    if (limits_.max_bytes && produced_ > limits_.max_bytes) return broken(Errc::limit, "gzip: output over its limit");
    if (limits_.max_ratio && produced_ > limits_.ratio_from && produced_ / limits_.max_ratio > consumed_)
      return broken(Errc::limit, "gzip: compression ratio over its limit");
    if (rc == Z_STREAM_END) {
      between_ = true;  // another member may follow; anything else there is an error, as in RFC 1952 §2.2
      if (inflateReset(z_) != Z_OK) return broken(Errc::internal, "gzip: reset failed");
      if (written == room && !in.empty()) break;
      continue;
    }
    if (rc != Z_OK && rc != Z_BUF_ERROR) return broken(Errc::decode, "gzip: corrupt data");
    if (written == room) {
      pending_ = true;
      break;
    }
    if (in.empty()) break;
    if (used == 0 && got == 0) return broken(Errc::decode, "gzip: corrupt data");
  }
  return written;
}

Error GzipDecoder::finish() const {
  if (between_) return {};
  return broken(Errc::truncated, "gzip: unexpected end of data");
}

}  // namespace sluice::http
