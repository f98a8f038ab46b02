#include "core/app/lint.h"

#include <boost/json/serialize.hpp>

#include "core/app/plugin_folders.h"
#include "core/base/file.h"
#include "core/config/reader.h"
#include "core/plugin/config_schema.h"
#include "core/plugin/schema.h"

namespace sluice::app {
namespace {

constexpr size_t kMostSchema = 16 * 1024 * 1024;  // bytes

Result<std::string, Problem> schema_text(std::string path) {
  if (path.starts_with("http:") || path.starts_with("https:"))
    return Problem{"--lint-schema " + path + ": nothing is fetched over the network; fetch it first and give the file"};
  if (path.starts_with("file://")) path.erase(0, 7);
  else if (path.starts_with("file:")) path.erase(0, 5);
  auto text = read_file(path, kMostSchema);
  if (!text) return Problem{"--lint-schema " + path + ": " + text.error().message};
  return text;
}

std::string own_schema(const GatewayOptions& o, const config::Config& c) {
  plugin::Registry registry;
  // What is wrong with files was told when the gateway was built.
  scan_plugins(registry, plugin_folders(o.plugins, &c), &c, plugin::Registry::Isolation::describe);
  return boost::json::serialize(plugin::configuration_schema(registry, true));
}

}  // namespace

void lint(const GatewayOptions& o, Lint kind, const std::string& schema_file, config::Report& report) {
  if (kind == Lint::none) return;
  config::ReadOptions options;
  for (auto& [name, value] : config::process_environment())
    if (!name.starts_with("KRAKEND_") && !name.starts_with("SLUICE_")) options.environment.emplace(name, value);
  config::ReadResult read = config::read_file(o.config_file, options);
  if (!read.partial || !read.partial->tree) return report.error("", "the file is no JSON, so no schema can judge it");
  Result<std::string, Problem> text = kind == Lint::file ? schema_text(schema_file) : own_schema(o, *read.partial);
  if (!text) return report.error("", text.error().message);
  auto schema = plugin::Schema::compile(*text);
  if (!schema) return report.error("", "--lint-schema: " + schema.error().message);
  for (auto& v : (*schema)->check(*read.partial->tree, "")) report.error(std::move(v.pointer), std::move(v.message));
  report.locate(read.source);
}

}  // namespace sluice::app
