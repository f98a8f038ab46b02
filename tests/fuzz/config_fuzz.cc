// Any bytes as a configuration: read_text never crashes, and every issue lies inside the text. A first byte Y or T makes the rest
// YAML or TOML. Seeds: tests/unit/config/corpus.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "core/config/formats.h"
#include "core/config/reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice::config;
  std::string text{reinterpret_cast<const char*>(data), size};
  // The first byte may choose an environment, so that overlays meet every kind of tree.
  ReadOptions options;
  if (size > 1 && (data[0] & 3) == 1) {
    options.environment = {{"KRAKEND_PORT", text.substr(1, 4)},
                           {"SLUICE_TLS.DISABLED", "1"},
                           {"KRAKEND_PLUGIN.FOLDER.X", "y"},
                           {"KRAKEND_HOST", text.substr(1, 9)}};
    text.erase(0, 1);
  }
  Format format = Format::json;
  if (!text.empty() && (text[0] == 'Y' || text[0] == 'T')) {
    format = text[0] == 'Y' ? Format::yaml : Format::toml;
    text.erase(0, 1);
  }
  auto lines = static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  size_t longest = text.size() + 1;
  ReadResult r = read_text("fuzz.json", text, options, format);
  if ((r.config == nullptr) != r.report.failed()) std::abort();
  for (const Issue& issue : r.report.issues()) {
    bool placed = issue.line >= 1 && issue.line <= lines && issue.column >= 1 && issue.column <= longest;
    if (!placed && !text.empty()) std::abort();
    if (issue.message.empty()) std::abort();
  }
  if (r.config)
    for (const Endpoint& e : r.config->endpoints)
      if (!e.at.value || e.backends.empty() || e.path.empty() || e.path[0] != '/') std::abort();
  (void)parse_duration(text);
  (void)clean_host(text, nullptr);
  return 0;
}
