#include <algorithm>

#include "core/config/grammar.h"
#include "core/config/sections.h"

namespace sluice::config {
namespace {

// The namespaces that configure the core itself, with their old names (config.md §6). All others belong to plugins.
struct Own {
  std::string_view name, old;
};
constexpr Own kOwn[] = {
    {"proxy", "github.com/devopsfaith/krakend/proxy"},
    {"router", "github_com/luraproject/lura/router/gin"},
    {"backend/http", "github.com/devopsfaith/krakend/http"},
    {"backend/http/client", ""},
    {"sluice", ""},  // this gateway's own (read_aggregation.cc)
};

}  // namespace

std::string_view long_name(std::string_view block) {
  for (const Own& o : kOwn)
    if (o.name == block) return o.old;
  return {};
}

void read_element(Fields& fields, Element& at) {
  at.value = &fields.value();
  at.pointer = fields.pointer();
  auto extra = fields.object("extra_config");
  if (!extra) return;
  const boost::json::object& blocks = extra->value().get_object();
  at.written = &blocks;
  for (const auto& member : blocks) {
    std::string_view key = member.key();
    Block block{std::string{key}, &member.value(), join(extra->pointer(), key)};
    auto own = std::find_if(std::begin(kOwn), std::end(kOwn),
                            [&](const Own& o) { return o.name == key || (!o.old.empty() && o.old == key); });
    if (own == std::end(kOwn)) {
      at.extra.push_back(std::move(block));
    } else if (own->name == key || !blocks.contains(own->name)) {
      block.name = own->name;
      at.own.push_back(std::move(block));
    }
  }
}

const Block* own_block(const Element& at, std::string_view short_name) {
  for (const Block& block : at.own)
    if (block.name == short_name) return &block;
  return nullptr;
}

}  // namespace sluice::config
