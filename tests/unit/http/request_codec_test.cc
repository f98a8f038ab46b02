// The request codec alone: every rule as raw bytes, fed whole, byte by byte and split at every position.
#include "core/http/request_codec.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace sluice::http {
namespace {

using namespace std::string_literals;

struct Outcome {
  int status = -1;  // 0: accepted, -1: incomplete
  size_t head = 0;
  std::string body;
  bool body_done = false, body_failed = false;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string method, target, path, query, host;
  bool operator==(const Outcome&) const = default;
};

struct Codec {
  BlockPool pool;
  Arena arena{pool};
  RequestHead head;
  HeadScanner scanner;
  BodyDecoder body;
  RequestLimits limits;
};

// Feeds `raw` as if it arrived in pieces that end at `cuts`.
Outcome feed(std::string_view raw, const std::vector<size_t>& cuts, const RequestLimits& limits = {}) {
  Codec c;
  Outcome out;
  bool in_body = false;
  size_t from = 0;  // of the body bytes not yet consumed
  for (size_t end : cuts) {
    if (!in_body) {
      // A copy of the exact size lets the sanitizer see a read beyond the end.
      std::vector<char> bytes(raw.begin(), raw.begin() + static_cast<ptrdiff_t>(end));
      switch (c.scanner.scan(bytes.data(), bytes.size(), limits)) {
        case HeadScanner::Step::more: continue;
        case HeadScanner::Step::bad: out.status = 400; return out;
        case HeadScanner::Step::too_large: out.status = 431; return out;
        case HeadScanner::Step::complete: break;
      }
      out.head = from = c.scanner.size();
      out.status = parse_head(c.arena.copy({bytes.data(), from}), c.scanner, c.arena, c.head);
      if (out.status != 0 && out.status != 417) return out;
      for (const Header& h : c.head.headers) out.fields.emplace_back(h.name, h.value);
      out.method = c.head.method, out.target = c.head.target, out.path = c.head.path, out.query = c.head.query;
      out.host = c.head.host;
      if (c.head.chunked)
        c.body.chunked();
      else
        c.body.length(c.head.content_length > 0 ? static_cast<uint64_t>(c.head.content_length) : 0);
      in_body = true;
    }
    std::vector<char> bytes(raw.begin() + static_cast<ptrdiff_t>(from), raw.begin() + static_cast<ptrdiff_t>(end));
    size_t used = 0;
    while (used < bytes.size() && !c.body.done() && !c.body.failed()) {
      Slice piece;
      size_t took = c.body.next(bytes.data() + used, bytes.size() - used, piece);
      EXPECT_TRUE(took > 0 || c.body.failed());
      used += took;
      out.body += piece;
    }
    from += used;
  }
  out.body_done = in_body && c.body.done();
  out.body_failed = c.body.failed();
  return out;
}

// The outcome, which must not depend on the splits.
Outcome read(std::string_view raw, const RequestLimits& limits = {}) {
  Outcome whole = feed(raw, {raw.size()}, limits);
  std::vector<size_t> all;
  for (size_t i = 1; i <= raw.size(); ++i) all.push_back(i);
  EXPECT_TRUE(feed(raw, all, limits) == whole) << "byte by byte: " << raw.substr(0, 200);
  for (size_t i = 1; i < raw.size() && raw.size() < 2000; ++i)
    EXPECT_TRUE(feed(raw, {i, raw.size()}, limits) == whole) << "split at " << i << ": " << raw.substr(0, 200);
  return whole;
}

std::string get(std::string_view fields) { return "GET /g HTTP/1.1\r\nHost: a\r\n" + std::string{fields} + "\r\n"; }
std::string post(std::string_view fields) { return "POST /x HTTP/1.1\r\nHost: a\r\n" + std::string{fields} + "\r\n"; }

TEST(RequestCodecTest, RefusesWhatTwoParsersCouldReadDifferently) {
  struct Case {
    const char* about;
    std::string raw;
    int status;
  };
  const Case cases[] = {
      {"no request line", "GARBAGE\r\n\r\n", 400},
      {"empty line first", "\r\nGET /g HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"HTTP/0.9", "GET /g\r\n\r\n", 400},
      {"no target", "GET  HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"two spaces", "GET  /g HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"two spaces before the version", "GET /g  HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"space after the version", "GET /g HTTP/1.1 \r\nHost: a\r\n\r\n", 400},
      {"space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"tab in the target", "GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"leading space", " GET /g HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"tab as separator", "GET\t/g\tHTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"relative target", "GET g HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"other scheme", "GET ftp://a/g HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"absolute without authority", "GET http:///g HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"user information", "GET http://u@a/g HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"bad escape", "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"cut escape", "GET /%2 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"cut escape before the query", "GET /%?2f HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"control character", "GET /g\x01 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"DEL", "GET /g\x7f HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"NUL in the method", "G\0T /g HTTP/1.1\r\nHost: a\r\n\r\n"s, 400},
      {"no token as method", "G@T /g HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"version 9.9", "GET /g HTTP/9.9\r\nHost: a\r\n\r\n", 505},
      {"version 2.0", "GET /g HTTP/2.0\r\nHost: a\r\n\r\n", 505},
      {"version 0.9", "GET /g HTTP/0.9\r\nHost: a\r\n\r\n", 505},
      {"long version", "GET /g HTTP/1.10\r\nHost: a\r\n\r\n", 400},
      {"lower-case protocol", "GET /g http/1.1\r\nHost: a\r\n\r\n", 400},
      {"RTSP", "GET /g RTSP/1.1\r\nHost: a\r\n\r\n", 400},
      {"bare LF everywhere", "GET /g HTTP/1.1\nHost: a\n\n", 400},
      {"bare LF after a field", "GET /g HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400},
      {"bare LF as the end", "GET /g HTTP/1.1\r\nHost: a\r\n\n", 400},
      {"bare CR in a value", get("X: a\rb\r\n"), 400},
      {"bare CR after an empty value", get("X:\rY: b\r\n"), 400},
      {"CR CR LF", get("X: a\r\r\n"), 400},
      {"folded line", get("X: a\r\n b\r\n"), 400},
      {"folded line with tab", get("X: a\r\n\tb\r\n"), 400},
      {"folded first field", "GET /g HTTP/1.1\r\n Host: a\r\n\r\n", 400},
      {"NUL in a value", get("X: a\0b\r\n"s), 400},
      {"space before the colon", get("X : a\r\n"), 400},
      {"tab before the colon", get("X\t: a\r\n"), 400},
      {"space in a name", get("Bad Header: x\r\n"), 400},
      {"no colon", get("NoColon\r\n"), 400},
      {"no name", get(": x\r\n"), 400},
      {"high bit in a name", get("X\xff: x\r\n"), 400},
      {"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"two Hosts", get("Host: b\r\n"), 400},
      {"two equal Hosts", get("Host: a\r\n"), 400},
      {"two Hosts in 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400},
      {"space in Host", "GET /g HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
      {"path in Host", "GET /g HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
      {"user in Host", "GET /g HTTP/1.1\r\nHost: u@a\r\n\r\n", 400},
      {"negative length", post("Content-Length: -1\r\n"), 400},
      {"signed length", post("Content-Length: +1\r\n"), 400},
      {"empty length", post("Content-Length:\r\n"), 400},
      {"hex length", post("Content-Length: 0x1\r\n"), 400},
      {"list of lengths", post("Content-Length: 1, 1\r\n"), 400},
      {"inner space in the length", post("Content-Length: 1 1\r\n"), 400},
      {"length beyond 63 bits", post("Content-Length: 9223372036854775808\r\n"), 400},
      {"two lengths", post("Content-Length: 1\r\nContent-Length: 2\r\n"), 400},
      {"two equal lengths", post("Content-Length: 1\r\nContent-Length: 1\r\n"), 400},
      {"length and coding", post("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), 400},
      {"coding and length", post("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n"), 400},
      {"coding and length in odd case", post("tRANSFER-eNCODING: chunked\r\ncONTENT-lENGTH: 1\r\n"), 400},
      {"coding in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"unknown coding", post("Transfer-Encoding: gzip\r\n"), 501},
      {"chunked twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 501},
      {"gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n"), 501},
      {"chunked, identity", post("Transfer-Encoding: chunked, identity\r\n"), 501},
      {"nearly chunked", post("Transfer-Encoding: xchunked\r\n"), 501},
      {"empty coding", post("Transfer-Encoding:\r\n"), 501},
      {"vertical tab before chunked", post("Transfer-Encoding: \vchunked\r\n"), 400},
      {"space before the colon of a coding", post("Transfer-Encoding : chunked\r\n"), 400},
      {"unknown expectation", post("Expect: tea\r\nContent-Length: 0\r\n"), 417},
  };
  for (const Case& c : cases) EXPECT_EQ(read(c.raw).status, c.status) << c.about;
}

TEST(RequestCodecTest, ReadsTargetFieldsAndHost) {
  Outcome o = read("GET /a%20b//c?x=%zz&y#z HTTP/1.1\r\nHost: h:81\r\nX-Empty:\r\nX-Blank: \t \r\nX:  v w \t\r\nx: \xc3\xa9\r\n\r\n");
  EXPECT_EQ(o.status, 0);
  EXPECT_EQ(o.method, "GET");
  EXPECT_EQ(o.path, "/a%20b//c");
  EXPECT_EQ(o.query, "x=%zz&y#z");
  EXPECT_EQ(o.host, "h:81");
  std::vector<std::pair<std::string, std::string>> want{
      {"Host", "h:81"}, {"X-Empty", ""}, {"X-Blank", ""}, {"X", "v w"}, {"x", "\xc3\xa9"}};
  EXPECT_EQ(o.fields, want);
}

TEST(RequestCodecTest, ReadsEveryFormOfTarget) {
  struct Case {
    const char *line, *path, *host;
  };
  for (const Case& c : {Case{"GET http://b:8/p?q", "/p", "b:8"}, {"GET HTTPS://b", "/", "b"}, {"GET http://b?q", "/", "b"},
                        {"OPTIONS *", "*", "a"}, {"GET *", "*", "a"}, {"CONNECT c:80", "", "c:80"}, {"CONNECT [::1]:80", "", "[::1]:80"},
                        {"CONNECT /c", "/c", "a"}, {"GET //x", "//x", "a"}, {"GET /?", "/", "a"},
                        {"GET /\"<>\\^`{|}[]@!$&'()*+,;=:~-._", "/\"<>\\^`{|}[]@!$&'()*+,;=:~-._", "a"},
                        {"GET /\xc3\xa9", "/\xc3\xa9", "a"}}) {
    Outcome o = read(std::string{c.line} + " HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(o.status, 0) << c.line;
    EXPECT_EQ(o.path, c.path) << c.line;
    EXPECT_EQ(o.host, c.host) << c.line;
  }
}

TEST(RequestCodecTest, AnyTokenIsAMethod) {
  for (std::string method : {"FOO", "get", "PRI", "SOURCE", "DESCRIBE", "M-SEARCH", "X!#$%&'*+-.^_`|~9", "CONNECTION", "QUERY"}) {
    Outcome o = read(method + " /x HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(o.status, 0) << method;
    EXPECT_EQ(o.method, method);
  }
}

TEST(RequestCodecTest, AnHttp2PrefaceIsARequestForNoPath) {
  Outcome o = read("PRI * HTTP/2.0\r\n\r\n");
  EXPECT_EQ(o.status, 0);
  EXPECT_EQ(o.path, "*");
  EXPECT_EQ(read("PRI * HTTP/2.0\r\nHost: a\r\n\r\n").status, 505);
}

TEST(RequestCodecTest, KeepAliveFollowsVersionAndConnection) {
  struct Case {
    const char* version;
    const char* fields;
    bool keep;
  };
  for (const Case& c : {Case{"1.1", "", true}, {"1.1", "Connection: close\r\n", false}, {"1.1", "Connection: x, Close\r\n", false},
                        {"1.1", "Connection: keep-alive\r\nConnection: close\r\n", false}, {"1.2", "", true}, {"1.0", "", false},
                        {"1.0", "Connection: Keep-Alive\r\n", true}, {"1.0", "Connection: keep-alive, close\r\n", false}}) {
    std::string raw = std::string{"GET / HTTP/"} + c.version + "\r\nHost: a\r\n" + c.fields + "\r\n";
    Codec codec;
    ASSERT_EQ(codec.scanner.scan(raw.data(), raw.size(), codec.limits), HeadScanner::Step::complete);
    ASSERT_EQ(parse_head(raw, codec.scanner, codec.arena, codec.head), 0);
    EXPECT_EQ(codec.head.keep_alive, c.keep) << raw;
  }
}

TEST(RequestCodecTest, ExpectationIsIgnoredWithoutBodyAndInHttp10) {
  auto expects = [](std::string_view raw) {
    Codec codec;
    EXPECT_EQ(codec.scanner.scan(raw.data(), raw.size(), codec.limits), HeadScanner::Step::complete);
    EXPECT_EQ(parse_head(raw, codec.scanner, codec.arena, codec.head), 0);
    return codec.head.expect_continue;
  };
  EXPECT_TRUE(expects("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n"));
  EXPECT_TRUE(expects("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"));
  EXPECT_FALSE(expects("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_FALSE(expects("POST / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"));
}

TEST(RequestCodecTest, HeadsUpToTheLimitAreReadAndBeyondItRefused) {
  RequestLimits limits{.head_bytes = 100, .fields = 1000};
  std::string head = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
  head += std::string(100 - head.size() - 4, 'x') + "\r\n\r\n";
  ASSERT_EQ(head.size(), 100u);
  EXPECT_EQ(read(head, limits).status, 0);
  head.insert(head.size() - 4, "x");
  EXPECT_EQ(read(head, limits).status, 431);
  EXPECT_EQ(read(std::string(200, 'x'), limits).status, 431);
  EXPECT_EQ(read(std::string(100, 'x'), limits).status, -1);
  // Bytes behind the head do not count.
  EXPECT_EQ(read("GET / HTTP/1.1\r\nHost: a\r\n\r\n" + std::string(200, 'x'), limits).status, 0);
}

TEST(RequestCodecTest, TooManyFieldsAreRefused) {
  RequestLimits limits{.head_bytes = 10000, .fields = 5};
  EXPECT_EQ(read(get("A:1\r\nA:2\r\nA:3\r\nA:4\r\n"), limits).status, 0);
  EXPECT_EQ(read(get("A:1\r\nA:2\r\nA:3\r\nA:4\r\nA:5\r\n"), limits).status, 431);
}

TEST(RequestCodecTest, AHeadOfManyKilobytesIsReadByteByByte) {
  std::string fields;
  for (int i = 0; i < 900; ++i) fields += "X-Field-" + std::to_string(i) + ": " + std::string(static_cast<size_t>(i % 60), 'v') + "\r\n";
  Outcome o = read(get(fields));
  EXPECT_EQ(o.status, 0);
  ASSERT_EQ(o.fields.size(), 901u);
  EXPECT_EQ(o.fields[900].second, std::string(899 % 60, 'v'));
}

std::string chunked(std::string_view body) { return post("Transfer-Encoding: chunked\r\n") + std::string{body}; }

TEST(RequestCodecTest, BodiesAreUnframed) {
  Outcome o = read(post("Content-Length: 3\r\n") + "abcGET");
  EXPECT_EQ(o.body, "abc");
  EXPECT_TRUE(o.body_done);
  o = read(chunked("3\r\nabc\r\nA;x=\"y z\"\r\n0123456789\r\n00\r\nT: x\r\nU: y\r\n\r\nGET"));
  EXPECT_EQ(o.body, "abc0123456789");
  EXPECT_TRUE(o.body_done);
  o = read(chunked("3 \t;x\r\nabc\r\n0\r\n\r\n"));
  EXPECT_EQ(o.body, "abc");
  EXPECT_TRUE(o.body_done);
  EXPECT_FALSE(read(chunked("3\r\nabc\r\n0\r\n")).body_done);
  EXPECT_TRUE(read(chunked("0\r\n\r\n")).body_done);
}

TEST(RequestCodecTest, MalformedChunksAreRefused) {
  for (std::string body : {"\r\n", "g\r\n", "-1\r\n", "0x1\r\na\r\n", ";x\r\n", "3\nabc", "3\r\nabc\n0\r\n\r\n", "3\r\nabcd\r\n",
                           "3\r\rabc", "3 \r\nabc\r\n", "3 4\r\nabc", "3;\nabc", "3;a\x01\r\nabc", "FFFFFFFFFFFFFFFF1\r\n",
                           "10000000000000000\r\n", "0\r\n\n", "0\r\n x: y\r\n\r\n", "0\r\nX: a\nY: b\r\n\r\n", "0\r\n: a\r\n\r\n"}) {
    Outcome o = read(chunked(body));
    EXPECT_EQ(o.status, 0);
    EXPECT_TRUE(o.body_failed) << body;
    EXPECT_FALSE(o.body_done);
  }
}

TEST(RequestCodecTest, ChunkFramingIsBounded) {
  EXPECT_TRUE(read(chunked("3;" + std::string(5000, 'x'))).body_failed);
  EXPECT_TRUE(read(chunked("0\r\nX: " + std::string(17000, 'x'))).body_failed);
  EXPECT_TRUE(read(chunked(std::string(5000, '0'))).body_failed);
  std::string many;
  for (int i = 0; i < 40; ++i) many += "1;" + std::string(2000, 'x') + "\r\na\r\n";
  EXPECT_TRUE(read(chunked(many)).body_failed);
  // Small chunks alone are fine: an upload may come line by line.
  std::string small;
  for (int i = 0; i < 20000; ++i) small += "1\r\na\r\n";
  Outcome o = read(chunked(small + "0\r\n\r\n"));
  EXPECT_TRUE(o.body_done);
  EXPECT_EQ(o.body.size(), 20000u);
}

TEST(RequestCodecTest, MutatedRequestsNeverDependOnTheSplits) {
  const std::string seeds[] = {
      get("Connection: close\r\nX: y\r\n"), chunked("3;a=b\r\nabc\r\n0\r\nT: u\r\n\r\n"), post("Content-Length: 5\r\n") + "hello",
      "GET http://a/b?c HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n"};
  const std::string_view alphabet{"\r\n\t\0 :;,/%?#*@ahHTP10.\x7f\xff", 24};
  std::mt19937 random{20261123};
  for (int round = 0; round < 3000; ++round) {
    std::string raw = seeds[random() % std::size(seeds)];
    for (unsigned n = 1 + random() % 3; n > 0; --n) {
      size_t at = random() % raw.size();
      char c = alphabet[random() % alphabet.size()];
      switch (random() % 3) {
        case 0: raw[at] = c; break;
        case 1: raw.insert(at, 1, c); break;
        default: raw.erase(at, 1); break;
      }
    }
    Outcome whole = feed(raw, {raw.size()});
    std::vector<size_t> all, some;
    for (size_t i = 1; i <= raw.size(); ++i) {
      all.push_back(i);
      if (random() % 8 == 0 || i == raw.size()) some.push_back(i);
    }
    ASSERT_TRUE(feed(raw, all) == whole) << raw;
    ASSERT_TRUE(feed(raw, some) == whole) << raw;
    if (whole.status == 0)
      for (const auto& [name, value] : whole.fields) {
        ASSERT_TRUE(is_token(name)) << raw;
        ASSERT_TRUE(is_field_value(value)) << raw;
      }
  }
}

}  // namespace
}  // namespace sluice::http
