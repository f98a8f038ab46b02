#include "core/pipeline/compile_proxy.h"

#include <boost/json/value.hpp>

#include "core/base/text.h"

namespace sluice::pipeline {
namespace {

using config::join;
namespace json = boost::json;

// What the operation's text parts are; empty: something in it is no text.
std::optional<std::vector<std::string>> paths_of(const json::object& op) {
  std::vector<std::string> paths;
  const json::value* args = op.if_contains("args");
  if (!args || !args->is_array()) return paths;
  for (const json::value& v : args->get_array()) {
    if (!v.is_string()) return std::nullopt;
    paths.emplace_back(v.get_string());
  }
  return paths;
}

}  // namespace

std::shared_ptr<const document::Flatmap> compile_flatmap(const config::Element& at, config::Report& report) {
  for (const config::Block& b : at.own) {
    if (b.name != "proxy" || !b.value || !b.value->is_object()) continue;
    const json::value* list = b.value->get_object().if_contains("flatmap_filter");
    if (!list || list->is_null()) continue;
    std::string pointer = join(b.pointer, "flatmap_filter");
    if (!list->is_array()) {
      report.warning(pointer, "expected a list of operations; ignored");
      continue;
    }
    auto flatmap = std::make_shared<document::Flatmap>();
    bool any = false;
    for (size_t i = 0; i < list->get_array().size(); ++i) {
      const json::value& entry = list->get_array()[i];
      const json::value* type = entry.is_object() ? entry.get_object().if_contains("type") : nullptr;
      if (!type || !type->is_string()) {
        report.warning(join(pointer, i), "expected an operation such as {\"type\": \"del\", \"args\": [\"a.b\"]}; ignored");
        continue;
      }
      any = true;  // one that does nothing still switches allow, deny and mapping off (pipeline.md §6.1)
      auto paths = paths_of(entry.get_object());
      const char* why = paths ? flatmap->add(type->get_string(), *paths) : "expected texts in \"args\"";
      if (why) report.warning(join(pointer, i), std::string{why} + "; ignored");
    }
    if (any) return flatmap;
  }
  return nullptr;
}

void compile_sequence(EndpointPlan& p, config::Report& report) {
  p.sequential = p.config->sequential && p.backends.size() > 1;  // a single one just runs (§5.3, rule 5)
  const auto& list = p.config->sequential_propagated_params;
  std::string pointer = join(join(p.config->at.pointer, "extra_config"), "proxy");
  for (const config::Block& b : p.config->at.own)
    if (b.name == "proxy") pointer = b.pointer;
  pointer = join(pointer, "sequential_propagated_params");
  if (!p.sequential && !list.empty())
    report.warning(pointer, std::string{"has no effect: "} + (p.config->sequential ? "there is no later backend" : "the endpoint is not \"sequential\""));
  if (!p.sequential) return;
  for (const std::string& text : list) {
    // "resp<N>" or "resp<N>_<path>", checked when it was read.
    EndpointPlan::Propagated out;
    std::string_view rest = std::string_view{text}.substr(4);
    size_t digits = std::min(rest.find('_'), rest.size());
    auto step = parse_decimal<uint32_t>(rest.substr(0, digits));
    if (!step || *step >= p.backends.size()) {
      report.warning(pointer, "\"" + text + "\": the endpoint has " + std::to_string(p.backends.size()) + " backends, counted from 0; ignored");
      continue;
    }
    out.step = *step;
    if (digits < rest.size()) out.path = rest.substr(digits + 1);
    out.name = "R" + text.substr(1);
    if (BackendPlan& from = *p.backends[out.step]; out.path.empty()) {
      if (!from.decoder || !from.decoder->raw()) {
        report.warning(pointer, "\"" + text + "\" is the bytes of a backend's answer, but that backend's encoding reads them; name a path, or "
                                "an encoding that leaves the bytes alone; ignored");
        continue;
      }
      from.keep_body = true;
    }
    p.propagated.push_back(std::move(out));
  }
}

}  // namespace sluice::pipeline
