#include "../http10.h"

#include <gtest/gtest.h>

using example::read_answer;
using example::write_request;

namespace {

std::string refusal(std::string_view text) {
  std::string why;
  EXPECT_FALSE(read_answer(text, why)) << text;
  return why;
}

TEST(RequestTest, EndsAtTheConnection) {
  EXPECT_EQ(write_request("GET", "/a?b=c", "localhost", {{"Accept", "*/*"}, {"Connection", "keep-alive"}, {"HOST", "evil"}, {"Te", "trailers"}}, ""),
            "GET /a?b=c HTTP/1.0\r\nHost: localhost\r\nAccept: */*\r\n\r\n");
}

TEST(RequestTest, ABodyHasALength) {
  EXPECT_EQ(write_request("POST", "/", "h", {{"content-length", "99"}, {"Transfer-Encoding", "chunked"}}, "hello"),
            "POST / HTTP/1.0\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_EQ(write_request("POST", "/", "h", {}, ""), "POST / HTTP/1.0\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
}

TEST(AnswerTest, ReadsStatusHeadersAndBody) {
  std::string why;
  const auto a = read_answer("HTTP/1.1 201 Created\r\nContent-Type:  text/plain \r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello, more", why);
  ASSERT_TRUE(a) << why;
  EXPECT_EQ(a->status, 201);
  ASSERT_EQ(a->headers.size(), 2u);
  EXPECT_EQ(a->headers[0], (std::pair<std::string_view, std::string_view>{"Content-Type", "text/plain"}));
  EXPECT_EQ(a->body, "hello");
}

TEST(AnswerTest, WithoutALengthTheEndIsTheEnd) {
  std::string why;
  const auto a = read_answer("HTTP/1.0 200\r\n\r\nhello", why);
  ASSERT_TRUE(a) << why;
  EXPECT_EQ(a->body, "hello");
}

TEST(AnswerTest, SaysWhatIsWrong) {
  EXPECT_EQ(refusal(""), "the connection was closed without an answer");
  EXPECT_EQ(refusal("SSH-2.0-x\r\n\r\n"), "this is no HTTP answer");
  EXPECT_EQ(refusal("HTTP/1.1 2x0 OK\r\n\r\n"), "this status is no status");
  EXPECT_EQ(refusal("HTTP/1.1 100 Continue\r\n\r\n"), "this status is no status");
  EXPECT_EQ(refusal("HTTP/1.1 200 OK\r\n folded: x\r\n\r\n"), "a header line without a name");
  EXPECT_EQ(refusal("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), "a transfer encoding in an answer to HTTP/1.0");
  for (const char* length : {"-1", "5x", "", "99999999999999999999999", "1\r\nContent-Length: 2"}) {
    EXPECT_EQ(refusal("HTTP/1.1 200 OK\r\nContent-Length: " + std::string{length} + "\r\n\r\n12"), "a content length that is none") << length;
  }
}

TEST(AnswerTest, NoBeginningOfAnAnswerIsAnAnswer) {
  const std::string whole = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello";
  std::string why;
  ASSERT_TRUE(read_answer(whole, why));
  for (size_t n = 0; n < whole.size(); ++n) EXPECT_NE(refusal(std::string_view{whole}.substr(0, n)).find("closed"), std::string::npos) << n;
}

}  // namespace
