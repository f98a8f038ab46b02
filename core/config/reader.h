// Reads a configuration: text → JSON → environment → typed model, collecting every problem. [any thread], no globals.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "core/config/model.h"
#include "core/config/report.h"

namespace sluice::config {

struct ReadOptions {
  std::map<std::string, std::string> environment;  // KRAKEND_* and SLUICE_* are used (config.md §1.2; deviations page)
  std::optional<uint16_t> port;                    // -p wins over file and environment
  bool debug_endpoint = false;                     // -d
};

struct ReadResult {
  std::shared_ptr<const Config> config;  // null when the report failed
  // What could be understood, also when the report failed: to find the problems of plugins in the same go. Null: no JSON.
  std::shared_ptr<const Config> partial;
  Report report;                         // located
  SourceText source;                     // to locate what plugins report later
};

// The environment of this process.
std::map<std::string, std::string> process_environment();

ReadResult read_file(const std::string& path, const ReadOptions&);
// `file` only names the text in messages.
ReadResult read_text(std::string file, std::string text, const ReadOptions&);

// Go's duration syntax (config.md §1.1). nullopt: malformed or overflow.
std::optional<Duration> parse_duration(std::string_view);
// config.md §5.1 with deviation 32; nullopt: refused. `why` says so.
std::optional<std::string> clean_host(std::string_view, std::string* why);

}  // namespace sluice::config
