#include "core/config/reader.h"

#include <algorithm>
#include <fstream>
#include <set>

#include "core/config/formats.h"
#include "core/config/sections.h"
#include "core/config/template/render.h"
#include "core/router/router.h"

namespace sluice::config {
namespace {

// Two endpoints that no request could tell apart, and those that hide a path of the gateway's own.
void check_routes(Reading& reading, const SourceText& source, const Config& config) {
  router::Router router;
  struct Clash {
    size_t endpoint, first;
    bool ambiguous;
  };
  std::vector<Clash> clashes;
  const uint32_t health = UINT32_MAX;
  // The default is a reserved name, which read_endpoint() refuses.
  bool own_health = !config.router.disable_health && config.router.health_path != RouterOptions{}.health_path;
  if (own_health && !router.add("GET", router::literal(router::clean_path(config.router.health_path)), health, nullptr))
    reading.error(config.at.pointer, "health_path " + quote(config.router.health_path) + " cannot be served");
  for (size_t i = 0; i < config.endpoints.size(); ++i) {
    const Endpoint& e = config.endpoints[i];
    const uint32_t none = UINT32_MAX - 1;
    bool told = false;
    for (const std::string& method : e.methods) {
      for (const router::Condition& condition : e.conditions) {
        uint32_t other = none;
        auto added = router.add(method, e.path, condition, static_cast<uint32_t>(i), &other);
        if (added || told) continue;
        told = true;
        if (other == none) reading.error(join(e.at.pointer, "endpoint"), added.error().message);
        else if (other == health)
          reading.error(join(e.at.pointer, "endpoint"),
                        e.method + " " + e.shown + " is the path of the health endpoint (health_path)");
        else clashes.push_back({i, other, false});
      }
    }
  }
  std::set<std::pair<uint32_t, uint32_t>> pairs;
  for (auto [a, b] : router.ambiguities())
    if (pairs.emplace(std::min(a, b), std::max(a, b)).second) clashes.push_back({std::max(a, b), std::min(a, b), true});
  if (clashes.empty()) return;
  // The message names the other place as people look for it.
  std::vector<Issue> firsts;
  for (const Clash& c : clashes)
    firsts.push_back({Issue::Severity::error, config.endpoints[c.first].at.pointer, {}, {}});
  source.locate(firsts);
  for (size_t i = 0; i < clashes.size(); ++i) {
    const Endpoint &e = config.endpoints[clashes[i].endpoint], &first = config.endpoints[clashes[i].first];
    std::string there = first.at.pointer;
    if (firsts[i].line)
      there +=
          firsts[i].file == config.file ? " (line " + std::to_string(firsts[i].line) + ")" : " (" + firsts[i].file + ":" + std::to_string(firsts[i].line) + ")";
    if (clashes[i].ambiguous) {
      reading.error(e.at.pointer, e.label() + " and " + first.label() + " of " + there +
                                      " fit the same requests and neither says more; let them ask for different values of the same header, "
                                      "or write an endpoint that asks for the headers of both");
      continue;
    }
    const bool same = e.method == first.method && e.condition_text() == first.condition_text();
    std::string message = e.label() + " is defined already by " + there;
    if (!same) message += ", as " + first.label();
    else if (e.path != first.path) message += ", as " + first.shown;
    reading.error(e.at.pointer, std::move(message));
  }
}

std::shared_ptr<Config> read_tree(boost::json::value&& tree, const SourceText& source, const ReadOptions& options,
                                  Report& report) {
  auto config = std::make_shared<Config>();
  config->file = source.file();
  Reading reading{report, {}};
  if (tree.is_null()) tree.emplace_object();
  if (!tree.is_object()) {
    report.error("", "expected an object at the top, found " + describe(tree));
    return config;
  }
  overlay_environment(tree.get_object(), options.environment, root_keys(), reading.origins);
  config->tree = std::make_shared<const boost::json::value>(std::move(tree));

  Fields root{reading, *config->tree, "", kRootGrammar};
  read_element(root, config->at);
  Inherited inherited;
  read_service(root, *config, inherited);
  config->router = read_router(reading, own_block(config->at, "router"));
  read_own_root(reading, *config, inherited);
  config->use_h2c = config->use_h2c || config->router.use_h2c;
  std::vector<Fields> endpoints = root.objects("endpoints");
  config->endpoints.reserve(endpoints.size());
  for (Fields& fields : endpoints) {
    read_endpoint(fields, inherited, config->endpoints.emplace_back());
    fields.finish();
  }
  root.finish();
  if (options.port) config->port = *options.port;
  config->debug_endpoint = config->debug_endpoint || options.debug_endpoint;
  check_routes(reading, source, *config);
  return config;
}

}  // namespace

ReadResult read_text(std::string file, std::string text, const ReadOptions& options, Format format,
                     std::shared_ptr<const tmpl::Rendered> rendered) {
  ReadResult out;
  SyntaxFault fault;
  auto tree = parse(format, text, fault);
  out.source = SourceText{std::move(file), std::move(text), format, std::move(rendered)};
  if (!tree) {
    Issue issue{Issue::Severity::error, "", std::move(fault.message), {}};
    out.source.locate_offset(issue, fault.offset);
    out.report.add(std::move(issue));
    return out;
  }
  auto config = read_tree(std::move(*tree), out.source, options, out.report);
  out.report.locate(out.source);
  out.partial = config;
  if (!out.report.failed()) out.config = std::move(config);
  return out;
}

namespace {

ReadResult refuse(const std::string& path, std::string message) {
  ReadResult out;
  out.source = SourceText{path, ""};
  Issue issue{Issue::Severity::error, "", std::move(message), path};
  out.report.add(std::move(issue));
  return out;
}

// What is there already is left alone: a watched folder must not change by being read. "": all is well.
std::string keep(const std::string& path, const std::string& text) {
  std::string why;
  if (auto there = read_whole(path, &why); there && *there == text) return {};
  std::ofstream out{path, std::ios::binary | std::ios::trunc};
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  out.flush();
  return out ? std::string{} : "FC_OUT: the result of the template cannot be written to " + path;
}

ReadResult read_template(const std::string& path, const ReadOptions& options) {
  tmpl::Result result = tmpl::render(path, options.environment);
  ReadResult out;
  if (result.rendered) {
    // The format is that of FC_OUT, else that of the template: "gateway.yaml" and "gateway.yaml.tmpl" are YAML.
    auto kept = options.environment.find("FC_OUT");
    bool keeps = kept != options.environment.end() && !kept->second.empty();
    std::string name = keeps ? kept->second : path;
    if (!keeps && name.ends_with(".tmpl")) name.resize(name.size() - 5);
    out = read_text(path, result.rendered->text, options, format_of(name), result.rendered);
    if (keeps)
      if (std::string wrong = keep(kept->second, result.rendered->text); !wrong.empty()) {
        out.report.add({Issue::Severity::error, "", wrong, path});
        out.config.reset();
      }
  } else {
    out.source = SourceText{path, ""};
  }
  for (Issue& issue : result.issues) out.report.add(std::move(issue));
  out.files = std::move(result.files);
  return out;
}

}  // namespace

ReadResult read_file(const std::string& path, const ReadOptions& options) {
  if (tmpl::enabled(options.environment)) return read_template(path, options);
  std::string why;
  auto text = read_whole(path, &why);
  ReadResult out = text ? read_text(path, std::move(*text), options, format_of(path)) : refuse(path, why);
  out.files.push_back(path);
  return out;
}

}  // namespace sluice::config
