#include "core/config/template/source_map.h"

#include <algorithm>

namespace sluice::config::tmpl {

LineColumn line_column(std::string_view text, size_t offset) {
  LineColumn out;
  text = text.substr(0, offset);
  out.line += static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  size_t newline = text.rfind('\n');
  for (char c : text.substr(newline == text.npos ? 0 : newline + 1)) out.column += (static_cast<uint8_t>(c) & 0xc0) != 0x80;
  return out;
}

void SourceMap::value(size_t output, const File* file, size_t offset, const std::vector<const Origin*>& origins) {
  add(output, file, offset, false);
  segments_.back().first_origin = static_cast<uint32_t>(origins_.size());
  for (const Origin* o : origins)
    if (std::find(origins_.begin() + segments_.back().first_origin, origins_.end(), o) == origins_.end()) origins_.push_back(o);
  segments_.back().origins = static_cast<uint32_t>(origins_.size()) - segments_.back().first_origin;
}

uint32_t SourceMap::enter(const File* file, size_t offset) {
  uint32_t before = frame_;
  frames_.push_back({file, offset, frame_});
  frame_ = static_cast<uint32_t>(frames_.size() - 1);
  return before;
}

Place SourceMap::at(size_t output) const {
  Place out;
  auto next = std::upper_bound(segments_.begin(), segments_.end(), output, [](size_t o, const Segment& s) { return o < s.output; });
  if (next == segments_.begin()) return out;
  const Segment& s = *(next - 1);
  out.file = s.file;
  out.offset = s.linear ? std::min(s.offset + (output - s.output), s.file->text.size()) : s.offset;
  out.caller = frames_[s.frame].file, out.caller_offset = frames_[s.frame].offset;
  out.origins.assign(origins_.begin() + s.first_origin, origins_.begin() + s.first_origin + s.origins);
  return out;
}

std::vector<size_t> SourceMap::segments_in(size_t from, size_t to) const {
  std::vector<size_t> out;
  auto it = std::lower_bound(segments_.begin(), segments_.end(), from, [](const Segment& s, size_t o) { return s.output < o; });
  for (; it != segments_.end() && it->output < to; ++it)
    if (out.empty() || out.back() != it->output) out.push_back(it->output);
  return out;
}

}  // namespace sluice::config::tmpl
