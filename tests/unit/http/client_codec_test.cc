// ResponseCodec: every text whole, byte by byte and split once at each place must give the same.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/http/response_codec.h"

namespace sluice::http {
namespace {

using Status = ResponseCodec::Status;

struct Outcome {
  std::string text;     // "200 OK [a: b] {body} …"
  bool keep_alive = false;
  Errc code = Errc::none;
  size_t extra = 0;
};

struct Feeding {
  bool head_method = false;
  bool eof = false;
  uint32_t limit = 1 << 20;
};

Outcome decode(const std::vector<std::string>& pieces, Feeding how) {
  BlockPool blocks;
  Arena arena{blocks};
  ResponseCodec codec;
  auto batch = std::make_unique<ResponseCodec::Batch>();
  codec.reset(how.head_method, how.limit);
  Outcome out;
  std::string body;
  Status s = Status::more;
  for (size_t i = 0; i < pieces.size() && s == Status::more; ++i) {
    std::vector<char> exact{pieces[i].begin(), pieces[i].end()};  // its own heap block: overreads show
    s = codec.feed(arena, exact.data(), exact.size(), *batch);
    if (batch->has_head) {
      out.text += std::to_string(batch->head.status) + " " + std::string{batch->head.reason};
      for (const Header& h : batch->head.headers) out.text += " [" + std::string{h.name} + ": " + std::string{h.value} + "]";
      out.text += batch->head.no_body ? " none" : batch->head.chunked ? " chunked" : " " + std::to_string(batch->head.content_length);
    }
    EXPECT_LE(batch->count, ResponseCodec::kMaxSlices);
    for (Slice v : batch->body()) body += v;
    if (s == Status::done) out.extra = batch->extra;
    if (s == Status::done)
      for (size_t k = i + 1; k < pieces.size(); ++k) out.extra += pieces[k].size();
  }
  if (s == Status::more && how.eof) s = codec.finish();
  out.text += " {" + body + "}" + (s == Status::done ? " done" : s == Status::more ? " more" : " failed");
  out.keep_alive = codec.keep_alive();
  out.code = codec.code();
  return out;
}

Outcome every_way(const std::string& text, Feeding how = {}) {
  Outcome whole = decode({text}, how);
  auto same = [&](const Outcome& o, const std::string& way) {
    EXPECT_EQ(o.text, whole.text) << way;
    EXPECT_EQ(o.keep_alive, whole.keep_alive) << way;
    EXPECT_EQ(o.code, whole.code) << way;
    EXPECT_EQ(o.extra, whole.extra) << way;
  };
  std::vector<std::string> bytes;
  for (char c : text) bytes.emplace_back(1, c);
  same(decode(bytes, how), "byte by byte");
  for (size_t i = 1; i < text.size(); ++i) same(decode({text.substr(0, i), text.substr(i)}, how), "split at " + std::to_string(i));
  return whole;
}

TEST(ResponseCodecTest, AnnouncedBodyEndsAtItsLength) {
  Outcome o = every_way("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A:  b \t\r\nX-Empty:\r\n\r\nhello");
  EXPECT_EQ(o.text, "200 OK [Content-Length: 5] [X-A: b] [X-Empty: ] 5 {hello} done");
  EXPECT_TRUE(o.keep_alive);
  EXPECT_EQ(o.extra, 0u);
}

TEST(ResponseCodecTest, ChunksAreJoinedAndExtensionsAndTrailersDropped) {
  Outcome o = every_way("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "1\r\na\r\n3;x=\"y\"\r\nbcd\r\nA\r\n0123456789\r\n0\r\nX-T: v\r\n\r\n");
  EXPECT_EQ(o.text, "200 OK [Transfer-Encoding: chunked] chunked {abcd0123456789} done");
  EXPECT_TRUE(o.keep_alive);
}

TEST(ResponseCodecTest, ManySmallChunksStayFewSlices) {
  std::string text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", want;
  for (int i = 0; i < 5000; ++i) {
    std::string piece(i % 3 == 0 ? 1500 : 7, static_cast<char>('a' + i % 26));
    char size[16];
    snprintf(size, sizeof size, "%zx\r\n", piece.size());
    text += size + piece + "\r\n";
    want += piece;
  }
  text += "0\r\n\r\n";
  Outcome o = decode({text}, {});
  EXPECT_EQ(o.text, "200 OK [Transfer-Encoding: chunked] chunked {" + want + "} done");
}

TEST(ResponseCodecTest, HeadAndStatusesWithoutBody) {
  EXPECT_EQ(every_way("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", {.head_method = true}).text, "200 OK [Content-Length: 5] none {} done");
  EXPECT_EQ(every_way("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n").text, "304 Not Modified [Content-Length: 5] none {} done");
  EXPECT_EQ(every_way("HTTP/1.1 204 No Content\r\n\r\n").text, "204 No Content none {} done");
  EXPECT_EQ(every_way("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n").text, "200  [Content-Length: 0] 0 {} done");
  EXPECT_EQ(every_way("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", {.head_method = true}).text,
            "200 OK [Transfer-Encoding: chunked] none {} done");
}

TEST(ResponseCodecTest, InterimResponsesAreSwallowedUpToABound) {
  Outcome o = every_way("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
  EXPECT_EQ(o.text, "200 OK [Content-Length: 1] 1 {x} done");
  std::string many;
  for (int i = 0; i < 9; ++i) many += "HTTP/1.1 102 Processing\r\n\r\n";
  EXPECT_EQ(every_way(many).code, Errc::protocol);
  many.resize(many.size() - 27);
  EXPECT_EQ(decode({many}, {}).text, " {} more");
}

TEST(ResponseCodecTest, SwitchingProtocolsIsRefused) {
  EXPECT_EQ(every_way("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n").code, Errc::protocol);
}

TEST(ResponseCodecTest, BodyUntilCloseEndsWithTheConnection) {
  Outcome o = every_way("HTTP/1.1 200 OK\r\n\r\nall of it", {.eof = true});
  EXPECT_EQ(o.text, "200 OK -1 {all of it} done");
  EXPECT_FALSE(o.keep_alive);
  o = every_way("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nx", {.eof = true});
  EXPECT_EQ(o.text, "200 OK [Connection: keep-alive] -1 {x} done");
  EXPECT_FALSE(o.keep_alive);
}

TEST(ResponseCodecTest, ConnectionCloseAndHttp10AreHonoured) {
  EXPECT_FALSE(every_way("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx").keep_alive);
  EXPECT_FALSE(every_way("HTTP/1.1 204 No\r\nConnection: x, Close\r\n\r\n").keep_alive);
  EXPECT_FALSE(every_way("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx").keep_alive);
  EXPECT_TRUE(every_way("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx").keep_alive);
}

TEST(ResponseCodecTest, BytesBehindTheResponseAreCounted) {
  EXPECT_EQ(every_way("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxyz").extra, 2u);
  EXPECT_EQ(every_way("HTTP/1.1 204 No\r\n\r\nHTTP").extra, 4u);
  EXPECT_EQ(every_way("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n!").extra, 1u);
}

TEST(ResponseCodecTest, MissingBytesAreTruncation) {
  EXPECT_EQ(every_way("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", {.eof = true}).code, Errc::truncated);
  EXPECT_EQ(every_way("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", {.eof = true}).code, Errc::truncated);
  EXPECT_EQ(every_way("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", {.eof = true}).code, Errc::truncated);
  EXPECT_EQ(every_way("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n", {.eof = true}).code, Errc::truncated);
  EXPECT_EQ(every_way("HTTP/1.1 200 OK\r\nConte", {.eof = true}).code, Errc::reset);
  EXPECT_EQ(decode({}, {.eof = true}).code, Errc::reset);
}

TEST(ResponseCodecTest, MalformedHeadsAreRefused) {
  for (const char* text : {
           "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",             // bare LF
           "HTTP/1.1 200 OK\r\nA: b\nContent-Length: 0\r\n\r\n",
           "HTTP/1.1 200 OK\r\nA: b\rc\r\nContent-Length: 0\r\n\r\n",  // bare CR
           "HTTP/1.1 200 OK\r\nA:\rContent-Length: 0\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\n",
           "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",                    // obs-fold
           "\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
           "HTTP/1.1 200 OK\r\nA b: c\r\n\r\n",                        // blank in a name
           "HTTP/1.1 200 OK\r\nA : c\r\n\r\n",
           "HTTP/1.1 200 OK\r\n: c\r\n\r\n",
           "HTTP/1.1 200 OK\r\nA: b\x01\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
           "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\nx",
           "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 0x1\r\n\r\nx",
           "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nx",
           "HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999\r\n\r\nx",  // over int64
           "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nx",
           "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
           "HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n",
           "HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n",
           "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
           "ICY 200 OK\r\nContent-Length: 0\r\n\r\n",
           "SSH-2.0-x\r\n\r\n",
           "GET / HTTP/1.1\r\n\r\n",
       }) {
    Outcome o = every_way(text);
    EXPECT_EQ(o.code, Errc::protocol) << text;
    EXPECT_EQ(o.text, " {} failed") << text;
  }
  EXPECT_EQ(every_way(std::string("HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n", 28)).code, Errc::protocol);
}

TEST(ResponseCodecTest, MalformedChunksAreRefused) {
  std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const char* body : {"x\r\n", "1\r\nab\r\n0\r\n\r\n", "-1\r\n", "\r\n0\r\n\r\n", " 1\r\na\r\n", "11111111111111111\r\n", "1\r\na\rb0\r\n\r\n",
                           "1\na\r\n0\r\n\r\n", "1\r\na\n0\r\n\r\n", "0\r\nX: y\n\r\n", "0\r\n\n"})
    EXPECT_EQ(every_way(head + body).code, Errc::protocol) << body;
}

TEST(ResponseCodecTest, HeadsAreBounded) {
  std::string text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: " + std::string(200, 'x') + "\r\n\r\n";
  uint32_t size = static_cast<uint32_t>(text.size());
  EXPECT_EQ(every_way(text, {.limit = size}).text.substr(0, 6), "200 OK");
  EXPECT_EQ(every_way(text, {.limit = size - 1}).code, Errc::limit);
  std::string many = "HTTP/1.1 200 OK\r\n";
  for (uint32_t i = 0; i < ResponseCodec::kMaxFields; ++i) many += "a: b\r\n";
  EXPECT_EQ(decode({many + "Content-Length: 0\r\n\r\n"}, {}).code, Errc::limit);
}

TEST(ResponseCodecTest, WhatStandsBehindTheLimitIsNotLookedAt) {
  std::string long_line = "HTTP/1.1 200 OK\r\nA: " + std::string(200, 'x');
  EXPECT_EQ(every_way(long_line + "\n", {.limit = 100}).code, Errc::limit);
  EXPECT_EQ(every_way("HTTP/1.1 200 OK\r\nA: x\n" + std::string(200, 'x'), {.limit = 100}).code, Errc::protocol);
}

TEST(ResponseCodecTest, EndlessFramingIsBounded) {
  std::vector<std::string> pieces{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;"};
  for (int i = 0; i < 100; ++i) pieces.emplace_back(1000, 'x');
  EXPECT_EQ(decode(pieces, {}).code, Errc::protocol);
}

TEST(ResponseCodecTest, RemainingCountsAnnouncedBodiesOnly) {
  BlockPool blocks;
  Arena arena{blocks};
  ResponseCodec codec;
  ResponseCodec::Batch batch;
  codec.reset(false, 1000);
  EXPECT_EQ(codec.body_remaining(), 0u);
  std::string text = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123";
  EXPECT_EQ(codec.feed(arena, text.data(), text.size(), batch), Status::more);
  EXPECT_EQ(codec.body_remaining(), 7u);
  text = "4567890";
  EXPECT_EQ(codec.feed(arena, text.data(), text.size(), batch), Status::done);
  EXPECT_EQ(codec.body_remaining(), 0u);
  codec.reset(false, 1000);
  text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12";
  EXPECT_EQ(codec.feed(arena, text.data(), text.size(), batch), Status::more);
  EXPECT_EQ(codec.body_remaining(), 0u);
}

}  // namespace
}  // namespace sluice::http
