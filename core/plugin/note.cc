#include "core/plugin/note.h"

#include <array>
#include <cstring>

#include "core/base/text.h"
#include "core/plugin/elf.h"
#include "sluice/note.h"

namespace sluice::plugin {
namespace {

constexpr size_t kLargestText = size_t{1} << 20, kMostBindings = 4096, kMostAliases = 4096, kLongestValue = 4096;

struct ScopeName {
  std::string_view constant, name;
  uint32_t bit;
};
constexpr ScopeName kScopes[] = {{"SLC_AT_SERVICE", "service", SLC_AT_SERVICE},
                                 {"SLC_AT_ENDPOINT", "endpoint", SLC_AT_ENDPOINT},
                                 {"SLC_AT_PROXY", "proxy", SLC_AT_PROXY},
                                 {"SLC_AT_BACKEND", "backend", SLC_AT_BACKEND}};

// Constants or numbers, joined by '|'. Blanks and parentheses are what an author's expression may have around them.
std::optional<uint32_t> parse_scopes(std::string_view text) {
  uint32_t bits = 0;
  for (;;) {
    size_t bar = text.find('|');
    std::string_view word = text.substr(0, bar);
    while (!word.empty() && (word.front() == ' ' || word.front() == '(')) word.remove_prefix(1);
    while (!word.empty() && (word.back() == ' ' || word.back() == ')')) word.remove_suffix(1);
    uint32_t bit = 0;
    for (const ScopeName& s : kScopes)
      if (word == s.constant) bit = s.bit;
    if (!bit) {
      auto number = parse_decimal<uint32_t>(word);
      if (!number) return std::nullopt;
      bit = *number;
    }
    bits |= bit;
    if (bar == text.npos) return bits;
    text.remove_prefix(bar + 1);
  }
}

Problem damaged(const std::string& what) { return Problem{"its note is damaged: " + what + ". Build it with SLC_PLUGIN or SLC_PLUGIN_NOTE"}; }

}  // namespace

Result<Note, Problem> parse_note(std::string_view content) {
  Note note;
  constexpr size_t kHead = 8;
  if (content.size() < kHead) return damaged("it has " + std::to_string(content.size()) + " bytes, at least 8 are wanted");
  std::memcpy(&note.abi_major, content.data(), 2);
  std::memcpy(&note.abi_minor, content.data() + 2, 2);
  std::memcpy(&note.flags, content.data() + 4, 4);
  std::string_view text = content.substr(kHead);
  text = text.substr(0, text.find('\0'));
  if (text.size() > kLargestText) return damaged("its text is longer than 1 MiB");
  for (size_t number = 1; !text.empty(); ++number) {
    size_t end = text.find('\n');
    auto wrong = [&](const char* what) { return damaged("line " + std::to_string(number) + " " + what); };
    if (end == text.npos) return wrong("does not end");
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    std::array<std::string_view, 4> words;
    size_t count = 0;
    for (std::string_view rest = line;;) {
      size_t tab = rest.find('\t');
      if (count == words.size()) return wrong("has too many values");
      words[count] = rest.substr(0, tab);
      if (words[count].size() > kLongestValue) return wrong("has a value longer than 4096 bytes");
      // They end up on terminals.
      for (char c : words[count])
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return wrong("holds control characters");
      ++count;
      if (tab == rest.npos) break;
      rest.remove_prefix(tab + 1);
    }
    std::string_view key = words[0];
    std::string* one = key == "id" ? &note.id : key == "version" ? &note.version : key == "built" ? &note.built_with : nullptr;
    if (one) {
      if (count != 2 || !one->empty()) return wrong("is not the only line of its key with one value");
      *one = words[1];
    } else if (key == "bind") {
      auto scopes = count == 4 ? parse_scopes(words[2]) : std::nullopt;
      if (!scopes || words[1].empty() || words[3].empty()) return wrong("is no binding: interface, scopes, name");
      if (note.bindings.size() == kMostBindings) return wrong("is one binding too many (4096)");
      note.bindings.push_back({std::string{words[1]}, std::string{words[3]}, *scopes, {}});
    } else if (key == "alias") {
      if (count != 2 || words[1].empty() || note.bindings.empty()) return wrong("is no other name of a binding before it");
      auto& aliases = note.bindings.back().aliases;
      if (aliases.size() == kMostAliases) return wrong("is one alias too many (4096)");
      aliases.emplace_back(words[1]);
    }
  }
  if (note.id.empty() || note.version.empty()) return damaged("it has no id or no version");
  return note;
}

Result<std::optional<Note>, Problem> read_note(std::string_view file) {
  auto content = elf::note(file, SLC_NOTE_OWNER, SLC_NOTE_TYPE);
  if (!content) return content.error();
  if (!*content) return std::optional<Note>{};
  auto note = parse_note(**content);
  if (!note) return note.error();
  return std::optional<Note>{std::move(*note)};
}

std::string disagreement(const Note& note, const slc_entry& e) {
  auto differ = [](std::string_view what, std::string_view in_note, std::string_view in_entry) {
    return std::string{what} + " \"" + std::string{in_note} + "\" in the note, \"" + std::string{in_entry} + "\" in the entry";
  };
  auto abi = [](unsigned major, unsigned minor) { return std::to_string(major) + "." + std::to_string(minor); };
  if (note.abi_major != e.abi_major || note.abi_minor != e.abi_minor)
    return differ("ABI", abi(note.abi_major, note.abi_minor), abi(e.abi_major, e.abi_minor));
  if (note.flags != e.flags) return differ("flags", std::to_string(note.flags), std::to_string(e.flags));
  if (note.id != e.id) return differ("id", note.id, e.id);
  if (note.version != e.version) return differ("version", note.version, e.version);
  if (note.built_with != (e.built_with ? e.built_with : "")) return differ("built_with", note.built_with, e.built_with ? e.built_with : "");
  if (note.bindings.size() != e.binding_count)
    return differ("number of bindings", std::to_string(note.bindings.size()), std::to_string(e.binding_count));
  for (uint32_t i = 0; i < e.binding_count; ++i) {
    const Note::Bound& n = note.bindings[i];
    auto* b = reinterpret_cast<const slc_binding*>(reinterpret_cast<const char*>(e.bindings) + size_t{i} * e.binding_size);
    std::string which = "of binding " + std::to_string(i) + ": ";
    const std::string_view name = b->name ? b->name : "", interface_id = b->interface_id ? b->interface_id : "";
    if (n.name != name) return which + differ("name", n.name, name);
    if (n.interface_id != interface_id) return which + differ("interface", n.interface_id, interface_id);
    if (n.scopes != b->scopes) return which + differ("scopes", scope_names(n.scopes), scope_names(b->scopes));
    size_t count = 0;
    for (const char* const* a = b->aliases; a && *a; ++a, ++count)
      if (count == n.aliases.size() || n.aliases[count] != *a)
        return which + differ("alias", count < n.aliases.size() ? std::string_view{n.aliases[count]} : "", *a);
    if (count != n.aliases.size()) return which + differ("alias", n.aliases[count], "");
  }
  return {};
}

std::string scope_names(uint32_t scopes) {
  std::string text;
  for (const ScopeName& s : kScopes)
    if (scopes & s.bit) text += (text.empty() ? "" : ", ") + std::string{s.name};
  return text.empty() ? "-" : text;
}

std::string_view kind_name(std::string_view interface_id) {
  constexpr std::string_view kOurs = "sluice.";
  if (!interface_id.starts_with(kOurs)) return interface_id;
  std::string_view kind = interface_id.substr(kOurs.size());
  return kind.substr(0, kind.find('/'));
}

}  // namespace sluice::plugin
