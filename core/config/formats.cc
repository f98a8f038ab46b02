#include "core/config/formats.h"

#include <algorithm>
#include <utility>

#include "core/base/file.h"

namespace sluice::config {

Format format_of(std::string_view path) {
  if (path.ends_with(".yml") || path.ends_with(".yaml")) return Format::yaml;
  return path.ends_with(".toml") ? Format::toml : Format::json;
}

std::optional<boost::json::value> parse(Format format, std::string_view text, SyntaxFault& fault, Positions* positions) {
  if (format != Format::json && text.size() > kMaxText) {
    fault = {0, "the file is larger than " + std::to_string(kMaxText >> 20) + " MiB"};
    return std::nullopt;
  }
  switch (format) {
    case Format::json: break;
    case Format::yaml: return parse_yaml(text, fault, positions);
    case Format::toml: return parse_toml(text, fault, positions);
  }
  return parse_json(text, fault);
}

LineStarts::LineStarts(std::string_view text) : text_{text}, starts_{0} {
  for (size_t at = 0; (at = text.find('\n', at)) != text.npos; ++at) starts_.push_back(at + 1);
}

size_t LineStarts::offset(size_t line, size_t column) const {
  if (line >= starts_.size()) return text_.size();
  size_t at = starts_[line];
  for (; column > 0 && at < text_.size() && text_[at] != '\n'; --column)
    for (++at; at < text_.size() && (static_cast<uint8_t>(text_[at]) & 0xc0) == 0x80;) ++at;
  return at;
}

std::optional<std::string> read_whole(const std::string& path, std::string* why) {
  auto text = sluice::read_file(path, kMaxText);
  if (text) return std::move(*text);
  *why = text.error().message;
  return std::nullopt;
}

}  // namespace sluice::config
