#include <gtest/gtest.h>

#include <thread>

#include "tests/unit/plugin/fake.h"

namespace sluice::plugin {
namespace {

using testing::FakeExchange;
using testing::FakeWorker;
using testing::kTestHost;
using testing::S;
using testing::text;

const slc_exchange_api& api = kExchangeService;
const slc_document_api& doc = kDocumentService;

struct ExchangeServiceTest : ::testing::Test {
  slc_header_id id(const char* name) { return api.intern(&kTestHost, S(name)); }
  FakeWorker w;
  FakeExchange x{w};
};

TEST_F(ExchangeServiceTest, HeaderNamesAreInternedWithoutCase) {
  EXPECT_NE(id("X-Thing"), 0u);
  EXPECT_EQ(id("X-Thing"), id("x-thing"));
  EXPECT_NE(id("X-Thing"), id("X-Thing2"));
  EXPECT_EQ(id("bad name"), 0u);
  EXPECT_EQ(id(""), 0u);
  EXPECT_EQ(header_name(id("x-thing")), "X-Thing");
  EXPECT_EQ(header_name(0), "");
  EXPECT_EQ(header_name(60000), "");
}

TEST_F(ExchangeServiceTest, HeadersAreSetAddedReadAndRemovedOnTheirSide) {
  slc_header_id a = id("a");
  EXPECT_EQ(api.add_header(x, SLC_REQUEST, a, S("1")), SLC_OK);
  EXPECT_EQ(api.add_header(x, SLC_REQUEST, a, S(" 2 ")), SLC_OK);
  EXPECT_EQ(text(api.header(x, SLC_REQUEST, a, 1)), "2");
  EXPECT_EQ(text(api.header(x, SLC_RESPONSE, a, 0)), "(absent)");
  EXPECT_EQ(api.set_header(x, SLC_REQUEST, a, api.header(x, SLC_REQUEST, a, 1)), SLC_OK);  // its own view
  EXPECT_EQ(text(api.header(x, SLC_REQUEST, a, 0)), "2");
  slc_str name, value;
  EXPECT_EQ(api.header_at(x, SLC_REQUEST, 0, &name, &value), SLC_OK);
  EXPECT_EQ(text(name) + "=" + text(value), "A=2");
  EXPECT_EQ(api.header_at(x, SLC_REQUEST, 1, &name, &value), SLC_ENOTFOUND);
  EXPECT_EQ(api.remove_header(x, SLC_REQUEST, a), SLC_OK);
  EXPECT_EQ(x->request.headers.size(), 0u);
}

TEST_F(ExchangeServiceTest, HeaderRubbishIsRefused) {
  slc_header_id a = id("a");
  EXPECT_EQ(api.set_header(x, SLC_RESPONSE, a, S("x\r\nSet-Cookie: y")), SLC_EINVAL);
  EXPECT_EQ(api.set_header(x, SLC_RESPONSE, a, S(std::string_view{"x\0y", 3})), SLC_EINVAL);
  EXPECT_EQ(api.set_header(x, SLC_RESPONSE, a, slc_str{nullptr, 5}), SLC_EINVAL);
  EXPECT_EQ(api.set_header(x, SLC_RESPONSE, a, slc_str{"x", static_cast<size_t>(-1)}), SLC_EINVAL);
  EXPECT_EQ(api.set_header(x, 7, a, S("x")), SLC_EINVAL);
  EXPECT_EQ(api.set_header(x, SLC_RESPONSE, 65000, S("x")), SLC_EINVAL);
  EXPECT_EQ(x->response.headers.size(), 0u);
}

TEST_F(ExchangeServiceTest, FieldsAreCheckedBeforeTheyAreSet) {
  EXPECT_EQ(api.set_field(x, SLC_METHOD, S("PURGE")), SLC_OK);
  EXPECT_EQ(text(api.field(x, SLC_METHOD)), "PURGE");
  EXPECT_EQ(api.set_field(x, SLC_METHOD, S("GET /")), SLC_EINVAL);
  EXPECT_EQ(api.set_field(x, SLC_PATH, S("/a b")), SLC_OK);  // decoded at this scope
  EXPECT_EQ(api.set_field(x, SLC_PATH, S("a")), SLC_EINVAL);
  EXPECT_EQ(api.set_field(x, SLC_PATH, S("/a\r\nX: y")), SLC_EINVAL);
  EXPECT_EQ(api.set_field(x, SLC_QUERY, S("a=b c")), SLC_EINVAL);
  EXPECT_EQ(api.set_field(x, SLC_QUERY, S("a=b%20c")), SLC_OK);
  EXPECT_EQ(api.set_field(x, SLC_HOST, S("h")), SLC_EINVAL);
  FakeExchange backend{w, SLC_AT_BACKEND};
  EXPECT_EQ(api.set_field(backend, SLC_PATH, S("/a b")), SLC_EINVAL);
  EXPECT_EQ(api.set_field(backend, SLC_PATH, S("/a?b")), SLC_EINVAL);
  EXPECT_EQ(api.set_field(backend, SLC_PATH, S("/a%20b")), SLC_OK);
}

TEST_F(ExchangeServiceTest, ParametersAreOverwrittenOrAdded) {
  x.params.push({"id", "1"});
  EXPECT_EQ(api.set_param(x, S("id"), S("2")), SLC_OK);
  EXPECT_EQ(api.set_param(x, S("JWT.sub"), S("me")), SLC_OK);
  EXPECT_EQ(text(api.param(x, S("id"))), "2");
  EXPECT_EQ(text(api.param(x, S("JWT.sub"))), "me");
  EXPECT_EQ(text(api.param(x, S("no"))), "(absent)");
  EXPECT_EQ(api.set_param(x, S(""), S("v")), SLC_EINVAL);
  x->params = nullptr;
  EXPECT_EQ(api.set_param(x, S("id"), S("3")), SLC_EINVAL);
}

TEST_F(ExchangeServiceTest, OnlyFinalStatusesCanBeSet) {
  EXPECT_EQ(api.set_status(x, 100), SLC_EINVAL);
  EXPECT_EQ(api.set_status(x, 99999), SLC_EINVAL);
  EXPECT_EQ(api.set_status(x, 418), SLC_OK);
  EXPECT_EQ(api.status(x), 418);
}

TEST_F(ExchangeServiceTest, SmallPiecesJoinAndLargeStableOnesAreReferenced) {
  std::string large(600, 'L');
  api.append_body(x, S("a"), 0);
  api.append_body(x, S("b"), 1);
  api.append_body(x, S(large), 1);
  api.append_body(x, S("c"), 0);
  api.append_body(x, S(""), 0);
  ASSERT_EQ(x->response.body.size(), 3u);
  EXPECT_EQ(x->response.body[0], "ab");
  EXPECT_EQ(x->response.body[1].data(), large.data());
  EXPECT_EQ(x->response.body[2], "c");
  slc_str out[2];
  EXPECT_EQ(api.body(x, SLC_RESPONSE, out, 2), 3u);
  EXPECT_EQ(text(out[0]), "ab");
  EXPECT_EQ(api.append_body(x, slc_str{nullptr, 3}, 0), SLC_EINVAL);
}

TEST_F(ExchangeServiceTest, TheClientsHeadersAreThereWhileAnEncoderRunsAndCannotBeChanged) {
  EXPECT_EQ(api.header(x, SLC_CLIENT, id("Accept"), 0).ptr, nullptr);
  http::Headers sent;
  sent.bind(x.arena);
  sent.add("Accept", "text/plain");
  x->client_headers = &sent;
  EXPECT_EQ(text(api.header(x, SLC_CLIENT, id("Accept"), 0)), "text/plain");
  slc_str name{}, value{};
  EXPECT_EQ(api.header_at(x, SLC_CLIENT, 0, &name, &value), SLC_OK);
  EXPECT_EQ(api.set_header(x, SLC_CLIENT, id("Accept"), S("x")), SLC_EINVAL);
  EXPECT_NE(api.remove_header(x, SLC_CLIENT, id("Accept")), SLC_OK);
  EXPECT_EQ(sent.size(), 1u);
  x->client_headers = nullptr;
}

TEST_F(ExchangeServiceTest, StableNeighboursStayOnePiece) {
  std::string source(2000, 's');
  api.append_body(x, S(std::string_view{source}.substr(0, 700)), 1);
  api.append_body(x, S(std::string_view{source}.substr(700, 3)), 1);
  api.append_body(x, S(std::string_view{source}.substr(703, 600)), 1);
  ASSERT_EQ(x->response.body.size(), 1u);
  EXPECT_EQ(x->response.body[0].data(), source.data());
  EXPECT_EQ(x->response.body[0].size(), 1303u);
}

TEST_F(ExchangeServiceTest, AnyMixtureOfPiecesGivesTheSameBytes) {
  std::string source(40'000, '\0'), wanted;
  for (size_t i = 0; i < source.size(); ++i) source[i] = static_cast<char>('a' + i % 26);
  uint32_t random = 1;
  for (int i = 0; i < 400; ++i) {
    random = random * 1664525u + 1013904223u;
    size_t n = i % 37 == 0 ? random % 20'000 : random % 700, at = (random >> 8) % (source.size() - n);
    api.append_body(x, S(std::string_view{source}.substr(at, n)), random & 1);
    wanted.append(source, at, n);
  }
  std::string got;
  for (http::Slice s : x->response.body) got += s;
  EXPECT_TRUE(got == wanted);
  EXPECT_LT(x->response.body.size(), 400u);
}

TEST_F(ExchangeServiceTest, SetBodyReplacesAndMayBeGivenItsOwnBytes) {
  api.append_body(x, S("hello"), 0);
  slc_str own;
  api.body(x, SLC_RESPONSE, &own, 1);
  EXPECT_EQ(api.set_body(x, SLC_RESPONSE, own), SLC_OK);
  api.append_body(x, S("!"), 0);
  std::string got;
  for (http::Slice s : x->response.body) got += s;
  EXPECT_EQ(got, "hello!");
}

TEST_F(ExchangeServiceTest, AReplacedDocumentBecomesTheData) {
  EXPECT_EQ(api.data(x).p, nullptr);
  slc_builder* b = api.replace_data(x);
  doc.begin(b, SLC_OBJECT), doc.key(b, S("n")), doc.integer(b, 5), doc.end(b);
  EXPECT_EQ(api.data(x).p, nullptr);
  EXPECT_TRUE(finish_building(*x.x));
  int64_t n = 0;
  EXPECT_EQ(doc.as_int(doc.find(api.data(x), S("n")), &n), SLC_OK);
  EXPECT_EQ(n, 5);
  EXPECT_TRUE(finish_building(*x.x));  // nothing in progress
}

TEST_F(ExchangeServiceTest, ABrokenDocumentFailsTheScopeAndTakesTheOldDataAway) {
  slc_builder* b = api.replace_data(x);
  doc.literal(b, SLC_BOOL, 1);
  finish_building(*x.x);
  b = api.replace_data(x);
  EXPECT_EQ(doc.begin(b, SLC_OBJECT), SLC_OK);
  EXPECT_EQ(doc.integer(b, 1), SLC_EINVAL);  // a value without a key
  EXPECT_FALSE(finish_building(*x.x));
  EXPECT_FALSE(x->response.has_data);
  EXPECT_EQ(x->error.code, Errc::plugin);
}

TEST_F(ExchangeServiceTest, FailRecordsStatusBodyAndReason) {
  slc_str why;
  EXPECT_EQ(api.outcome(x, &why), SLC_OK);
  EXPECT_EQ(text(why), "(absent)");
  api.fail(x, 429, S("limit reached"), S("{}"), S("application/json"));
  EXPECT_EQ(api.outcome(x, &why), SLC_EREFUSED);
  EXPECT_EQ(text(why), "limit reached");
  EXPECT_EQ(x->error.http_status, 429);
  EXPECT_EQ(x->error.body, "{}");
  api.fail(x, 12, S("broken"), kAbsent, S("a\r\nb"));
  EXPECT_EQ(x->error.http_status, 0);
  EXPECT_EQ(x->error.code, Errc::plugin);
  EXPECT_TRUE(x->error.content_type.empty());
}

TEST_F(ExchangeServiceTest, AllocationsAreAlignedAndBounded) {
  for (size_t align : {1u, 8u, 16u, 64u}) EXPECT_EQ(reinterpret_cast<uintptr_t>(api.alloc(x, 3, align)) % align, 0u);
  EXPECT_EQ(api.alloc(x, 8, 3), nullptr);
  EXPECT_EQ(api.alloc(x, 8, 128), nullptr);
  EXPECT_EQ(api.alloc(x, static_cast<size_t>(-1), 8), nullptr);
  EXPECT_NE(api.alloc(x, 0, 1), nullptr);
}

TEST_F(ExchangeServiceTest, NextIsRefusedWhereNoStageOffersIt) {
  EXPECT_EQ(kNextService.call(x, [](void*, slc_exchange*, slc_exchange*) noexcept {}, nullptr), 0u);
  EXPECT_EQ(kNextService.cancel(x, 1), SLC_EINVAL);
  EXPECT_EQ(kNextService.use(x, nullptr), SLC_EINVAL);
}

TEST_F(ExchangeServiceTest, DocumentHandlesThatAreAbsentReadAsNothing) {
  slc_node none{nullptr, 0};
  int64_t i = 0;
  double d = 0;
  int32_t flag = 0;
  uint32_t members = 9;
  EXPECT_EQ(doc.kind(none), SLC_NULL);
  EXPECT_EQ(doc.as_int(none, &i), SLC_EINVAL);
  EXPECT_EQ(doc.as_double(none, &d), SLC_EINVAL);
  EXPECT_EQ(doc.as_bool(none, &flag), SLC_EINVAL);
  EXPECT_EQ(text(doc.text(none)), "(absent)");
  EXPECT_EQ(doc.find(none, S("a")).p, nullptr);
  EXPECT_EQ(doc.at(none, 0, nullptr).p, nullptr);
  EXPECT_EQ(doc.count(none), 0u);
  EXPECT_EQ(doc.erase(none, S("a")), SLC_EINVAL);
  EXPECT_EQ(text(doc.source(none, S("json"))), "(absent)");
  EXPECT_EQ(text(doc.source_run(none, S("json"), 0, &members)), "(absent)");
  EXPECT_EQ(members, 0u);
}

TEST_F(ExchangeServiceTest, DocumentsAreReadAndChangedThroughHandles) {
  slc_builder* b = api.replace_data(x);
  doc.begin(b, SLC_OBJECT);
  doc.key(b, S("list")), doc.begin(b, SLC_ARRAY), doc.number_text(b, S("1.50")), doc.string(b, S("s")), doc.end(b);
  doc.key(b, S("yes")), doc.literal(b, SLC_BOOL, 1);
  doc.key(b, S("no")), doc.copy(b, slc_node{nullptr, 0});
  EXPECT_EQ(doc.begin(b, SLC_STRING), SLC_EINVAL);
  doc.end(b);
  ASSERT_TRUE(finish_building(*x.x));
  slc_node root = api.data(x);
  EXPECT_EQ(doc.count(root), 3u);
  slc_str key;
  slc_node list = doc.at(root, 0, &key);
  EXPECT_EQ(text(key), "list");
  EXPECT_EQ(text(doc.text(doc.at(list, 0, &key))), "1.50");
  EXPECT_EQ(text(key), "(absent)");
  double d = 0;
  EXPECT_EQ(doc.as_double(doc.at(list, 0, nullptr), &d), SLC_OK);
  EXPECT_EQ(d, 1.5);
  EXPECT_EQ(doc.kind(doc.find(root, S("no"))), SLC_NULL);
  EXPECT_EQ(doc.erase(root, S("list")), SLC_OK);
  EXPECT_EQ(doc.erase(root, S("list")), SLC_ENOTFOUND);
  EXPECT_EQ(doc.count(api.data(x)), 2u);
}

// ---- nodes that are gone ----

struct GoneNodeTest : ExchangeServiceTest {
  // {"a":{"x":{"y":1}},"b":{"z":2},"c":3}
  void SetUp() override {
    if (!kChecksThreads) GTEST_SKIP() << "a release build does not look";
    slc_builder* b = api.replace_data(x);
    doc.begin(b, SLC_OBJECT);
    doc.key(b, S("a")), doc.begin(b, SLC_OBJECT), doc.key(b, S("x"));
    doc.begin(b, SLC_OBJECT), doc.key(b, S("y")), doc.integer(b, 1), doc.end(b), doc.end(b);
    doc.key(b, S("b")), doc.begin(b, SLC_OBJECT), doc.key(b, S("z")), doc.integer(b, 2), doc.end(b);
    doc.key(b, S("c")), doc.integer(b, 3), doc.end(b);
    ASSERT_TRUE(finish_building(*x.x));
    root = api.data(x);
  }
  bool there(slc_node n) { return doc.kind(n) != SLC_NULL; }
  slc_node root{};
};

TEST_F(GoneNodeTest, WhatIsErasedIsGoneWithAllInsideAndSoAreItsNeighbours) {
  const slc_node a = doc.find(root, S("a")), in = doc.find(a, S("x")), deep = doc.find(in, S("y"));
  const slc_node b = doc.at(root, 1, nullptr), in_b = doc.find(b, S("z")), c = doc.find(root, S("c"));
  ASSERT_TRUE(there(deep) && there(in_b) && there(c));
  ASSERT_EQ(doc.erase(root, S("a")), SLC_OK);
  for (slc_node n : {a, in, deep, b, c}) EXPECT_FALSE(there(n));
  int64_t v = 0;
  int32_t yes = 0;
  double d = 0;
  uint32_t members = 1;
  EXPECT_EQ(doc.as_int(c, &v), SLC_EINVAL);
  EXPECT_EQ(doc.as_double(c, &d), SLC_EINVAL);
  EXPECT_EQ(doc.as_bool(c, &yes), SLC_EINVAL);
  EXPECT_EQ(doc.text(c).ptr, nullptr);
  EXPECT_EQ(doc.find(b, S("z")).p, nullptr);
  EXPECT_EQ(doc.at(b, 0, nullptr).p, nullptr);
  EXPECT_EQ(doc.count(b), 0u);
  EXPECT_EQ(doc.erase(b, S("z")), SLC_EINVAL);
  EXPECT_EQ(doc.source(b, S("json")).ptr, nullptr);
  EXPECT_EQ(doc.source_run(b, S("json"), 0, &members).ptr, nullptr);
  EXPECT_EQ(members, 0u);
  EXPECT_TRUE(there(root)) << "the object stays";
  EXPECT_TRUE(there(in_b)) << "and what neighbours hold";
  EXPECT_EQ(doc.as_int(doc.find(root, S("c")), &v), SLC_OK) << "asked for again, they are there";
  EXPECT_EQ(v, 3);
}

TEST_F(GoneNodeTest, EveryEraseEndsTheHandlesBeforeIt) {
  ASSERT_EQ(doc.erase(root, S("a")), SLC_OK);
  const slc_node c = doc.find(root, S("c"));
  ASSERT_EQ(doc.erase(root, S("b")), SLC_OK) << "moves c, in an array that is the object's own already";
  EXPECT_FALSE(there(c));
  EXPECT_TRUE(there(doc.find(root, S("c"))));
}

TEST_F(GoneNodeTest, AReplacedDocumentTakesItsNodesWithItButNotWhatWasCopiedOfIt) {
  const slc_node a = doc.find(root, S("a")), in = doc.find(a, S("x"));
  slc_builder* b = api.replace_data(x);
  doc.begin(b, SLC_OBJECT), doc.key(b, S("kept")), doc.copy(b, in), doc.end(b);
  EXPECT_TRUE(there(a)) << "until it is finished";
  ASSERT_TRUE(finish_building(*x.x));
  EXPECT_FALSE(there(a));
  EXPECT_FALSE(there(in));
  EXPECT_TRUE(there(doc.find(doc.find(api.data(x), S("kept")), S("y"))));
}

TEST_F(GoneNodeTest, WhatAnotherTreeSharesStaysThere) {
  slc_builder* b = api.replace_data(x);
  doc.begin(b, SLC_OBJECT), doc.key(b, S("first")), doc.copy(b, root), doc.key(b, S("second")), doc.copy(b, root), doc.end(b);
  ASSERT_TRUE(finish_building(*x.x));
  const slc_node second = doc.find(api.data(x), S("second")), a = doc.find(second, S("a"));
  ASSERT_EQ(doc.erase(doc.find(api.data(x), S("first")), S("a")), SLC_OK);
  EXPECT_TRUE(there(a));
  EXPECT_TRUE(there(doc.find(doc.find(a, S("x")), S("y"))));
}

TEST_F(ExchangeServiceTest, TooDeepADocumentIsALimit) {
  slc_builder* b = api.replace_data(x);
  slc_status s = SLC_OK;
  for (int i = 0; i < 20'000 && s == SLC_OK; ++i) s = doc.begin(b, SLC_ARRAY);
  EXPECT_EQ(s, SLC_ELIMIT);
  EXPECT_FALSE(finish_building(*x.x));
}

// ---- which thread ----

struct ThreadTest : ExchangeServiceTest {
  // Runs on a thread that is no worker's.
  template <class F>
  static void elsewhere(F f) {
    std::thread{f}.join();
  }
};

TEST_F(ThreadTest, AnExchangeIsTouchedByItsWorkerAlone) {
  if (!kChecksThreads) GTEST_SKIP() << "a release build does not look";
  x->response.status = 204;
  x->request.path = "/p";
  slc_header_id a = id("a");
  document::Builder b{x.arena, nullptr};
  b.string("text");
  x->response.has_data = b.finish(&x->response.data);
  const slc_node node = api.data(x);
  elsewhere([&] {
    EXPECT_EQ(api.set_header(x, SLC_REQUEST, a, S("1")), SLC_ETHREAD);
    EXPECT_EQ(api.header(x, SLC_REQUEST, a, 0).ptr, nullptr);
    slc_str n, v;
    EXPECT_EQ(api.header_at(x, SLC_REQUEST, 0, &n, &v), SLC_ETHREAD);
    EXPECT_EQ(api.field(x, SLC_PATH).ptr, nullptr);
    EXPECT_EQ(api.set_field(x, SLC_PATH, S("/q")), SLC_ETHREAD);
    EXPECT_EQ(api.status(x), 0);
    EXPECT_EQ(api.set_status(x, 500), SLC_ETHREAD);
    EXPECT_EQ(api.body(x, SLC_REQUEST, nullptr, 0), 0u);
    EXPECT_EQ(api.append_body(x, S("b"), 0), SLC_ETHREAD);
    EXPECT_EQ(api.data(x).p, nullptr);
    EXPECT_EQ(api.replace_data(x), nullptr);
    EXPECT_EQ(api.alloc(x, 8, 8), nullptr);
    api.fail(x, 500, S("no"), S(""), S(""));
    EXPECT_EQ(api.outcome(x, nullptr), SLC_ETHREAD);
    EXPECT_EQ(doc.kind(node), SLC_NULL);
    EXPECT_EQ(doc.text(node).ptr, nullptr);
    EXPECT_EQ(doc.erase(node, S("k")), SLC_ETHREAD);
    EXPECT_EQ(kStoreService.read(&kTestHost, x, S("k"), &v), SLC_ETHREAD);
    EXPECT_EQ(kNextService.cancel(x, 1), SLC_ETHREAD);
    EXPECT_EQ(kLoopService.now_ms(w.worker.get()), 0u);
  });
  EXPECT_EQ(api.status(x), 204);
  EXPECT_EQ(text(api.field(x, SLC_PATH)), "/p");
  EXPECT_EQ(text(doc.text(node)), "text");
  EXPECT_FALSE(x->error);
  EXPECT_EQ(x->request.headers.size(), 0u);
  const slc_metric_id c = kMetricsService.counter(&kTestHost, S("thread_test_total"), S(""));
  elsewhere([&] { kMetricsService.add(w.worker.get(), c, 1); });
  EXPECT_EQ(kMetricsService.read(&kTestHost, c), 0);
}

TEST_F(ThreadTest, WhatIsForAnyThreadIsForAnyThread) {
  document::Node tree;
  Arena arena{w.loop.blocks()};
  document::Builder b{arena, nullptr};
  b.string("configured");
  ASSERT_TRUE(b.finish(&tree));
  const slc_metric_id c = kMetricsService.counter(&kTestHost, S("any_thread_total"), S(""));
  elsewhere([&] {
    EXPECT_NE(id("x-from-elsewhere"), 0u);
    EXPECT_EQ(text(doc.text(handle(&tree, nullptr))), "configured") << "the tree of a configuration";
    EXPECT_EQ(kMetricsService.read(&kTestHost, c), 0);
    EXPECT_EQ(kStoreService.set(&kTestHost, S("k"), S("v"), 0), SLC_OK);
    EXPECT_EQ(kLoopService.resume(12345, SLC_NEXT), SLC_ESTALE);
    EXPECT_EQ(kLoopService.worker_index(w.worker.get()), 0u);
  });
}

// ---- the time that is left ----

TEST_F(ThreadTest, TheTimeThatIsLeft) {
  const auto left = [&] { return kLoopService.remaining_ms(x); };
  EXPECT_EQ(left(), UINT32_MAX) << "nothing ends it";
  const uint64_t now = w.loop.now_ms();
  x->ends_ms = now + 250;
  EXPECT_EQ(left(), 250u);
  elsewhere([&] { EXPECT_EQ(left(), 0u); });
  x->ends_ms = now;
  EXPECT_EQ(left(), 0u);
  x->ends_ms = 0;
  EXPECT_EQ(left(), 0u) << "over for long";
  x->ends_ms = UINT64_MAX - 1;
  EXPECT_EQ(left(), UINT32_MAX - 1) << "far away is not never";
}

}  // namespace
}  // namespace sluice::plugin
