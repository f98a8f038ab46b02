// What another process says of a plugin file: every constant comes over, and whatever else is said is nonsense that costs nothing.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <deque>
#include <filesystem>
#include <fstream>

#include "core/plugin/exchange.h"
#include "core/plugin/isolate/describe.h"
#include "core/plugin/isolate/wire.h"
#include "core/plugin/module.h"

namespace sluice::plugin::isolate {
namespace {

// ---- a plugin with everything ----

slc_action hook(slc_exchange*) { return SLC_NEXT; }
slc_action on_any(void*, slc_exchange* x, void**) noexcept { return hook(x); }
void on_end(void*, slc_exchange*, void**) noexcept {}
slc_action on_chunk(void*, slc_exchange*, void**, const slc_chunk*) noexcept { return SLC_NEXT; }
slc_status decode(void*, const slc_str*, uint32_t, uint32_t, slc_builder*, slc_str*) noexcept { return SLC_OK; }
slc_status encode(void*, slc_exchange*, slc_node) noexcept { return SLC_OK; }
slc_status watch(void*, const slc_resolver_query*, slc_host_list*, slc_status (*)(slc_host_list*, const slc_address*, uint32_t) noexcept,
                 void**) noexcept {
  return SLC_OK;
}
uint32_t pick(void*, slc_exchange*, const slc_candidate*, uint32_t) noexcept { return 0; }
void write_line(void*, const slc_log_record*) noexcept {}
slc_status choose(void*, slc_selection*, slc_status (*)(slc_selection*, const slc_choice*) noexcept) noexcept { return SLC_OK; }
slc_status create(const slc_host*, slc_node, slc_report*, void**) noexcept { return SLC_OK; }
slc_status start(void*, slc_worker*, void**) noexcept { return SLC_OK; }
void stop(void*) noexcept {}
slc_status export_state(void*, slc_status (*)(void*, slc_str) noexcept, void*) noexcept { return SLC_OK; }
slc_status import_state(void*, slc_str) noexcept { return SLC_OK; }
slc_status load(const slc_host*, slc_report*) noexcept { return SLC_OK; }

const slc_lifecycle kWhole{sizeof(slc_lifecycle), create, nullptr, start, stop, export_state, import_state};
const slc_lifecycle kOld{offsetof(slc_lifecycle, export_state), create, nullptr, nullptr, nullptr, export_state, import_state};
const slc_middleware kMiddleware{sizeof(slc_middleware), &kWhole, on_any, nullptr, on_any, on_end, nullptr, on_chunk};
const slc_middleware kOldMiddleware{offsetof(slc_middleware, on_request_chunk), &kOld, on_any, nullptr, nullptr, nullptr, on_chunk, on_chunk};
const slc_around kAround{sizeof(slc_around), nullptr, on_any, nullptr};
const slc_transport kTransport{sizeof(slc_transport), nullptr, on_any, on_end, nullptr, on_end};
const slc_log_sink kSink{sizeof(slc_log_sink), nullptr, nullptr, write_line, nullptr};
const slc_selector kSelector{sizeof(slc_selector), nullptr, choose};
const slc_decoder kDecoder{sizeof(slc_decoder), nullptr, {"json", 4}, decode, nullptr};
const slc_decoder kRaw{sizeof(slc_decoder), nullptr, {nullptr, 0}, nullptr, nullptr};
const slc_encoder kEncoder{sizeof(slc_encoder), nullptr, {"application/x", 13}, encode};
const slc_resolver kResolver{sizeof(slc_resolver), nullptr, watch, nullptr};
const slc_balancer kBalancer{sizeof(slc_balancer), nullptr, pick};

const void* table_of(const char* id, const char* name) noexcept {
  const std::string_view kind = id, n = name;
  if (kind == SLC_IFACE_MIDDLEWARE) return n == "d/old" ? &kOldMiddleware : &kMiddleware;
  if (kind == SLC_IFACE_AROUND) return &kAround;
  if (kind == SLC_IFACE_TRANSPORT) return &kTransport;
  if (kind == SLC_IFACE_LOG_SINK) return &kSink;
  if (kind == SLC_IFACE_DECODER) return n == "raw" ? &kRaw : &kDecoder;
  if (kind == SLC_IFACE_ENCODER) return &kEncoder;
  if (kind == SLC_IFACE_RESOLVER) return &kResolver;
  if (kind == SLC_IFACE_BALANCER) return &kBalancer;
  return &kSelector;
}

const char* const kAliases[] = {"d/older", "d/oldest", nullptr};
const char* const kServices[] = {SLC_SVC_LOG, SLC_SVC_EXCHANGE, nullptr};
const slc_binding kBindings[] = {
    {"d/mw", SLC_IFACE_MIDDLEWARE, SLC_AT_ENDPOINT | SLC_AT_BACKEND, -7, R"({"type": "object"})", kAliases, 0},
    {"d/old", SLC_IFACE_MIDDLEWARE, SLC_AT_SERVICE, 5, nullptr, nullptr, 0},
    {"d/around", SLC_IFACE_AROUND, SLC_AT_BACKEND, 1, nullptr, nullptr, 0},
    {"d/transport", SLC_IFACE_TRANSPORT, SLC_AT_BACKEND, 1, nullptr, nullptr, 0},
    {"d/sink", SLC_IFACE_LOG_SINK, SLC_AT_SERVICE, 1, nullptr, nullptr, 0},
    {"d/selector", "sluice.selector/1.draft", SLC_AT_ENDPOINT, 1, nullptr, nullptr, 0},
    {"x", SLC_IFACE_DECODER, 0, 0, nullptr, nullptr, SLC_BIND_DEFAULT},
    {"raw", SLC_IFACE_DECODER, 0, 0, nullptr, nullptr, 0},
    {"x", SLC_IFACE_ENCODER, 0, 0, nullptr, nullptr, 0},
    {"dir", SLC_IFACE_RESOLVER, 0, 0, nullptr, nullptr, 0},
    {"d/balancer", SLC_IFACE_BALANCER, SLC_AT_BACKEND, 1, nullptr, nullptr, 0},
};
const slc_entry kEntry{SLC_ABI_MAGIC, sizeof(slc_entry), SLC_ABI_MAJOR, SLC_ABI_MINOR, SLC_BUILD_FLAGS | SLC_STARTS_THREADS, "test.described", "3.1", "gcc",
                       kServices, kBindings, std::size(kBindings), sizeof(slc_binding), load, nullptr, table_of};

std::string described() {
  auto module = Module::adopt(&kEntry, "linked.so");
  EXPECT_TRUE(module) << module.error().message;
  return describe(**module);
}

template <class T>
const T& at(const Description& d, uint32_t i) {
  return *static_cast<const T*>(d.table(i));
}

TEST(DescriptionTest, EveryConstantComesOver) {
  auto d = Description::parse(described());
  ASSERT_TRUE(d) << d.error().message;
  const slc_entry& e = (*d)->entry();
  EXPECT_EQ(e.magic, SLC_ABI_MAGIC);
  EXPECT_EQ(e.size, sizeof(slc_entry));
  EXPECT_EQ(e.abi_major, SLC_ABI_MAJOR);
  EXPECT_EQ(e.abi_minor, SLC_ABI_MINOR);
  EXPECT_EQ(e.flags, uint32_t{SLC_BUILD_FLAGS | SLC_STARTS_THREADS});
  EXPECT_STREQ(e.id, "test.described");
  EXPECT_STREQ(e.version, "3.1");
  EXPECT_STREQ(e.built_with, "gcc");
  ASSERT_TRUE(e.required_services);
  EXPECT_STREQ(e.required_services[0], SLC_SVC_LOG);
  EXPECT_STREQ(e.required_services[1], SLC_SVC_EXCHANGE);
  EXPECT_EQ(e.required_services[2], nullptr);
  EXPECT_TRUE(e.load);
  EXPECT_FALSE(e.unload);
  EXPECT_TRUE(e.get_interface);
  ASSERT_EQ(e.binding_count, std::size(kBindings));
  for (uint32_t i = 0; i < e.binding_count; ++i) {
    const slc_binding &now = e.bindings[i], &then = kBindings[i];
    EXPECT_STREQ(now.name, then.name);
    EXPECT_STREQ(now.interface_id, then.interface_id);
    EXPECT_EQ(now.scopes, then.scopes);
    EXPECT_EQ(now.stage, then.stage);
    EXPECT_EQ(now.flags, then.flags);
    EXPECT_STREQ(now.schema, then.schema);
    EXPECT_EQ(now.aliases != nullptr, then.aliases != nullptr);
  }
  EXPECT_STREQ(e.bindings[0].aliases[0], "d/older");
  EXPECT_STREQ(e.bindings[0].aliases[1], "d/oldest");
  EXPECT_EQ(e.bindings[0].aliases[2], nullptr);
}

TEST(DescriptionTest, TablesSayWhichFunctionsThereAreAndHoldNoneOfTheirs) {
  auto d = Description::parse(described());
  ASSERT_TRUE(d);
  const auto& mw = at<slc_middleware>(**d, 0);
  EXPECT_EQ(mw.size, sizeof(slc_middleware));
  EXPECT_TRUE(mw.on_request && mw.on_response && mw.on_done && mw.on_response_chunk);
  EXPECT_FALSE(mw.on_raw_response || mw.on_request_chunk);
  EXPECT_NE(mw.on_request, kMiddleware.on_request);
  ASSERT_TRUE(mw.life);
  EXPECT_NE(mw.life, &kWhole);
  EXPECT_EQ(mw.life->size, sizeof(slc_lifecycle));
  EXPECT_TRUE(mw.life->create && mw.life->worker_start && mw.life->worker_stop && mw.life->export_state && mw.life->import_state);
  EXPECT_FALSE(mw.life->destroy);
  EXPECT_FALSE(at<slc_around>(**d, 2).life);
  EXPECT_TRUE(at<slc_around>(**d, 2).on_call && !at<slc_around>(**d, 2).on_done);
  EXPECT_TRUE(at<slc_transport>(**d, 3).send && at<slc_transport>(**d, 3).cancel);
  EXPECT_TRUE(!at<slc_log_sink>(**d, 4).level && at<slc_log_sink>(**d, 4).write && !at<slc_log_sink>(**d, 4).flush);
  EXPECT_TRUE(at<slc_selector>(**d, 5).select);
  EXPECT_EQ(view(at<slc_decoder>(**d, 6).format), "json");
  EXPECT_TRUE(at<slc_decoder>(**d, 6).decode && !at<slc_decoder>(**d, 6).expand);
  EXPECT_EQ(at<slc_decoder>(**d, 7).format.ptr, nullptr);
  EXPECT_FALSE(at<slc_decoder>(**d, 7).decode || at<slc_decoder>(**d, 7).expand);
  EXPECT_EQ(view(at<slc_encoder>(**d, 8).content_type), "application/x");
  EXPECT_TRUE(at<slc_encoder>(**d, 8).encode);
  EXPECT_TRUE(at<slc_resolver>(**d, 9).watch && !at<slc_resolver>(**d, 9).unwatch);
  EXPECT_TRUE(at<slc_balancer>(**d, 10).pick);
}

TEST(DescriptionTest, ATableThatEndsEarlyDoesSoHereAndWhatIsBehindItIsNotRead) {
  auto d = Description::parse(described());
  ASSERT_TRUE(d);
  const auto& old = at<slc_middleware>(**d, 1);
  EXPECT_EQ(old.size, offsetof(slc_middleware, on_request_chunk));
  EXPECT_FALSE(old.on_request_chunk || old.on_response_chunk);
  ASSERT_TRUE(old.life);
  EXPECT_FALSE(SLC_HAS(old.life, slc_lifecycle, export_state));
  EXPECT_FALSE(old.life->export_state || old.life->import_state);
}

TEST(DescriptionDeathTest, AFunctionThatIsOnlyAMarkEndsWhoCallsIt) {
  auto d = Description::parse(described());
  ASSERT_TRUE(d);
  EXPECT_DEATH((*d)->entry().get_interface("a", "b"), "a function of an isolated plugin was called in the gateway");
}

TEST(DescriptionTest, NothingThatIsCutOffOrTooLongIsBelieved) {
  const std::string all = described();
  for (size_t n = 0; n < all.size(); ++n) EXPECT_FALSE(Description::parse(std::string_view{all}.substr(0, n))) << n;
  EXPECT_FALSE(Description::parse(all + '\0'));
  EXPECT_FALSE(Description::parse(std::string(kMostDescription + 1, '\0')));
}

// Any single byte that is another one is refused or means something sound; sanitizers watch.
TEST(DescriptionTest, AWrongByteAnywhereDoesNoHarm) {
  const std::string all = described();
  for (size_t i = 0; i < all.size(); ++i)
    for (int flip : {0x01, 0x80, 0xff}) {
      std::string wrong = all;
      wrong[i] = static_cast<char>(wrong[i] ^ flip);
      auto d = Description::parse(wrong);
      if (!d) continue;
      const slc_entry& e = (*d)->entry();
      ASSERT_EQ(e.binding_count, std::size(kBindings));
      for (uint32_t k = 0; k < e.binding_count; ++k) EXPECT_LE(at<slc_middleware>(**d, k).size, sizeof(slc_middleware)) << i;
    }
}

// ---- the message ----

std::string frame(uint8_t word, std::string_view rest = {}) {
  std::string out;
  Writer w{out};
  w.u32(static_cast<uint32_t>(1 + rest.size())), w.u8(word);
  return out += rest;
}
const std::string kLoading = frame(1), kAsking = frame(2);
Telling told(std::string_view bytes) {
  Telling t{"a.so"};
  t.add(bytes);
  return t;
}

TEST(TellingTest, FedByteByByteSaysTheSame) {
  Telling t{"a.so"};
  const std::string all = kLoading + kAsking + frame(4, described());
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(t.phase(), i < kLoading.size() ? Telling::Phase::starting : i < (kLoading + kAsking).size() ? Telling::Phase::loading : Telling::Phase::asking);
    ASSERT_FALSE(t.over()) << i;
    t.add(std::string_view{all}.substr(i, 1));
  }
  ASSERT_TRUE(t.over());
  ASSERT_TRUE(t.answer()) << t.answer().error().message;
  EXPECT_STREQ((*t.answer())->entry().id, "test.described");
  t.add("what comes afterwards is not read");
  EXPECT_TRUE(t.answer());
}

TEST(TellingTest, ARefusalIsTheLoadersSentenceAndNamesTheFile) {
  EXPECT_EQ(told(kLoading + frame(3, "a.so: no good")).answer().error().message, "a.so: no good");
  EXPECT_EQ(told(kLoading + kAsking + frame(3, "no\ngood\x1b[1m")).answer().error().message, "a.so: no good [1m");
  EXPECT_LT(told(kLoading + frame(3, std::string(1 << 20, 'x'))).answer().error().message.size(), 9000u);
}

TEST(TellingTest, AnythingElseIsNonsense) {
  const std::string all = described();
  for (const std::string& bytes :
       {frame(2), frame(3, "a"), frame(4, all), kLoading + kLoading, kLoading + frame(1, "x"), kLoading + frame(4, all), kLoading + frame(3),
        kLoading + kAsking + kAsking, kLoading + kAsking + frame(4), kLoading + kAsking + frame(4, all + "x"), frame(0), frame(9),
        std::string(4, '\0'), std::string(8, '\xff')}) {
    const Telling t = told(bytes);
    EXPECT_TRUE(t.over());
    EXPECT_FALSE(t.answer());
    EXPECT_EQ(t.answer().error().message, "");
  }
}

TEST(TellingTest, NoMoreIsKeptThanADescriptionMayHave) {
  std::string head;
  Writer{head}.u32(100u << 20);
  Telling t{"a.so"};
  t.add(kLoading + kAsking + head);
  const std::string piece(1 << 20, '\x04');
  int pieces = 0;
  while (!t.over()) t.add(piece), ++pieces;
  EXPECT_LE(pieces, 17);
  EXPECT_FALSE(t.answer());
}

// ---- the processes: programs that are none of ours ----

class DescribeTest : public ::testing::Test {
 protected:
  DescribeTest() {
    char name[] = "/tmp/slc-describe-test-XXXXXX";
    folder_ = mkdtemp(name);
  }
  ~DescribeTest() override { std::filesystem::remove_all(folder_); }
  // Its fourth argument is the file's name.
  const char* script(const std::string& text) {
    std::string& path = scripts_.emplace_back(folder_ + "/" + std::to_string(scripts_.size()));
    std::ofstream{path} << "#!/bin/sh\n" << text << '\n';
    chmod(path.c_str(), 0700);
    return path.c_str();
  }
  static DescribeRequest request(const char* program, uint64_t limit_ms = 100'000) {
    DescribeRequest r;
    r.file = "f.so", r.title = "f.so (t.f 1)", r.copy = "/nowhere", r.limit_ms = limit_ms, r.program = program;
    return r;
  }
  std::string said(const char* program, uint64_t limit_ms = 100'000) {
    auto answers = describe_all({request(program, limit_ms)});
    EXPECT_EQ(answers.size(), 1u);
    EXPECT_FALSE(answers.front());
    return answers.front().error().message;
  }
  std::string folder_;
  std::deque<std::string> scripts_;
};
// Frames as printf of a shell writes them.
const char* const kSaysLoading = R"(printf '\001\000\000\000\001' >&3; )";
const char* const kSaysAsking = R"(printf '\001\000\000\000\002' >&3; )";

TEST_F(DescribeTest, AnEndIsToldWithWhatRanThen) {
  const std::string who = "f.so (t.f 1): cannot be isolated: ";
  EXPECT_EQ(said(script("exit 3")), who + "the process that describes it ended: it ended by itself with exit code 3");
  EXPECT_EQ(said(script(std::string{kSaysLoading} + "exit 3")), who + "it ended its process in its static constructors: exit code 3");
  EXPECT_EQ(said(script(std::string{kSaysLoading} + "kill -KILL $$")), who + "it crashed in its static constructors: SIGKILL (Killed)");
  EXPECT_EQ(said(script(std::string{kSaysLoading} + kSaysAsking + "kill -KILL $$")), who + "it crashed in get_interface: SIGKILL (Killed)");
}

TEST_F(DescribeTest, OneThatDoesNotEndIsKilledWhenItsTimeIsOver) {
  // How far it has come by then is not for a test to say.
  for (const std::string& text : {std::string{}, std::string{kSaysLoading}, std::string{kSaysLoading} + kSaysAsking, std::string{"exec 3>&-; "}}) {
    const std::string why = said(script(text + "exec sleep 1000"), 150);
    EXPECT_TRUE(why.starts_with("f.so (t.f 1): cannot be isolated: ")) << why;
    EXPECT_TRUE(why.ends_with(" within 150 ms, and the process was killed")) << why;
  }
}

TEST_F(DescribeTest, NonsenseEndsItAtOnce) {
  const std::string nonsense = "f.so (t.f 1): cannot be isolated: the process that describes it sent no valid message";
  EXPECT_EQ(said(script("echo hello world >&3; exec sleep 1000")), nonsense);
  EXPECT_EQ(said(script(std::string{kSaysLoading} + "exec cat /dev/zero >&3")), nonsense);
  EXPECT_EQ(said(script(std::string{kSaysLoading} + kSaysAsking + R"(printf '\377\377\377\000\004' >&3; exec cat /dev/zero >&3)")), nonsense);
}

TEST_F(DescribeTest, AProgramThatIsNotThereIsAnError) {
  EXPECT_EQ(said("/nowhere/at/all"), "f.so (t.f 1): cannot be isolated: the process that describes it cannot be started: No such file or directory");
}

TEST_F(DescribeTest, ManyAreDescribedSideBySideAndAnsweredInTheirOrder) {
  const char* program = script(std::string{kSaysLoading} + "exit $4");
  std::vector<DescribeRequest> requests;
  for (int i = 0; i < 30; ++i) requests.push_back(request(i == 7 ? "/nowhere/at/all" : program)), requests.back().file = std::to_string(i);
  const auto answers = describe_all(requests);
  ASSERT_EQ(answers.size(), 30u);
  for (size_t i = 0; i < 30; ++i) {
    const std::string end = i == 7 ? "cannot be started: No such file or directory" : "exit code " + std::to_string(i);
    EXPECT_TRUE(answers[i].error().message.ends_with(end)) << answers[i].error().message;
  }
  EXPECT_TRUE(describe_all({}).empty());
}

}  // namespace
}  // namespace sluice::plugin::isolate
