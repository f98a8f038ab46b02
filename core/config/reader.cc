#include "core/config/reader.h"

#include <fstream>
#include <sstream>

#include "core/config/sections.h"
#include "core/config/syntax.h"
#include "core/router/router.h"

namespace sluice::config {
namespace {

// Two endpoints that no request could tell apart, and those that hide a path of the gateway's own.
void check_routes(Reading& reading, const SourceText& source, const Config& config) {
  router::Router router;
  struct Clash {
    size_t endpoint, first;
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
    uint32_t other = none;
    auto added = router.add(e.method, e.path, static_cast<uint32_t>(i), &other);
    if (added) continue;
    if (other == none) reading.error(join(e.at.pointer, "endpoint"), added.error().message);
    else if (other == health)
      reading.error(join(e.at.pointer, "endpoint"),
                    e.method + " " + e.path + " is the path of the health endpoint (health_path)");
    else clashes.push_back({i, other});
  }
  if (clashes.empty()) return;
  // The message names the other place as people look for it.
  std::vector<Issue> firsts;
  for (const Clash& c : clashes)
    firsts.push_back({Issue::Severity::error, config.endpoints[c.first].at.pointer, {}, {}});
  source.locate(firsts);
  for (size_t i = 0; i < clashes.size(); ++i) {
    const Endpoint &e = config.endpoints[clashes[i].endpoint], &first = config.endpoints[clashes[i].first];
    std::string message = e.method + " " + e.path + " is defined already by " + first.at.pointer;
    if (firsts[i].line) message += " (line " + std::to_string(firsts[i].line) + ")";
    if (e.path != first.path) message += ", as " + first.path;
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
  inherited.problem_json = config->problem_json = read_own_root(reading, config->at);
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

ReadResult read_text(std::string file, std::string text, const ReadOptions& options) {
  ReadResult out;
  SyntaxFault fault;
  auto tree = parse_json(text, fault);
  out.source = SourceText{std::move(file), std::move(text)};
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

ReadResult read_file(const std::string& path, const ReadOptions& options) {
  auto refuse = [&](std::string message) {
    ReadResult out;
    out.source = SourceText{path, ""};
    Issue issue{Issue::Severity::error, "", std::move(message), path};
    out.report.add(std::move(issue));
    return out;
  };
  // The ending decides, in this letter case only (config.md §1).
  for (std::string_view ending : {".yml", ".yaml", ".toml"})
    if (path.ends_with(ending))
      return refuse(std::string{ending} + " files are not supported by this version; write the configuration as JSON");
  std::ifstream in{path, std::ios::binary};
  if (!in) return refuse("cannot be opened");
  std::string text;
  char block[65536];
  while (in.read(block, sizeof block), in.gcount() > 0) {
    text.append(block, static_cast<size_t>(in.gcount()));
    if (text.size() > kMaxText) break;  // parse_json refuses it; a device file must not fill the memory
  }
  if (in.bad()) return refuse("cannot be read");
  return read_text(path, std::move(text), options);
}

}  // namespace sluice::config
