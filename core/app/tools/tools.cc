#include <array>
#include <cstdio>

#include "core/app/options.h"
#include "core/app/tools/tool.h"

namespace sluice::app {

// One line each; declared here so that a tool needs no header.
extern const Tool kReloadTool, kStatusTool, kMetricsTool, kPluginTool, kCheckPluginTool, kTestPluginTool, kPluginsTool,
    kSchemaTool, kRoutesTool, kExplainTool, kRenderTool;

namespace {

constexpr std::array kTools{&kReloadTool,  &kStatusTool, &kMetricsTool, &kPluginsTool,     &kSchemaTool,    &kRoutesTool,
                            &kExplainTool, &kRenderTool, &kPluginTool,  &kCheckPluginTool, &kTestPluginTool};

}  // namespace

std::span<const Tool* const> tools() { return kTools; }

const Tool* find_tool(std::string_view name) {
  for (const Tool* t : tools())
    if (t->name == name) return t;
  return nullptr;
}

int usage_failure(const Tool& tool, std::string_view message) {
  std::string text = "Error: " + std::string{message} + "\n\n" + std::string{tool.help};
  std::fwrite(text.data(), 1, text.size(), stderr);
  return kUsage;
}

}  // namespace sluice::app
