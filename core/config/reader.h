// Reads a configuration: template → text → JSON → environment → typed model, collecting every problem. [any thread], no globals.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/config/model.h"
#include "core/config/report.h"

namespace sluice::config {

struct ReadOptions {
  // KRAKEND_* and SLUICE_* (config.md §1.2; deviations page), FC_* (cli.md §8), and what templates ask for.
  std::map<std::string, std::string> environment;
  std::optional<uint16_t> port;                    // -p wins over file and environment
  bool debug_endpoint = false;                     // -d
};

struct ReadResult {
  std::shared_ptr<const Config> config;  // null when the report failed
  // What could be understood, also when the report failed: to find the problems of plugins in the same go. Null: no JSON.
  std::shared_ptr<const Config> partial;
  Report report;                         // located
  SourceText source;                     // to locate what plugins report later
  std::vector<std::string> files;        // files and folders that were read
};

// The environment of this process.
std::map<std::string, std::string> process_environment();

// The ending says the format (formats.h). Where FC_ENABLE is set the file is a template, and FC_OUT is written.
ReadResult read_file(const std::string& path, const ReadOptions&);
// `file` only names the text in messages.
ReadResult read_text(std::string file, std::string text, const ReadOptions&, Format = Format::json,
                     std::shared_ptr<const tmpl::Rendered> rendered = {});

// Go's duration syntax (config.md §1.1). nullopt: malformed or overflow.
std::optional<Duration> parse_duration(std::string_view);
// config.md §5.1 with deviation 32; nullopt: refused. `why` says so.
std::optional<std::string> clean_host(std::string_view, std::string* why);

}  // namespace sluice::config
