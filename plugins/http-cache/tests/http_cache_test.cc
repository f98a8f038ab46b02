// The hooks with a fake gateway; how they work together with transport and decoders: tests/integration/http_cache_test.cc.
#include <gtest/gtest.h>

#include <ctime>

#include <sluice/testing.hpp>

using sluice::testing::Configured;
using sluice::testing::FakeExchange;
using sluice::testing::FakeHost;
using sluice::testing::Json;

namespace {

std::string date_in(int seconds) {
  const std::time_t t = std::time(nullptr) + seconds;
  char text[64];
  std::tm parts{};
  gmtime_r(&t, &parts);
  std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return text;
}
Json json(std::string_view text) {
  std::string error;
  Json j = Json::parse(text, error);
  EXPECT_EQ(error, "");
  return j;
}

struct Case {
  FakeHost host{2};
  std::unique_ptr<Configured> made;
  explicit Case(std::string_view block = "{}", std::string_view endpoint = "{}") {
    static int cases = 0;  // caches of one place are one, and here two may live at once
    host.location = "/test/" + std::to_string(++cases);
    host.surrounding[SLC_AT_ENDPOINT] = json(endpoint);
    host.surrounding[SLC_AT_BACKEND] = json(R"({"host": ["http://b:1"]})");
    made = std::make_unique<Configured>(host, SLC_ENTRY_SYMBOL, "qos/http-cache", block, SLC_AT_BACKEND);
  }
  Configured& cache() { return *made; }

  struct Sent {
    std::string headers_name, headers_value;
  };
  // One call; "cached:…" or "asked:…" with the body that comes out.
  std::string call(std::string path, std::string answer, const std::vector<std::pair<std::string, std::string>>& answer_headers,
                   const std::vector<std::pair<std::string, std::string>>& request_headers = {}, int status = 200) {
    FakeExchange x{host, SLC_AT_BACKEND};
    x.path = std::move(path);
    for (const auto& [n, v] : request_headers) x.add_header(SLC_REQUEST, n, v);
    if (cache().on_request(x) == SLC_REPLY) return "cached:" + std::to_string(x.status) + ":" + x.response_body;
    conditions = std::string{x.header(SLC_REQUEST, "If-None-Match")};
    x.status = status;
    x.response_body = std::move(answer);
    bool has_date = false;
    for (const auto& [n, v] : answer_headers) {
      x.add_header(SLC_RESPONSE, n, v);
      has_date = has_date || n == "Date";
    }
    if (!has_date) x.add_header(SLC_RESPONSE, "Date", date_in(0));
    cache().on_raw_response(x);
    cache().on_response(x);
    return "asked:" + std::to_string(x.status) + ":" + x.response_body;
  }
  std::string conditions;
};

const std::vector<std::pair<std::string, std::string>> kFresh{{"Cache-Control", "max-age=100"}};

}  // namespace

TEST(HttpCacheTest, AFreshAnswerIsServedFromMemory) {
  Case c;
  ASSERT_TRUE(c.cache().ok()) << c.host.problem_text();
  EXPECT_EQ(c.call("/a", "one", kFresh), "asked:200:one");
  EXPECT_EQ(c.call("/a", "two", kFresh), "cached:200:one");
  EXPECT_EQ(c.call("/b", "two", kFresh), "asked:200:two");
  EXPECT_EQ(c.host.metric("http_cache_hits_total"), 1);
  EXPECT_EQ(c.host.metric("http_cache_misses_total"), 2);
  EXPECT_EQ(c.host.metric("http_cache_stored_total"), 2);
}

TEST(HttpCacheTest, WhatIsForOneUserIsNotShared) {
  using Lines = std::vector<std::pair<std::string, std::string>>;
  const Lines user{{"Authorization", "Bearer x"}};
  const struct {
    const char* why;
    Lines answer, request;
    bool stored;
  } cases[] = {
      {"authorized", kFresh, user, false},
      {"authorized, public", {{"Cache-Control", "public, max-age=100"}}, user, true},
      {"authorized, s-maxage", {{"Cache-Control", "s-maxage=100, max-age=100"}}, user, true},
      {"authorized, must-revalidate", {{"Cache-Control", "must-revalidate, max-age=100"}}, user, true},
      {"private", {{"Cache-Control", "private, max-age=100"}}, {}, false},
      {"a cookie", {{"Cache-Control", "max-age=100"}, {"Set-Cookie", "a=b"}}, {}, false},
      {"a cookie, public", {{"Cache-Control", "public, max-age=100"}, {"Set-Cookie", "a=b"}}, {}, true},
      {"no-store", {{"Cache-Control", "no-store, max-age=100"}}, {}, false},
      {"no-store asked", kFresh, {{"Cache-Control", "no-store"}}, false},
      {"Vary: *", {{"Cache-Control", "max-age=100"}, {"Vary", "*"}}, {}, false},
      {"plain", kFresh, {}, true},
  };
  for (const auto& one : cases) {
    Case c;
    c.call("/a", "one", one.answer, one.request);
    EXPECT_EQ(c.call("/a", "two", kFresh), one.stored ? "cached:200:one" : "asked:200:two") << one.why;
  }
}

TEST(HttpCacheTest, AStaleAnswerIsAskedForWithItsTag) {
  Case c;
  const std::vector<std::pair<std::string, std::string>> old{{"Cache-Control", "max-age=10"}, {"Date", date_in(-60)}, {"ETag", "\"v1\""}};
  EXPECT_EQ(c.call("/a", "one", old), "asked:200:one");
  EXPECT_EQ(c.call("/a", "", {{"ETag", "\"v1\""}, {"Cache-Control", "max-age=50"}}, {}, 304), "asked:200:one");
  EXPECT_EQ(c.conditions, "\"v1\"");
  EXPECT_EQ(c.host.metric("http_cache_revalidated_total"), 1);
  EXPECT_EQ(c.call("/a", "two", kFresh), "cached:200:one") << "the 304 made it fresh again";
}

TEST(HttpCacheTest, AnOldAnswerServesWhenTheBackendFails) {
  Case c;
  const std::vector<std::pair<std::string, std::string>> old{{"Cache-Control", "max-age=10, stale-if-error=600"}, {"Date", date_in(-60)}};
  c.call("/a", "one", old);
  EXPECT_EQ(c.call("/a", "broken", {}, {}, 503), "asked:200:one");
  FakeExchange x{c.host, SLC_AT_BACKEND};
  x.path = "/a";
  EXPECT_EQ(c.cache().on_request(x), SLC_NEXT);
  x.outcome = SLC_EIO;
  EXPECT_EQ(c.cache().on_response(x), SLC_REPLY);
  EXPECT_EQ(x.status, 200);
  EXPECT_EQ(x.response_body, "one");
  EXPECT_EQ(c.host.metric("http_cache_stale_total"), 2);
}

TEST(HttpCacheTest, WithoutPermissionAFailureDropsTheOldAnswer) {
  Case c;
  const std::vector<std::pair<std::string, std::string>> old{{"Cache-Control", "max-age=10"}, {"Date", date_in(-60)}, {"ETag", "\"v1\""}};
  c.call("/a", "one", old);
  EXPECT_EQ(c.call("/a", "broken", {}, {}, 503), "asked:503:broken");
  c.call("/a", "two", {});
  EXPECT_EQ(c.conditions, "");
}

TEST(HttpCacheTest, StatusesThatNobodyReadsAreNotStored) {
  Case plain;
  plain.call("/a", "none", kFresh, {}, 404);
  EXPECT_EQ(plain.call("/a", "two", kFresh), "asked:200:two");
  Case details;
  details.host.surrounding[SLC_AT_BACKEND] = json(R"({"host": ["http://b:1"], "extra_config": {"backend/http": {"return_error_details": "b"}}})");
  details.made.reset();
  details.made = std::make_unique<Configured>(details.host, SLC_ENTRY_SYMBOL, "qos/http-cache", "{}", SLC_AT_BACKEND);
  details.call("/a", "none", kFresh, {}, 404);
  EXPECT_EQ(details.call("/a", "two", kFresh), "cached:404:none");
}

TEST(HttpCacheTest, ABodyThatPassesIsStoredAtItsEnd) {
  Case c{"{}", R"({"output_encoding": "no-op"})"};
  const auto begin = [&](FakeExchange& x) {
    x.path = "/a";
    ASSERT_EQ(c.cache().on_request(x), SLC_NEXT);
    x.status = 200;
    x.add_header(SLC_RESPONSE, "Cache-Control", "max-age=100");
    x.add_header(SLC_RESPONSE, "Date", date_in(0));
    x.add_header(SLC_RESPONSE, "X-Kept", "yes");
    x.add_header(SLC_RESPONSE, "Connection", "x-gone");
    x.add_header(SLC_RESPONSE, "X-Gone", "yes");
    c.cache().on_raw_response(x);
    EXPECT_EQ(x.expected[SLC_RESPONSE], SLC_LENGTH_KEPT);
  };
  {
    FakeExchange cut{c.host, SLC_AT_BACKEND};
    begin(cut);
    EXPECT_EQ(c.cache().on_response_chunk(cut, "half"), SLC_NEXT);
  }
  FakeExchange whole{c.host, SLC_AT_BACKEND};
  begin(whole);
  EXPECT_EQ(c.cache().pass_body(whole, SLC_RESPONSE, {"o", "n", "e", ""}), "one");
  FakeExchange x{c.host, SLC_AT_BACKEND};
  x.path = "/a";
  EXPECT_EQ(c.cache().on_request(x), SLC_REPLY);
  EXPECT_EQ(x.response_body, "one");
  EXPECT_EQ(x.header(SLC_RESPONSE, "X-Kept"), "yes");
  EXPECT_EQ(x.header(SLC_RESPONSE, "X-Gone"), "");
}

TEST(HttpCacheTest, WhoAsksForTheSameWaitsForTheFirst) {
  Case c;
  FakeExchange first{c.host, SLC_AT_BACKEND, 0}, second{c.host, SLC_AT_BACKEND, 1}, other{c.host, SLC_AT_BACKEND, 1};
  first.path = second.path = "/a";
  other.path = "/b";
  EXPECT_EQ(c.cache().on_request(first), SLC_NEXT);
  EXPECT_EQ(c.cache().on_request(second), SLC_PENDING);
  EXPECT_EQ(c.cache().on_request(other), SLC_NEXT);
  first.status = 200;
  first.response_body = "one";
  first.add_header(SLC_RESPONSE, "Cache-Control", "max-age=100");
  first.add_header(SLC_RESPONSE, "Date", date_in(0));
  c.cache().on_raw_response(first);
  EXPECT_FALSE(second.resumed) << "on its own worker only";
  c.host.run_posted();
  EXPECT_EQ(second.resumed, SLC_REPLY);
  EXPECT_EQ(second.response_body, "one");
  EXPECT_EQ(c.host.metric("http_cache_joined_total"), 1);
}

TEST(HttpCacheTest, WhoWaitedInVainAsksForItself) {
  Case c;
  auto first = std::make_unique<FakeExchange>(c.host, SLC_AT_BACKEND);
  auto leaves = std::make_unique<FakeExchange>(c.host, SLC_AT_BACKEND);
  FakeExchange second{c.host, SLC_AT_BACKEND};
  first->path = leaves->path = second.path = "/a";
  EXPECT_EQ(c.cache().on_request(*first), SLC_NEXT);
  EXPECT_EQ(c.cache().on_request(*leaves), SLC_PENDING);
  EXPECT_EQ(c.cache().on_request(second), SLC_PENDING);
  leaves.reset();  // its client is gone
  first.reset();   // and the first one's, too, before an answer came
  c.host.run_posted();
  EXPECT_EQ(second.resumed, SLC_NEXT);
}

TEST(HttpCacheTest, OnlyIfCachedIsAnsweredWithoutTheBackend) {
  Case c;
  EXPECT_EQ(c.call("/a", "one", kFresh, {{"Cache-Control", "only-if-cached"}}), "cached:504:");
  c.call("/a", "one", kFresh);
  EXPECT_EQ(c.call("/a", "two", kFresh, {{"Cache-Control", "only-if-cached"}}), "cached:200:one");
}

TEST(HttpCacheTest, ARangeDropsWhatIsStored) {
  Case c;
  c.call("/a", "one", kFresh);
  EXPECT_EQ(c.call("/a", "ne", kFresh, {{"Range", "bytes=1-"}}, 206), "asked:206:ne");
  EXPECT_EQ(c.call("/a", "two", kFresh), "asked:200:two");
}

TEST(HttpCacheTest, WhatIsWrongIsRefused) {
  Case negative{R"({"max_items": -1, "max_size": -1})"};
  EXPECT_TRUE(negative.host.has_problem("/max_items"));
  EXPECT_TRUE(negative.host.has_problem("/max_size"));
  Case type{R"({"max_size": "10MB", "shared": 1})"};
  EXPECT_TRUE(type.host.has_problem("/max_size"));
  EXPECT_TRUE(type.host.has_problem("/shared"));
}
