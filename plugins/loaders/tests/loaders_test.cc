// What each block chooses, in which order. That the choices run is tests/integration/loaders_test.cc.
#include <gtest/gtest.h>

#include <sluice/testing.hpp>

using namespace sluice::testing;

namespace {

struct Chosen {
  std::vector<std::string> names, options;
  std::string interface_id;
  uint32_t flags = 0;
};

slc_status note(slc_selection* s, const slc_choice* c) noexcept {
  auto& out = *reinterpret_cast<Chosen*>(s);
  out.names.emplace_back(c->name.ptr, c->name.len);
  out.options.emplace_back(c->options.ptr, c->options.len);
  out.interface_id = c->interface_id.ptr ? std::string{c->interface_id.ptr, c->interface_id.len} : "";
  out.flags = c->flags;
  return SLC_OK;
}

class LoadersTest : public ::testing::Test {
 protected:
  Chosen choose(const char* name, std::string_view json, int32_t scope) {
    Configured block{host_, SLC_ENTRY_SYMBOL, name, json, scope};
    EXPECT_TRUE(block.ok()) << host_.problem_text();
    Chosen out;
    if (block.object()) {
      EXPECT_EQ(block.table<slc_selector>().select(block.object(), reinterpret_cast<slc_selection*>(&out), &note), SLC_OK);
    }
    return out;
  }
  FakeHost host_;
};

using Names = std::vector<std::string>;

TEST_F(LoadersTest, TheLastServerPluginIsOutermost) {
  const Chosen c = choose("plugin/http-server", R"({"name": ["auth-header", "geo"], "geo": {"db": "x"}})", SLC_AT_SERVICE);
  EXPECT_EQ(c.names, (Names{"geo", "auth-header"}));
  EXPECT_EQ(c.options, (Names{"/geo", "/auth-header"}));
  EXPECT_EQ(c.interface_id, SLC_IFACE_MIDDLEWARE);
  EXPECT_EQ(choose("plugin/http-server", R"({"name": "geo"})", SLC_AT_SERVICE).names, Names{"geo"});
  EXPECT_TRUE(host_.warnings().empty());
}

TEST_F(LoadersTest, ABackendHasOneClientPlugin) {
  const Chosen c = choose("plugin/http-client", R"({"name": "acme/signer~2"})", SLC_AT_BACKEND);
  EXPECT_EQ(c.names, Names{"acme/signer~2"});
  EXPECT_EQ(c.options, Names{"/acme~1signer~02"}) << "a pointer, with its escapes";
  EXPECT_EQ(c.interface_id, SLC_IFACE_TRANSPORT);
  EXPECT_TRUE(choose("plugin/http-client", R"({"name": ["signer"]})", SLC_AT_BACKEND).names.empty());
  EXPECT_EQ(host_.warnings().size(), 1u);
}

TEST_F(LoadersTest, ModifiersKeepTheOrderOfTheirList) {
  const Chosen c = choose("plugin/req-resp-modifier", R"({"name": ["a", 1, "", "b"]})", SLC_AT_PROXY);
  EXPECT_EQ(c.names, (Names{"a", "b"}));
  EXPECT_EQ(c.flags, uint32_t{SLC_CHOOSE_ANSWERS_IN_ORDER});
  EXPECT_EQ(host_.warnings().size(), 2u);
  EXPECT_TRUE(choose("plugin/req-resp-modifier", R"({"name": "a"})", SLC_AT_PROXY).names.empty());
}

TEST_F(LoadersTest, MiddlewareIsOfEitherKind) {
  const Chosen c = choose("plugin/middleware", R"({"name": ["a", "b"]})", SLC_AT_BACKEND);
  EXPECT_EQ(c.names, (Names{"a", "b"}));
  EXPECT_EQ(c.interface_id, "");
}

TEST_F(LoadersTest, ABlockWithoutNamesChoosesNothingAndSaysSo) {
  for (const char* block : {"{}", R"({"name": null})", R"({"name": 3})", R"({"name": {}})"}) {
    EXPECT_TRUE(choose("plugin/http-server", block, SLC_AT_SERVICE).names.empty()) << block;
  }
  EXPECT_EQ(host_.warnings().size(), 4u);
  EXPECT_EQ(host_.warnings()[0].pointer, "/name");
}

TEST_F(LoadersTest, OldNamesAreKnown) {
  EXPECT_EQ(choose("github_com/devopsfaith/krakend/transport/http/server/handler", R"({"name": "a"})", SLC_AT_SERVICE).names, Names{"a"});
  EXPECT_EQ(choose("github.com/devopsfaith/krakend/transport/http/client/executor", R"({"name": "a"})", SLC_AT_BACKEND).names, Names{"a"});
  EXPECT_EQ(choose("github.com/devopsfaith/krakend/proxy/plugin", R"({"name": ["a"]})", SLC_AT_BACKEND).names, Names{"a"});
}

}  // namespace
