#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "core/plugin/handover.h"
#include "core/plugin/report.h"
#include "tests/unit/plugin/fake.h"

namespace sluice::plugin {
namespace {

using testing::FakeWorker;
using testing::S;
using testing::text;

// A plugin whose create() is what the test wants.
std::function<slc_status(slc_node, slc_report*, void**)> on_create;
int destroyed, started, stopped;
slc_status start_answer;
slc_status create(const slc_host*, slc_node config, slc_report* r, void** out) noexcept { return on_create(config, r, out); }
void destroy(void*) noexcept { ++destroyed; }
slc_status worker_start(void* object, slc_worker* w, void** state) noexcept {
  ++started;
  *state = static_cast<char*>(object) + w->index + 1;
  return start_answer;
}
void worker_stop(void*) noexcept { ++stopped; }
slc_action next_hook(void*, slc_exchange*, void**) noexcept { return SLC_NEXT; }
const slc_lifecycle kLife = {sizeof(slc_lifecycle), create, destroy, nullptr, nullptr, nullptr, nullptr};
const slc_lifecycle kWorkerLife = {sizeof(slc_lifecycle), create, destroy, worker_start, worker_stop, nullptr, nullptr};
const slc_middleware kMiddleware = {sizeof(slc_middleware), &kLife, next_hook, nullptr, nullptr, nullptr, nullptr, nullptr};
const slc_middleware kPerWorker = {sizeof(slc_middleware), &kWorkerLife, next_hook, nullptr, nullptr, nullptr, nullptr, nullptr};
const void* get(const char*, const char* name) noexcept { return std::string_view{name} == "t/worker" ? &kPerWorker : &kMiddleware; }
const slc_binding kBindings[] = {
    {"t/plain", SLC_IFACE_MIDDLEWARE, 15, 0, R"({"type":"object","properties":{"n":{"type":"integer"}}})", nullptr, 0},
    {"t/limit", SLC_IFACE_MIDDLEWARE, 15, 0, R"({"type":"object","properties":{"max_rate":{"type":"integer"}}})", nullptr, 0},
    {"qos/t", SLC_IFACE_MIDDLEWARE, 15, 0, R"({"type":"object","properties":{"max_rate":{"type":"integer"}}})", nullptr, 0},
    {"t/worker", SLC_IFACE_MIDDLEWARE, 15, 0, nullptr, nullptr, 0}};
const slc_entry kEntry = {SLC_ABI_MAGIC, sizeof(slc_entry), SLC_ABI_MAJOR, SLC_ABI_MINOR, SLC_BUILD_FLAGS, "acme.t", "1.2", "g++",
                          nullptr, kBindings, 4, sizeof(slc_binding), nullptr, nullptr, get};

struct ObjectTest : ::testing::Test {
  ObjectTest() {
    ScanResult result;
    registry.add(&kEntry, "t.so", result);
    destroyed = started = stopped = 0, start_answer = SLC_OK;
    on_create = [](slc_node, slc_report*, void** out) { return *out = &memory, SLC_OK; };
  }
  std::shared_ptr<Object> make(const char* name, std::string_view json, Context context = {}) {
    value = boost::json::parse(json);
    config::Block block{name, &value, "/endpoints/3/extra_config/" + std::string{"t~1plain"}};
    return factory.make(*registry.find_namespace(name, nullptr), &block, context);
  }
  std::vector<std::string> issues() {
    std::vector<std::string> lines;
    for (const auto& i : report.issues())
      lines.push_back((i.severity == config::Issue::Severity::error ? "E " : "W ") + i.pointer + ": " + i.message);
    return lines;
  }
  static inline char memory[8];
  Registry registry;
  config::Report report;
  ObjectFactory factory{registry, 2, report};
  boost::json::value value;
};
using Lines = std::vector<std::string>;

TEST_F(ObjectTest, ABlockThatViolatesItsSchemaIsNotCreated) {
  bool called = false;
  on_create = [&](slc_node, slc_report*, void**) { return called = true, SLC_OK; };
  EXPECT_EQ(make("t/plain", R"({"n":"x"})"), nullptr);
  EXPECT_FALSE(called);
  EXPECT_EQ(issues(), Lines{"E /endpoints/3/extra_config/t~1plain/n: an integer is required, found a string (plugin acme.t 1.2)"});
}

TEST_F(ObjectTest, AnUnknownOptionIsAWarningOnceForEachPlace) {
  EXPECT_NE(make("t/limit", R"({"max_rte":100,"whatever":1,"_max_rate":1,"//":""})"), nullptr);
  EXPECT_FALSE(report.failed());
  make("t/limit", R"({"max_rte":100})");
  const std::string at = "/endpoints/3/extra_config/t~1plain/", by = " (plugin acme.t 1.2)";
  EXPECT_EQ(issues(), (Lines{"W " + at + "max_rte: unknown key, ignored (did you mean \"max_rate\"?)" + by, "W " + at + "whatever: unknown key, ignored" + by}))
      << "one place, told once";
}

TEST_F(ObjectTest, InAFamilyThatProtectsAMisspeltOptionIsAnError) {
  make("qos/t", R"({"max_rte":100,"whatever":1,"@comment":1})");
  const std::string at = "/endpoints/3/extra_config/t~1plain/", by = " (plugin acme.t 1.2)";
  EXPECT_EQ(issues(), (Lines{"E " + at + "max_rte: unknown key (did you mean \"max_rate\"?); a misspelt option must not switch a check off" + by,
                             "W " + at + "whatever: unknown key, ignored" + by}));
}

TEST_F(ObjectTest, WhatIsMisspeltIsToldTogetherWithWhatIsWrong) {
  EXPECT_EQ(make("t/limit", R"({"max_rate":"x","max_rte":100})"), nullptr);
  const std::string at = "/endpoints/3/extra_config/t~1plain/", by = " (plugin acme.t 1.2)";
  EXPECT_EQ(issues(), (Lines{"E " + at + "max_rate: an integer is required, found a string" + by,
                             "W " + at + "max_rte: unknown key, ignored (did you mean \"max_rate\"?)" + by}));
}

TEST_F(ObjectTest, ErrorsOfCreateAreLocatedAndTheLeftOverIsDestroyed) {
  on_create = [](slc_node, slc_report* r, void** out) {
    kConfigService.error(r, S("/a/0"), S("is wrong"));
    kConfigService.error(r, S("b"), S("too"));
    kConfigService.warning(r, S(""), S("odd"));
    *out = &memory;
    return SLC_OK;
  };
  EXPECT_EQ(make("t/plain", "{}"), nullptr);
  EXPECT_EQ(issues(), (Lines{"E /endpoints/3/extra_config/t~1plain/a/0: is wrong (plugin acme.t 1.2)",
                             "E /endpoints/3/extra_config/t~1plain/b: too (plugin acme.t 1.2)",
                             "W /endpoints/3/extra_config/t~1plain: odd (plugin acme.t 1.2)"}));
  EXPECT_EQ(destroyed, 1);
}

TEST_F(ObjectTest, ARefusalWithoutAReasonIsToldToo) {
  on_create = [](slc_node, slc_report*, void**) { return SLC_ENOMEM; };
  EXPECT_EQ(make("t/plain", "{}"), nullptr);
  EXPECT_EQ(issues(), Lines{"E /endpoints/3/extra_config/t~1plain: refused without a reason: SLC_ENOMEM (plugin acme.t 1.2)"});
  EXPECT_EQ(destroyed, 0);
}

TEST_F(ObjectTest, ABlockThatAsksForNothingIsNoObjectAndNoError) {
  on_create = [](slc_node, slc_report*, void**) { return SLC_OK; };
  EXPECT_EQ(make("t/plain", "{}"), nullptr);
  EXPECT_FALSE(report.failed());
}

TEST_F(ObjectTest, CreateSeesItsBlockAndWhatIsAround) {
  boost::json::value root = boost::json::parse(R"({"name":"gw"})"), endpoint = boost::json::parse(R"({"endpoint":"/x"})");
  config::Element root_at, endpoint_at;
  root_at.value = &root, endpoint_at.value = &endpoint;
  std::string seen;
  on_create = [&](slc_node n, slc_report* r, void** out) {
    const auto& d = kDocumentService;
    int64_t big = 0;
    EXPECT_EQ(d.as_int(d.find(n, S("n")), &big), SLC_OK);
    seen = std::to_string(big) + " " + text(d.text(d.find(kConfigService.surrounding(r, SLC_AT_SERVICE), S("name")))) + " " +
           text(d.text(d.find(kConfigService.surrounding(r, SLC_AT_ENDPOINT), S("endpoint")))) + " " + text(kConfigService.location(r)) +
           " " + text(kConfigService.place(r)) + " " + std::to_string(kConfigService.scope(r));
    EXPECT_EQ(kConfigService.surrounding(r, SLC_AT_BACKEND).p, nullptr);
    EXPECT_EQ(d.erase(n, S("n")), SLC_EINVAL) << "a configuration is not changed";
    *out = &memory;
    return SLC_OK;
  };
  Context context;
  context.scope = SLC_AT_ENDPOINT, context.where = "[ENDPOINT: /x]", context.root = &root_at, context.endpoint = &endpoint_at;
  auto object = make("t/plain", R"({"n":9007199254740993})", context);
  ASSERT_NE(object, nullptr);
  EXPECT_EQ(seen, "9007199254740993 gw /x /endpoints/3/extra_config/t~1plain [ENDPOINT: /x] 2");
  EXPECT_EQ(object->place().plugin, "acme.t");
  EXPECT_EQ(object->place().where, "[ENDPOINT: /x]");
}

TEST_F(ObjectTest, ViewsOfTheConfigurationLiveAsLongAsTheObject) {
  slc_str kept{};
  on_create = [&](slc_node n, slc_report*, void** out) {
    kept = kDocumentService.text(kDocumentService.find(n, S("s")));
    *out = &memory;
    return SLC_OK;
  };
  auto passing = std::make_unique<ObjectFactory>(registry, 1, report);
  auto passing_value = std::make_unique<boost::json::value>(boost::json::parse(R"({"s":"a text that is too long for a small string"})"));
  config::Block block{"t/plain", passing_value.get(), ""};
  auto object = passing->make(*registry.find_namespace("t/plain", nullptr), &block, {});
  passing.reset(), passing_value.reset();
  EXPECT_EQ(text(kept), "a text that is too long for a small string");
}

TEST_F(ObjectTest, StatesArePerWorkerAndStopOnlyWhereStarted) {
  FakeWorker w0{0, 2}, w1{1, 2};
  auto object = make("t/worker", "{}");
  ASSERT_NE(object, nullptr);
  ASSERT_TRUE(object->start(*w0.worker));
  EXPECT_EQ(object->state(*w0.worker), memory + 1);
  start_answer = SLC_ENOMEM;
  auto failed = object->start(*w1.worker);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "[t/worker]: cannot start on worker 1: SLC_ENOMEM (plugin acme.t 1.2)");
  object->stop(*w0.worker), object->stop(*w0.worker), object->stop(*w1.worker);
  EXPECT_EQ(stopped, 1);
  object.reset();
  EXPECT_EQ(destroyed, 1);
}

TEST_F(ObjectTest, WithoutWorkerStartHooksGetTheObjectItself) {
  FakeWorker w;
  auto object = make("t/plain", "{}");
  EXPECT_TRUE(object->start(*w.worker));
  EXPECT_EQ(object->state(*w.worker), memory);
  object->stop(*w.worker);
}

TEST_F(ObjectTest, TimersThatAnObjectForgotAreCancelledWhenItStops) {
  FakeWorker w;
  auto object = make("t/plain", "{}");
  ASSERT_TRUE(object->start(*w.worker));
  {
    PlaceScope scope{&object->place()};
    EXPECT_NE(kLoopService.timer(w.worker.get(), nullptr, 1, [](void*, slc_exchange*) noexcept { FAIL(); }, nullptr), 0u);
  }
  EXPECT_EQ(w.worker->tokens->used(), 1u);
  object->stop(*w.worker);
  EXPECT_EQ(w.worker->tokens->used(), 0u);
  EXPECT_EQ(current_place, nullptr);
}

// ---- state that is handed over at a reload ----

std::function<slc_status(slc_status (*)(void*, slc_str) noexcept, void*)> on_export;
std::vector<std::string> imported;
slc_status import_answer;
slc_status export_state(void*, slc_status (*write)(void*, slc_str) noexcept, void* to) noexcept { return on_export(write, to); }
slc_status import_state(void*, slc_str bytes) noexcept {
  imported.emplace_back(bytes.ptr, bytes.len);
  return import_answer;
}
const slc_lifecycle kStateLife = {sizeof(slc_lifecycle), create, destroy, nullptr, nullptr, export_state, import_state};
const slc_middleware kStateful = {sizeof(slc_middleware), &kStateLife, next_hook, nullptr, nullptr, nullptr, nullptr, nullptr};
const void* get_stateful(const char*, const char*) noexcept { return &kStateful; }
const slc_binding kStateBindings[] = {{"t/state", SLC_IFACE_MIDDLEWARE, 15, 0, nullptr, nullptr, 0}};
const slc_entry kStateEntry = {SLC_ABI_MAGIC, sizeof(slc_entry), SLC_ABI_MAJOR, SLC_ABI_MINOR, SLC_BUILD_FLAGS, "acme.state", "1", "g++",
                               nullptr, kStateBindings, 1, sizeof(slc_binding), nullptr, nullptr, get_stateful};

struct HandoverTest : ObjectTest {
  HandoverTest() {
    ScanResult result;
    registry.add(&kStateEntry, "state.so", result);
    imported.clear(), import_answer = SLC_OK;
    on_export = [](auto write, void* to) { return write(to, S("one ")), write(to, S("two")); };
  }
  // Objects of one generation, one per endpoint.
  std::vector<std::shared_ptr<Object>> generation(const std::vector<std::string>& endpoints, const Places* before) {
    ObjectFactory made{registry, 1, report, before};
    std::vector<std::shared_ptr<Object>> all;
    for (const std::string& e : endpoints) {
      trees.push_back(std::make_unique<boost::json::value>(boost::json::parse(R"({"endpoint": ")" + e + "\"}")));
      elements.push_back(std::make_unique<config::Element>());
      elements.back()->value = trees.back().get();
      Context context;
      context.scope = SLC_AT_ENDPOINT;
      context.where = "[ENDPOINT: " + e + "]";
      context.endpoint = elements.back().get();
      all.push_back(made.make(*registry.find_namespace("t/state", nullptr), nullptr, context));
    }
    return all;
  }
  static Places places_of(const std::vector<std::shared_ptr<Object>>& all) {
    Places p;
    for (const auto& o : all) p.add(*o);
    return p;
  }
  std::vector<std::unique_ptr<boost::json::value>> trees;
  std::vector<std::unique_ptr<config::Element>> elements;
};

TEST_F(HandoverTest, StateGoesToTheObjectAtTheSamePlaceAndToNoOther) {
  auto old = generation({"/a", "/b"}, nullptr);
  EXPECT_TRUE(imported.empty()) << "at the start there is nobody to take over from";
  Places places = places_of(old);
  auto fresh = generation({"/new", "/b"}, &places);
  EXPECT_EQ(imported, std::vector<std::string>{"one two"}) << "all pieces in one view; /b has moved, /new is new";
  EXPECT_EQ(old[1]->key(), fresh[1]->key());
}

TEST_F(HandoverTest, EqualPlacesAreNumbered) {
  auto old = generation({"/a", "/a"}, nullptr);
  EXPECT_NE(old[0]->key(), old[1]->key());
  Places places = places_of(old);
  generation({"/a", "/a", "/a"}, &places);
  EXPECT_EQ(imported.size(), 2u);
}

TEST_F(HandoverTest, WhatIsRefusedTooLargeOrOfNoUseStartsAsNew) {
  auto old = generation({"/a"}, nullptr);
  Places places = places_of(old);
  on_export = [](auto, void*) { return SLC_EIO; };
  EXPECT_NE(generation({"/a"}, &places)[0], nullptr);
  EXPECT_TRUE(imported.empty());
  const std::string large(kMostState, 'x');
  on_export = [&](auto write, void* to) {
    EXPECT_EQ(write(to, {large.data(), large.size()}), SLC_OK);
    EXPECT_EQ(write(to, S("y")), SLC_ELIMIT);
    EXPECT_EQ(write(to, S("")), SLC_ELIMIT);
    return SLC_OK;
  };
  EXPECT_NE(generation({"/a"}, &places)[0], nullptr);
  EXPECT_TRUE(imported.empty()) << "half a state is none";
  on_export = [](auto write, void* to) { return write(to, S("x")); };
  import_answer = SLC_EINVAL;
  EXPECT_NE(generation({"/a"}, &places)[0], nullptr);
  EXPECT_EQ(imported.size(), 1u);
  EXPECT_TRUE(issues().empty()) << "the reload goes on";
}

TEST_F(HandoverTest, EndpointsOfOnePathAreToldApartByMethodsAndConditions) {
  const auto made = [&](const std::vector<std::string>& labels, const Places* before) {
    ObjectFactory factory_of{registry, 1, report, before};
    std::vector<std::shared_ptr<Object>> all;
    for (const std::string& label : labels) {
      Context context;
      context.scope = SLC_AT_ENDPOINT, context.where = "[ENDPOINT: /x]", context.endpoint_label = label;
      all.push_back(factory_of.make(*registry.find_namespace("t/state", nullptr), nullptr, context));
    }
    return all;
  };
  auto old = made({"GET /x (host a)", "GET /x (host b)", "POST, PUT /x"}, nullptr);
  Places places = places_of(old);
  int exported = 0;
  on_export = [&](auto write, void* to) { return ++exported, write(to, S("x")); };
  auto turned = made({"POST, PUT /x", "GET /x (host b)", "GET /x (host a)"}, &places);
  EXPECT_EQ(exported, 3);
  EXPECT_EQ(turned[0]->key(), old[2]->key());
  EXPECT_EQ(turned[1]->key(), old[1]->key());
  EXPECT_EQ(turned[2]->key(), old[0]->key());
  made({"GET /x (host c)"}, &places);
  EXPECT_EQ(exported, 3) << "nobody was there";
}

}  // namespace
}  // namespace sluice::plugin
