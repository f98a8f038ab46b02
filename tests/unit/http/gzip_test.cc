#include "core/http/gzip.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <string>

namespace sluice::http {
namespace {

std::string compress(const std::string& text, int level = 6) {
  z_stream z{};
  deflateInit2(&z, level, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&z, text.size()) + 64, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

struct Result1 {
  std::string text;
  Errc code = Errc::none;
};

Result1 inflate_pieces(const std::string& data, size_t piece, size_t room, GzipDecoder::Limits limits = {}, GzipPool* pool = nullptr) {
  GzipDecoder decoder{limits, pool};
  Result1 r;
  std::string buffer(room, '\0');
  for (size_t at = 0; at < data.size(); at += piece) {
    std::string exact = data.substr(at, piece);
    Slice in = exact;
    do {
      auto n = decoder.decode(in, buffer.data(), room);
      if (!n) {
        r.code = n.error().code;
        return r;
      }
      r.text.append(buffer, 0, *n);
    } while (!in.empty() || decoder.pending());
  }
  EXPECT_EQ(decoder.produced(), r.text.size());
  r.code = decoder.finish().code;
  return r;
}

std::string sample() {
  std::string s;
  for (int i = 0; i < 3000; ++i) s += "{\"id\": " + std::to_string(i * 7919 % 1000) + "},";
  return s;
}

TEST(GzipTest, EverySplitGivesTheSameText) {
  std::string text = sample(), data = compress(text);
  for (size_t piece : {size_t{1}, size_t{2}, size_t{13}, size_t{4096}, data.size()})
    for (size_t room : {size_t{1}, size_t{100}, size_t{1} << 20}) {
      Result1 r = inflate_pieces(data, piece, room);
      EXPECT_EQ(r.code, Errc::none) << piece << "/" << room;
      EXPECT_EQ(r.text, text) << piece << "/" << room;
    }
}

TEST(GzipTest, OutputThatFillsTheRoomExactlyEndsWell) {
  std::string text(1000, 'x'), data = compress(text);
  for (size_t room : {size_t{500}, size_t{1000}, size_t{999}, size_t{1001}}) {
    Result1 r = inflate_pieces(data, data.size(), room);
    EXPECT_EQ(r.code, Errc::none);
    EXPECT_EQ(r.text, text);
  }
}

TEST(GzipTest, MembersAreConcatenated) {
  std::string data = compress("one ") + compress("") + compress("two");
  for (size_t piece : {size_t{1}, data.size()}) {
    EXPECT_EQ(inflate_pieces(data, piece, 3).text, "one two");
    EXPECT_EQ(inflate_pieces(data, piece, 4).text, "one two");
    EXPECT_EQ(inflate_pieces(data, piece, 100).code, Errc::none);
  }
}

TEST(GzipTest, EveryTruncationIsSeen) {
  std::string data = compress("hello, hello, hello");
  for (size_t n = 1; n < data.size(); ++n) EXPECT_EQ(inflate_pieces(data.substr(0, n), 3, 100).code, Errc::truncated) << n;
  EXPECT_EQ(inflate_pieces("", 1, 100).code, Errc::none);  // an empty body
}

TEST(GzipTest, GarbageAndCorruptionAreErrors) {
  EXPECT_EQ(inflate_pieces("this is no gzip at all", 100, 100).code, Errc::decode);
  EXPECT_EQ(inflate_pieces("this is no gzip at all", 1, 100).code, Errc::decode);
  std::string data = compress("hello");
  EXPECT_EQ(inflate_pieces(data + "garbage", 100, 100).code, Errc::decode);
  data[data.size() - 6] ^= 1;  // CRC
  EXPECT_EQ(inflate_pieces(data, 100, 100).code, Errc::decode);
}

TEST(GzipTest, BombsHitTheByteLimit) {
  std::string data = compress(std::string(50 << 20, '\0'), 9);
  EXPECT_EQ(inflate_pieces(data, data.size(), 1 << 16, {.max_bytes = 10 << 20}).code, Errc::limit);
  EXPECT_EQ(inflate_pieces(data, data.size(), 1 << 16, {.max_bytes = 50 << 20}).code, Errc::none);
}

TEST(GzipTest, BombsHitTheRatioLimit) {
  std::string data = compress(std::string(50 << 20, '\0'), 9);
  EXPECT_EQ(inflate_pieces(data, data.size(), 1 << 16, {.max_ratio = 100}).code, Errc::limit);
  EXPECT_EQ(inflate_pieces(compress(std::string(1 << 20, '\0'), 9), 4096, 1 << 16, {.max_ratio = 100}).code, Errc::none);
}

TEST(GzipTest, TheRatioCountsFromWhereTheLimitsSay) {
  const std::string data = compress(std::string(4 << 20, '\0'), 9);
  for (size_t piece : {size_t{1}, data.size()}) {
    EXPECT_EQ(inflate_pieces(data, piece, 1 << 16, {.max_ratio = 100, .ratio_from = 4 << 20}).code, Errc::none);
    EXPECT_EQ(inflate_pieces(data, piece, 1 << 16, {.max_ratio = 100, .ratio_from = (4 << 20) - 1}).code, Errc::limit);
    EXPECT_EQ(inflate_pieces(data, piece, 1 << 16, {.max_ratio = 2000, .ratio_from = 0}).code, Errc::none);
  }
}

TEST(GzipTest, PooledStatesStartAfresh) {
  GzipPool pool;
  std::string good = compress("again");
  EXPECT_EQ(inflate_pieces(good.substr(0, 9), 9, 100, {}, &pool).code, Errc::truncated);
  EXPECT_EQ(inflate_pieces("broken, broken", 9, 100, {}, &pool).code, Errc::decode);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(inflate_pieces(good, 4, 100, {}, &pool).text, "again");
}

}  // namespace
}  // namespace sluice::http
