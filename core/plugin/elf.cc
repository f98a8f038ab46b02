#include "core/plugin/elf.h"

#include <elf.h>

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
  if (s.sh_offset > file.size() || file.size() - s.sh_offset < s.sh_size) return {};
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

bool exports(std::string_view file, std::string_view symbol) {
  Elf64_Ehdr h;
  if (!read(file, 0, &h)) return false;
  for (uint32_t i = 0; i < h.e_shnum; ++i) {
    Elf64_Shdr s, strings;
    if (!read(file, h.e_shoff + uint64_t{i} * sizeof s, &s) || s.sh_type != SHT_DYNSYM) continue;
    if (s.sh_link >= h.e_shnum || !read(file, h.e_shoff + uint64_t{s.sh_link} * sizeof s, &strings)) continue;
    std::string_view symbols = section(file, s), text = section(file, strings);
    for (uint64_t at = 0; at + sizeof(Elf64_Sym) <= symbols.size(); at += sizeof(Elf64_Sym)) {
      Elf64_Sym sym;
      read(symbols, at, &sym);
      if (sym.st_shndx == SHN_UNDEF || sym.st_name >= text.size() || ELF64_ST_BIND(sym.st_info) == STB_LOCAL) continue;
      std::string_view name = text.substr(sym.st_name);
      if (name.substr(0, name.find('\0')) == symbol) return true;
    }
  }
  return false;
}

}  // namespace sluice::plugin::elf
