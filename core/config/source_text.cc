// Pointers to positions: one walk over the text, guided by a trie of the pointers that are asked for. The text was
// accepted by the parser, but nothing here relies on it to stay inside the text; recursion is bounded by the pointers'
// own depth.
#include <algorithm>
#include <map>

#include "core/base/text.h"
#include "core/config/formats.h"
#include "core/config/report.h"
#include "core/config/template/render.h"

namespace sluice::config {
namespace {

struct Wanted {
  std::map<std::string, Wanted, std::less<>> members;
  size_t offset = 0;

  void place(size_t at) {
    offset = at;
    for (auto& [name, member] : members) member.place(at);
  }
};

std::vector<std::string> tokens_of(std::string_view pointer) {
  std::vector<std::string> out;
  for (size_t i = 0; i < pointer.size(); ++i) {
    if (pointer[i] == '/') {
      out.emplace_back();
    } else if (!out.empty()) {
      char c = pointer[i];
      if (c == '~' && i + 1 < pointer.size()) c = pointer[++i] == '1' ? '/' : '~';
      out.back() += c;
    }
  }
  return out;
}

void append_utf8(std::string& out, uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xc0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 63));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xe0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 63));
    out += static_cast<char>(0x80 | (c & 63));
  } else {
    out += static_cast<char>(0xf0 | c >> 18);
    out += static_cast<char>(0x80 | (c >> 12 & 63));
    out += static_cast<char>(0x80 | (c >> 6 & 63));
    out += static_cast<char>(0x80 | (c & 63));
  }
}

class Walker {
 public:
  explicit Walker(std::string_view text) : text_{text} {}

  void start(Wanted& root) {
    blanks();
    root.place(std::min(at_, text_.empty() ? 0 : text_.size() - 1));
    if (!root.members.empty()) value(root);
  }

 private:
  bool more() const { return at_ < text_.size(); }
  bool take(char c) {
    if (!more() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void blanks() {
    while (more() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) ++at_;
  }
  void skip_string() {
    for (++at_; more() && text_[at_] != '"'; ++at_)
      if (text_[at_] == '\\') ++at_;
    ++at_;
  }
  // Over a whole value, without recursion.
  void skip_value() {
    size_t depth = 0;
    while (more()) {
      char c = text_[at_];
      if (c == '"') {
        skip_string();
        if (depth == 0) return;
        continue;
      }
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') {
        if (depth == 0) return;
        if (--depth == 0) {
          ++at_;
          return;
        }
      }
      if (c == ',' && depth == 0) return;
      ++at_;
    }
  }
  uint32_t hex4(size_t from) const {
    uint32_t v = 0;
    for (size_t i = from; i < from + 4 && i < text_.size(); ++i)
      v = v * 16 + static_cast<uint32_t>(std::max(0, hex_digit(text_[i])));
    return v;
  }
  std::string key() {
    ++at_;
    std::string out;
    for (; more() && text_[at_] != '"'; ++at_) {
      if (text_[at_] != '\\') {
        out += text_[at_];
        continue;
      }
      if (++at_ >= text_.size()) break;
      switch (char c = text_[at_]) {
        case 'b': out += '\b'; break;
        case 'f': out += '\f'; break;
        case 'n': out += '\n'; break;
        case 'r': out += '\r'; break;
        case 't': out += '\t'; break;
        case 'u': {
          uint32_t code = hex4(at_ + 1);
          at_ += 4;
          if (code >= 0xd800 && code < 0xdc00 && text_.substr(std::min(at_ + 1, text_.size()), 2) == "\\u") {
            code = 0x10000 + ((code - 0xd800) << 10) + ((hex4(at_ + 3) - 0xdc00) & 0x3ff);
            at_ += 6;
          }
          append_utf8(out, code);
          break;
        }
        default: out += c;
      }
    }
    ++at_;
    return out;
  }
  void value(Wanted& wanted) {
    blanks();
    if (take('{')) {
      for (blanks(); more() && text_[at_] == '"'; blanks()) {
        size_t here = at_;
        auto found = wanted.members.find(key());
        blanks();
        take(':');
        blanks();
        if (found == wanted.members.end()) {
          skip_value();
        } else {
          found->second.place(here);  // of equal keys the last one counts, as for the parser
          inside(found->second);
        }
        blanks();
        if (!take(',')) break;
      }
      take('}');
    } else if (take('[')) {
      for (size_t index = 0; more(); ++index) {
        blanks();
        auto found = wanted.members.find(std::to_string(index));
        if (found == wanted.members.end()) {
          skip_value();
        } else {
          found->second.place(at_);
          inside(found->second);
        }
        blanks();
        if (!take(',')) break;
      }
      take(']');
    } else {
      skip_value();
    }
  }
  void inside(Wanted& wanted) {
    if (wanted.members.empty()) skip_value();
    else value(wanted);
  }

  std::string_view text_;
  size_t at_ = 0;
};

// Of YAML and TOML, whose parsers say where things are: read once more.
void place(Wanted& wanted, const Positions& positions, const std::string& pointer, size_t otherwise) {
  auto it = positions.find(pointer);
  wanted.offset = it == positions.end() ? otherwise : it->second;
  for (auto& [name, member] : wanted.members) place(member, positions, join(pointer, name), wanted.offset);
}
void place(Wanted& root, std::string_view text, Format format) {
  Positions positions;
  SyntaxFault ignored;
  (void)parse(format, text, ignored, &positions);
  place(root, positions, "", 0);
}

// Counts lines and columns up to growing offsets, each byte once: a file may be one long line with thousands of
// problems. Columns count characters, as editors do: UTF-8 continuation bytes are none.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_{text} {}
  void place(Issue& issue, size_t offset) {
    for (offset = std::min(offset, text_.size()); at_ < offset; ++at_) {
      if (text_[at_] == '\n') ++line_, column_ = 1;
      else column_ += (static_cast<uint8_t>(text_[at_]) & 0xc0) != 0x80;
    }
    issue.line = line_;
    issue.column = column_;
  }

 private:
  std::string_view text_;
  size_t at_ = 0, line_ = 1, column_ = 1;
};

}  // namespace

void SourceText::locate(std::vector<Issue>& issues) const {
  Wanted root;
  std::vector<std::pair<Issue*, const Wanted*>> asked;
  for (Issue& issue : issues) {
    if (issue.line) continue;
    Wanted* at = &root;
    for (std::string& token : tokens_of(issue.pointer)) at = &at->members[std::move(token)];
    asked.emplace_back(&issue, at);
  }
  if (asked.empty()) return;
  if (format_ == Format::json) Walker{text_}.start(root);
  else place(root, text_, format_);
  std::sort(asked.begin(), asked.end(),
            [](const auto& a, const auto& b) { return a.second->offset < b.second->offset; });
  Cursor cursor{text_};
  for (auto& [issue, wanted] : asked) {
    issue->file = file_;
    if (!text_.empty()) cursor.place(*issue, wanted->offset);
    to_source(*issue, wanted->offset);
  }
}

void SourceText::locate(Issue& issue) const {
  std::vector<Issue> one{std::move(issue)};
  one[0].line = 0;
  locate(one);
  issue = std::move(one[0]);
}

void SourceText::locate_offset(Issue& issue, size_t offset) const {
  issue.file = file_;
  Cursor{text_}.place(issue, offset);
  to_source(issue, offset);
}

namespace {

// The end of the member or the scalar that begins at `offset`; of objects and lists their beginning only.
size_t end_of(std::string_view text, size_t offset, Format format) {
  if (format != Format::json) return std::min(text.find('\n', offset), text.size());
  size_t at = offset;
  auto blanks = [&] { at = std::min(text.find_first_not_of(" \t\r\n", at), text.size()); };
  auto scalar = [&] {
    if (at < text.size() && text[at] == '"') {
      for (++at; at < text.size() && text[at] != '"'; ++at) at += text[at] == '\\';
      at = std::min(at + 1, text.size());
    } else if (at < text.size() && text[at] != '{' && text[at] != '[') {
      at = std::min(text.find_first_of(",}] \t\r\n", at), text.size());
    }
  };
  scalar();
  size_t end = at;
  blanks();
  if (at >= text.size() || text[at] != ':') return std::max(end, offset + 1);
  ++at;
  blanks();
  scalar();
  return at;
}

}  // namespace

// From the rendered text to what it was made of.
void SourceText::to_source(Issue& issue, size_t offset) const {
  if (!rendered_) return;
  tmpl::Place place = rendered_->map.at(std::min(offset, text_.empty() ? 0 : text_.size() - 1));
  if (!place.file) return;
  issue.file = place.file->name;
  tmpl::LineColumn at = tmpl::line_column(place.file->text, place.offset);
  issue.line = at.line, issue.column = at.column;
  issue.note.clear();
  auto note = [&](const std::string& text) { issue.note += (issue.note.empty() ? " (" : ", ") + text; };
  std::vector<std::string> said;
  auto say = [&](const tmpl::Place& of) {
    for (const tmpl::Origin* o : of.origins)
      if (std::string text = tmpl::describe(*o); !text.empty() && std::find(said.begin(), said.end(), text) == said.end()) said.push_back(std::move(text));
  };
  say(place);
  for (size_t segment : rendered_->map.segments_in(offset, end_of(text_, offset, format_))) say(rendered_->map.at(segment));
  std::string from;
  for (const std::string& text : said) from += (from.empty() ? "the value is from " : " and ") + text;
  if (!from.empty()) note(from);
  if (place.caller)
    note("in a template called at " + place.caller->name + ":" + std::to_string(tmpl::line_column(place.caller->text, place.caller_offset).line));
  if (!issue.note.empty()) issue.note += ")";
}

}  // namespace sluice::config
