// The look into a plugin file before it is loaded: ELF headers, the note, and what it says; and plugins.lock. Whatever the
// bytes are, the answer is a value, and what was found lies inside them.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/plugin/elf.h"
#include "core/plugin/lock_file.h"
#include "core/plugin/note.h"
#include "sluice/note.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice::plugin;
  const std::string_view file{reinterpret_cast<const char*>(data), size};
  if (elf::problem(file).empty()) elf::exports(file, "slc_plugin_entry");
  auto content = elf::note(file, SLC_NOTE_OWNER, SLC_NOTE_TYPE);
  if (content && *content) {
    const std::string_view found = **content;
    if (!found.empty() && (found.data() < file.data() || found.data() + found.size() > file.data() + file.size())) std::abort();
  }
  (void)read_note(file);
  auto note = parse_note(file);
  if (note && (note->id.empty() || note->version.empty() || note->bindings.size() > 4096)) std::abort();
  // What is accepted can be written and read again.
  if (auto lock = parse_lock(file)) {
    auto again = parse_lock(format_lock(*lock));
    if (!again || again->files.size() != lock->files.size()) std::abort();
  }
  return 0;
}
