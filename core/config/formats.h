// The three formats of configuration and settings files. Text in, JSON values out; every fault has a position. Pure.
#pragma once
#include <boost/json/value.hpp>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/report.h"
#include "core/config/syntax.h"

namespace sluice::config {

// By the ending, in this letter case only: .yml and .yaml, .toml; anything else is JSON (config.md §1).
Format format_of(std::string_view path);

// Byte offsets by JSON pointer: of the key, for a member; of the value, for an element.
using Positions = std::map<std::string, size_t, std::less<>>;

// nullopt: refused, `fault` says where and what was expected. `positions`, if given, are filled for YAML and TOML.
std::optional<boost::json::value> parse(Format, std::string_view text, SyntaxFault& fault, Positions* positions = nullptr);

// YAML 1.2, its core schema; anchors, aliases and merge keys, bounded in what they may grow to. Keys become texts.
std::optional<boost::json::value> parse_yaml(std::string_view text, SyntaxFault& fault, Positions* positions);
// TOML 1.0. Dates and times become texts.
std::optional<boost::json::value> parse_toml(std::string_view text, SyntaxFault& fault, Positions* positions);

// Lines and columns, which the libraries count, to bytes.
class LineStarts {
 public:
  explicit LineStarts(std::string_view text);
  // Both from 0; columns count characters.
  size_t offset(size_t line, size_t column) const;

 private:
  std::string_view text_;
  std::vector<size_t> starts_;
};

// The whole file, at most kMaxText bytes; nullopt: *why.
std::optional<std::string> read_whole(const std::string& path, std::string* why);

}  // namespace sluice::config
