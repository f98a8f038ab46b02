#include "core/config/report.h"

#include <algorithm>

namespace sluice::config {

void Report::error(std::string pointer, std::string message) {
  issues_.push_back({Issue::Severity::error, std::move(pointer), std::move(message), {}});
}

void Report::warning(std::string pointer, std::string message) {
  issues_.push_back({Issue::Severity::warning, std::move(pointer), std::move(message), {}});
}

bool Report::failed() const {
  return std::any_of(issues_.begin(), issues_.end(),
                     [](const Issue& i) { return i.severity == Issue::Severity::error; });
}

void Report::locate(const SourceText& source) { source.locate(issues_); }

namespace {

// Keys and values of the file are quoted in messages; one issue stays one line, and no terminal is steered by a file.
void append_printable(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  for (char c : text) {
    auto byte = static_cast<uint8_t>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      out += c;
    } else {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
}

}  // namespace

std::string Report::format() const {
  std::vector<const Issue*> sorted;
  for (const Issue& issue : issues_) sorted.push_back(&issue);
  std::stable_sort(sorted.begin(), sorted.end(), [](const Issue* a, const Issue* b) {
    if (a->file != b->file) return a->file < b->file;
    return a->line != b->line ? a->line < b->line : a->column < b->column;
  });
  std::string out;
  for (const Issue* issue : sorted) {
    if (!issue->file.empty()) {
      append_printable(out, issue->file);
      if (issue->line) out += ':' + std::to_string(issue->line) + ':' + std::to_string(issue->column);
      out += ": ";
    }
    out += issue->severity == Issue::Severity::error ? "error: " : "warning: ";
    if (!issue->pointer.empty()) {
      append_printable(out, issue->pointer);
      out += ": ";
    }
    append_printable(out, issue->message);
    append_printable(out, issue->note);
    out += '\n';
  }
  return out;
}

std::string join(std::string_view pointer, std::string_view token) {
  std::string out{pointer};
  out += '/';
  for (char c : token) {
    if (c == '~') out += "~0";
    else if (c == '/') out += "~1";
    else out += c;
  }
  return out;
}

std::string join(std::string_view pointer, size_t index) { return join(pointer, std::to_string(index)); }

}  // namespace sluice::config
