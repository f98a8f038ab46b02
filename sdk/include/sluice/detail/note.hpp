// Part of sluice/plugin.hpp: writes the note of sluice/note.h while compiling. detail::Plugin says what stands in it.
#ifndef SLUICE_DETAIL_NOTE_HPP
#define SLUICE_DETAIL_NOTE_HPP
#include <string_view>

#include "sluice/note.h"

namespace sluice {
inline namespace SLUICE_PLUGIN_NAMESPACE {
namespace detail {

// Counts without memory, writes with.
struct NoteWriter {
  char* out = nullptr;
  size_t size = 0;
  constexpr void put(char c) {
    if (out) out[size] = c;
    ++size;
  }
  constexpr void word(std::string_view s) {
    for (char c : s) put(c);
  }
  // A line feed or tab in a name would forge a line: such a note disagrees with its entry instead.
  constexpr void value(const char* s) {
    put('\t');
    for (; *s; ++s) put(*s < ' ' && *s >= 0 ? '?' : *s);
  }
  constexpr void scopes(uint32_t bits) {
    put('\t');
    bool any = false;
    const auto one = [&](uint32_t bit, std::string_view name) {
      if (!(bits & bit)) return;
      if (any) word(" | ");
      word(name);
      any = true;
    };
    one(SLC_AT_SERVICE, "SLC_AT_SERVICE");
    one(SLC_AT_ENDPOINT, "SLC_AT_ENDPOINT");
    one(SLC_AT_PROXY, "SLC_AT_PROXY");
    one(SLC_AT_BACKEND, "SLC_AT_BACKEND");
    if (!any) put('0');
  }
  constexpr void line(std::string_view key, const char* v) { word(key), value(v), put('\n'); }
  constexpr void head(const slc_entry& e) { line("id", e.id), line("version", e.version), line("built", e.built_with); }
  constexpr void binding(const char* interface_id, uint32_t bits, const char* name) {
    word("bind"), value(interface_id), scopes(bits), value(name), put('\n');
  }
};

// Room for `text` characters, a NUL at least, and the padding.
constexpr size_t note_room(size_t text) { return text / 4 * 4 + 4; }

template <size_t N>
struct NoteBytes {
  uint32_t owner_size = sizeof SLC_NOTE_OWNER, size = 8 + N, type = SLC_NOTE_TYPE;
  char owner[8] = SLC_NOTE_OWNER;
  uint16_t abi_major = SLC_ABI_MAJOR, abi_minor = SLC_NEEDED_MINOR;
  uint32_t flags = 0;
  char text[N]{};
};

}  // namespace detail
}  // namespace SLUICE_PLUGIN_NAMESPACE
}  // namespace sluice
#endif
