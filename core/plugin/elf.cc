#include "core/plugin/elf.h"

#include <elf.h>

#include <algorithm>
#include <cstring>

namespace sluice::plugin::elf {
namespace {

#if defined(__x86_64__)
constexpr int kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr int kMachine = EM_AARCH64;
#elif defined(__riscv)
constexpr int kMachine = EM_RISCV;
#elif defined(__powerpc64__)
constexpr int kMachine = EM_PPC64;
#elif defined(__s390x__)
constexpr int kMachine = EM_S390;
#else
constexpr int kMachine = -1;  // unknown: dlopen will tell
#endif

template <class T>
bool read(std::string_view file, uint64_t at, T* out) {
  if (at > file.size() || file.size() - at < sizeof(T)) return false;
  std::memcpy(out, file.data() + at, sizeof(T));
  return true;
}

std::string_view section(std::string_view file, const Elf64_Shdr& s) {
  if (s.sh_type == SHT_NOBITS || s.sh_offset > file.size() || file.size() - s.sh_offset < s.sh_size) return {};
  return file.substr(s.sh_offset, s.sh_size);
}

}  // namespace

std::string problem(std::string_view file) {
  Elf64_Ehdr h;
  if (file.size() < SELFMAG || std::memcmp(file.data(), ELFMAG, SELFMAG) != 0) return "not a shared object (no ELF file)";
  if (!read(file, 0, &h)) return "truncated (no complete ELF header)";
  if (h.e_ident[EI_CLASS] != ELFCLASS64) return "a 32-bit object; this gateway needs 64-bit ones";
  if (h.e_type != ET_DYN) return "an ELF file, but no shared object";
  if (kMachine >= 0 && h.e_machine != kMachine)
    return "built for another processor (ELF machine " + std::to_string(h.e_machine) + ", this gateway runs on " +
           std::to_string(kMachine) + ")";
  // The section table stands at the end of a file: a download that broke off has lost it.
  Elf64_Shdr last;
  if (h.e_shnum == 0 || h.e_shentsize != sizeof(Elf64_Shdr) ||
      !read(file, h.e_shoff + uint64_t{h.e_shnum - 1u} * sizeof(Elf64_Shdr), &last))
    return "truncated (the section table lies behind the end of the file)";
  return {};
}

void each_symbol(std::string_view file, const std::function<bool(const Symbol&)>& f) {
  Elf64_Ehdr h;
  if (!read(file, 0, &h)) return;
  for (uint32_t i = 0; i < h.e_shnum; ++i) {
    Elf64_Shdr s, strings;
    if (!read(file, h.e_shoff + uint64_t{i} * sizeof s, &s) || s.sh_type != SHT_DYNSYM) continue;
    if (s.sh_link >= h.e_shnum || !read(file, h.e_shoff + uint64_t{s.sh_link} * sizeof s, &strings)) return;
    const std::string_view symbols = section(file, s), text = section(file, strings);
    for (uint64_t at = 0; at + sizeof(Elf64_Sym) <= symbols.size(); at += sizeof(Elf64_Sym)) {
      Elf64_Sym sym;
      read(symbols, at, &sym);
      const auto bind = ELF64_ST_BIND(sym.st_info);
      if (sym.st_name >= text.size() || bind == STB_LOCAL) continue;
      if (!f({text.substr(sym.st_name), sym.st_shndx != SHN_UNDEF, bind == STB_GNU_UNIQUE, sym.st_shndx == SHN_ABS})) return;
    }
    return;  // a file has one dynamic symbol table (gABI, "Sections")
  }
}

bool exports(std::string_view file, std::string_view symbol) {
  bool found = false;
  each_symbol(file, [&](const Symbol& s) {
    // Not the whole name is looked for: in a hostile file it may be as long as the file, for every symbol.
    found = s.defined && s.text.size() > symbol.size() && s.text.starts_with(symbol) && s.text[symbol.size()] == '\0';
    return !found;
  });
  return found;
}

Result<std::optional<std::string_view>, Problem> note(std::string_view file, std::string_view owner, uint32_t type) {
  constexpr uint32_t kMostSegments = 64, kMostNotes = 1024;  // a real file has a handful
  using Found = std::optional<std::string_view>;
  Elf64_Ehdr h;
  if (!read(file, 0, &h)) return Problem{"truncated (no complete ELF header)"};
  if (h.e_phnum && h.e_phentsize != sizeof(Elf64_Phdr)) return Problem{"damaged: its program headers have an unknown size"};
  Found found;
  uint32_t segments = 0, notes = 0;
  for (uint32_t i = 0; i < h.e_phnum; ++i) {
    Elf64_Phdr p;
    if (!read(file, h.e_phoff + uint64_t{i} * sizeof p, &p)) return Problem{"truncated (the program headers lie behind the end of the file)"};
    if (p.p_type != PT_NOTE) continue;
    if (p.p_offset > file.size() || file.size() - p.p_offset < p.p_filesz)
      return Problem{"truncated (a note segment lies behind the end of the file)"};
    if (++segments > kMostSegments) return Problem{"damaged: more than " + std::to_string(kMostSegments) + " note segments"};
    std::string_view rest = file.substr(p.p_offset, p.p_filesz);
    const uint64_t align = p.p_align == 8 ? 8 : 4;
    // Lengths come from the file: rounded up in 64 bits, then compared with what is there.
    auto take = [&](uint64_t size, std::string_view* out) {
      if (size > rest.size()) return false;
      *out = rest.substr(0, size);
      rest.remove_prefix(std::min<uint64_t>((size + align - 1) / align * align, rest.size()));
      return true;
    };
    while (!rest.empty()) {
      Elf64_Nhdr n;
      std::string_view name, content;
      if (!read(rest, 0, &n)) return Problem{"damaged: a note segment ends inside a note"};
      if (++notes > kMostNotes) return Problem{"damaged: more than " + std::to_string(kMostNotes) + " notes"};
      rest.remove_prefix(sizeof n);
      // Aligned from the note's beginning: in 8-byte segments too, the name follows the 12 bytes of the header at once.
      const bool with_name = align == 4 ? take(n.n_namesz, &name) : [&] {
        if (n.n_namesz > rest.size()) return false;
        name = rest.substr(0, n.n_namesz);
        uint64_t used = (sizeof n + uint64_t{n.n_namesz} + 7) / 8 * 8 - sizeof n;
        rest.remove_prefix(std::min<uint64_t>(used, rest.size()));
        return true;
      }();
      if (!with_name || !take(n.n_descsz, &content)) return Problem{"damaged: a note is longer than its segment"};
      if (n.n_type != type || name.size() != owner.size() + 1 || !name.starts_with(owner) || name.back() != '\0') continue;
      if (found) return Problem{"has two notes of \"" + std::string{owner} + "\"; link one plugin into a file"};
      found = content;
    }
  }
  return found;
}

}  // namespace sluice::plugin::elf
