// Located problems of a configuration: collected, all of them, then printed (architecture page §5).
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

namespace tmpl {
struct Rendered;
}

// Of a configuration or settings file (formats.h).
enum class Format : uint8_t { json, yaml, toml };

struct Issue {
  enum class Severity { error, warning } severity = Severity::error;
  std::string pointer;  // RFC 6901, absolute; "" = the whole file
  std::string message;  // what was expected, what was found, a suggestion where there is one
  std::string file;     // filled by locate(); line and column count from 1, 0 = unknown
  size_t line = 0, column = 0;
  std::string note = {};  // of a rendered text: how it came there; filled by locate()
};

// The text of a configuration file, to turn pointers into positions. Only asked when something is wrong. Of a text that a template
// gave, positions are those of template and partial files.
class SourceText {
 public:
  SourceText() = default;
  SourceText(std::string file, std::string text, Format format = Format::json, std::shared_ptr<const tmpl::Rendered> rendered = {})
      : file_{std::move(file)}, text_{std::move(text)}, format_{format}, rendered_{std::move(rendered)} {}
  // Position of the value (of its key, for a member) that the pointer names; of the nearest existing parent when it
  // does not exist. The text must be valid.
  void locate(Issue&) const;
  // The same for many, in one walk. Those that have a position already keep it.
  void locate(std::vector<Issue>&) const;
  // Position of a byte, for syntax errors.
  void locate_offset(Issue&, size_t offset) const;
  const std::string& file() const { return file_; }

 private:
  void to_source(Issue&, size_t offset) const;

  std::string file_, text_;
  Format format_ = Format::json;
  std::shared_ptr<const tmpl::Rendered> rendered_;
};

class Report {
 public:
  void error(std::string pointer, std::string message);
  void warning(std::string pointer, std::string message);
  void add(Issue issue) { issues_.push_back(std::move(issue)); }
  bool failed() const;
  const std::vector<Issue>& issues() const { return issues_; }
  void locate(const SourceText&);
  // "sluice.json:12:7: error: /endpoints/3/timeout: …" one per line, in order of position.
  std::string format() const;

 private:
  std::vector<Issue> issues_;
};

// `pointer` + "/" + token, escaped (RFC 6901 §3).
std::string join(std::string_view pointer, std::string_view token);
std::string join(std::string_view pointer, size_t index);

}  // namespace sluice::config
