#include "core/plugin/registry.h"

#include <gtest/gtest.h>

#include "tests/unit/plugin/fake.h"

namespace sluice::plugin {
namespace {

const slc_decoder kDecoder = {sizeof(slc_decoder), nullptr, {"json", 4}, nullptr, nullptr};
slc_action next_hook(void*, slc_exchange*, void**) noexcept { return SLC_NEXT; }
const slc_middleware kMiddleware = {sizeof(slc_middleware), nullptr, next_hook, nullptr, nullptr, nullptr, nullptr, nullptr};
uint32_t first(void*, slc_exchange*, const slc_candidate*, uint32_t) noexcept { return 0; }
const slc_balancer kBalancer = {sizeof(slc_balancer), nullptr, first};
const void* get(const char* id, const char*) noexcept {
  std::string_view i = id;
  return i == SLC_IFACE_DECODER ? static_cast<const void*>(&kDecoder) : i == SLC_IFACE_BALANCER ? static_cast<const void*>(&kBalancer) : &kMiddleware;
}
slc_entry entry_of(const char* id, const slc_binding* bindings, uint32_t n) {
  return {SLC_ABI_MAGIC, sizeof(slc_entry), SLC_ABI_MAJOR, SLC_ABI_MINOR, SLC_BUILD_FLAGS, id, "1", "g++", nullptr, bindings, n,
          sizeof(slc_binding), nullptr, nullptr, get};
}

const char* const kOldNames[] = {"github.com/old/a", nullptr};
const slc_binding kFirst[] = {
    {"JSON", SLC_IFACE_DECODER, 0, 0, nullptr, nullptr, SLC_BIND_DEFAULT},
    {"qos/a", SLC_IFACE_MIDDLEWARE, SLC_AT_ENDPOINT, 3, nullptr, kOldNames, 0},
    {"balancing/rr", SLC_IFACE_BALANCER, SLC_AT_BACKEND, 0, nullptr, nullptr, SLC_BIND_DEFAULT},
};
const slc_entry kFirstEntry = entry_of("first", kFirst, 3);

struct RegistryTest : ::testing::Test {
  RegistryTest() { registry.add(&kFirstEntry, "first.so", result); }
  std::vector<std::string> also(const slc_entry* e, const char* file) {
    ScanResult r;
    registry.add(e, file, r);
    return r.problems;
  }
  Registry registry;
  ScanResult result;
};

TEST_F(RegistryTest, EncodingsAreFoundInAnyCaseNamespacesOnlyAsWritten) {
  EXPECT_TRUE(result.problems.empty());
  EXPECT_EQ(registry.find(SLC_IFACE_DECODER, "json")->table, &kDecoder);
  EXPECT_EQ(registry.find(SLC_IFACE_DECODER, "Json")->table, &kDecoder);
  EXPECT_NE(registry.find_namespace("qos/a", nullptr), nullptr);
  EXPECT_EQ(registry.find_namespace("QOS/a", nullptr), nullptr);
  EXPECT_EQ(registry.find_namespace("json", nullptr), nullptr);
  EXPECT_EQ(registry.find(SLC_IFACE_ENCODER, "json"), nullptr);
}

TEST_F(RegistryTest, ABalancerWithScopesIsANamespace) {
  EXPECT_EQ(registry.find_namespace("balancing/rr", nullptr)->table, &kBalancer);
  EXPECT_EQ(registry.find(SLC_IFACE_BALANCER, "balancing/rr")->table, &kBalancer);
  EXPECT_EQ(registry.find_default(SLC_IFACE_BALANCER)->name, "balancing/rr");
}

TEST_F(RegistryTest, AliasesAreFoundAndSaid) {
  bool alias = false;
  EXPECT_EQ(registry.find_namespace("github.com/old/a", &alias)->name, "qos/a");
  EXPECT_TRUE(alias);
  registry.find_namespace("qos/a", &alias);
  EXPECT_FALSE(alias);
}

TEST_F(RegistryTest, ANameWinsOverAnAlias) {
  static const slc_binding b = {"github.com/old/a", SLC_IFACE_MIDDLEWARE, SLC_AT_ENDPOINT, 0, nullptr, nullptr, 0};
  static const slc_entry e = entry_of("second", &b, 1);
  EXPECT_TRUE(also(&e, "second.so").empty());
  bool alias = true;
  EXPECT_EQ(registry.find_namespace("github.com/old/a", &alias)->plugin_id, "second");
  EXPECT_FALSE(alias);
}

TEST_F(RegistryTest, TheSameAliasTwiceIsAClash) {
  static const slc_binding b = {"qos/b", SLC_IFACE_MIDDLEWARE, SLC_AT_ENDPOINT, 0, nullptr, kOldNames, 0};
  static const slc_entry e = entry_of("second", &b, 1);
  EXPECT_EQ(also(&e, "second.so"), std::vector<std::string>{"first.so and second.so both provide \"github.com/old/a\". Remove one."});
  EXPECT_EQ(registry.find_namespace("qos/b", nullptr), nullptr);
}

TEST_F(RegistryTest, TwoDefaultsAreAClash) {
  static const slc_binding b = {"bson", SLC_IFACE_DECODER, 0, 0, nullptr, nullptr, SLC_BIND_DEFAULT};
  static const slc_entry e = entry_of("second", &b, 1);
  EXPECT_EQ(also(&e, "second.so"), std::vector<std::string>{"first.so and second.so both want to be the default of sluice.decoder/1. Remove one."});
}

TEST_F(RegistryTest, ANameTwiceInOnePluginIsAClash) {
  static const slc_binding b[] = {{"x/y", SLC_IFACE_MIDDLEWARE, 2, 0, nullptr, nullptr, 0}, {"x/y", SLC_IFACE_MIDDLEWARE, 2 | 8, 0, nullptr, nullptr, 0}};
  static const slc_entry e = entry_of("second", b, 2);
  EXPECT_EQ(also(&e, "second.so"), std::vector<std::string>{"second.so (second 1): binds \"x/y\" twice."});
}

TEST_F(RegistryTest, ANameAtDifferentLevelsOfOnePluginIsTwoBindings) {
  static const char* const old[] = {"github.com/old/xy", nullptr};
  static const slc_binding b[] = {{"x/y", SLC_IFACE_MIDDLEWARE, SLC_AT_SERVICE, 500, nullptr, old, 0},
                                  {"x/y", SLC_IFACE_MIDDLEWARE, SLC_AT_ENDPOINT, 100, nullptr, old, 0}};
  static const slc_entry e = entry_of("second", b, 2);
  EXPECT_TRUE(also(&e, "second.so").empty());
  for (const char* name : {"x/y", "github.com/old/xy"}) {
    EXPECT_EQ(registry.find_namespace(name, nullptr, SLC_AT_SERVICE)->spec->stage, 500);
    EXPECT_EQ(registry.find_namespace(name, nullptr, SLC_AT_ENDPOINT | SLC_AT_PROXY)->spec->stage, 100);
    EXPECT_EQ(registry.find_namespace(name, nullptr, SLC_AT_BACKEND)->spec->stage, 500);  // for the message
  }
  // Of another plugin it is a clash all the same.
  static const slc_binding third = {"x/y", SLC_IFACE_MIDDLEWARE, SLC_AT_BACKEND, 0, nullptr, nullptr, 0};
  static const slc_entry t = entry_of("third", &third, 1);
  EXPECT_EQ(also(&t, "third.so"), std::vector<std::string>{"second.so and third.so both provide \"x/y\". Remove one."});
}

TEST_F(RegistryTest, NamesForSuggestionsAreGroupedByKind) {
  EXPECT_EQ(registry.names(""), (std::vector<std::string>{"balancing/rr", "qos/a", "github.com/old/a"}));
  EXPECT_EQ(registry.names(SLC_IFACE_DECODER), std::vector<std::string>{"json"});
  EXPECT_EQ(registry.bindings().size(), 3u);
}

TEST(FamiliesTest, ProtectingFamiliesMustNotFailOpenUnderAnyOfTheirNames) {
  for (const char* name : {"auth/validator", "qos/ratelimit/router", "security/whatever", "validation/cel", "modifier/lua-proxy",
                           "github.com/devopsfaith/krakend-jose/validator", "github_com/devopsfaith/krakend-cors"})
    EXPECT_TRUE(must_not_fail_open(name)) << name;
  for (const char* name : {"telemetry/metrics", "documentation/openapi", "authentic", "github_com/devopsfaith/krakend-metrics", "qos", ""})
    EXPECT_FALSE(must_not_fail_open(name)) << name;
}

}  // namespace
}  // namespace sluice::plugin
