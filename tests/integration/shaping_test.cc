// What allow, deny and flatmap_filter take out of an answer never reaches the client, however the backend writes it.
#include <gtest/gtest.h>

#include "tests/integration/gateway_config.h"

namespace sluice::test {
namespace {

TEST(ShapingTest, AMemberThatALaterOneOfItsNameReplacesStaysOut) {
  struct Case {
    const char *body, *rules, *answer;
  };
  const char* const twice = R"({"t":{"k":{"x":"SECRET"},"k":{"y":2}}})";
  const Case cases[] = {
      {twice, R"("allow": ["t.k.y"])", R"({"t":{"k":{"y":2}}})"},
      {twice, R"("deny": ["t.k.x"])", R"({"t":{"k":{"y":2}}})"},
      {twice, R"("target": "t", "allow": ["k.y"])", R"({"k":{"y":2}})"},
      {twice, R"("target": "t", "deny": ["k.x"])", R"({"k":{"y":2}})"},
      {twice, R"("allow": ["t.k.y"], "group": "g")", R"({"g":{"t":{"k":{"y":2}}}})"},
      {twice, R"("deny": ["t.k.x"], "mapping": {"t": "u"})", R"({"u":{"k":{"y":2}}})"},
      {twice, R"("encoding": "safejson", "deny": ["t.k.x"])", R"({"t":{"k":{"y":2}}})"},
      {twice, R"("encoding": "fast-json", "deny": ["t.k.x"])", R"({"t":{"k":{"y":2}}})"},
      {R"({"a":{"\u006f":{"x":"SECRET"},"o":{"y":2}}})", R"("deny": ["a.o.x"])", R"({"a":{"o":{"y":2}}})"},
      {R"({"a":{"o":{"x":"SECRET"},"o":5}})", R"("deny": ["a.o.x"])", R"({"a":{"o":5}})"},
      {R"({"t":{"x":"SECRET"},"t":{"y":2}})", R"("deny": ["t.x"])", R"({"t":{"y":2}})"},
      {R"({"l":[{"o":{"x":"SECRET"},"o":{"y":2}}]})", R"("extra_config": {"proxy": {"flatmap_filter": [{"type": "del", "args": ["l.*.o.x"]}]}})",
       R"({"l":[{"o":{"y":2}}]})"},
  };
  FakeUpstream up;
  std::string endpoints;
  for (size_t i = 0; i < std::size(cases); ++i) {
    const std::string path = "/" + std::to_string(i);
    up.on(path, Reply::json(cases[i].body));
    endpoints += (i ? "," : "") + endpoint_of(path, backend_of(up.url(), path, cases[i].rules));
  }
  GatewayProcess gateway{options_of(config_of(endpoints))};
  for (size_t i = 0; i < std::size(cases); ++i)
    EXPECT_EQ(get_once(gateway.port(), "/" + std::to_string(i)).body, cases[i].answer) << cases[i].body << " with " << cases[i].rules;
}

}  // namespace
}  // namespace sluice::test
