/* The frozen sluice/note.h of 1.0 -- the ELF note of a plugin: what it is, readable without loading it. C11 and C++20.
 *
 * `sluice plugins`, `sluice plugins lock` and the loader read the note from the file's bytes, before any code of the
 * plugin could run. C++ authors get it from SLC_PLUGIN and write nothing. In C it is one line beside the entry, with the
 * same values as there; the loader refuses a plugin whose note and entry disagree:
 *
 *   SLC_PLUGIN_NOTE("acme.key", "1.0.0", "C11", SLC_STARTS_THREADS,
 *                   SLC_NOTE_BINDING("acme/key", SLC_IFACE_MIDDLEWARE, SLC_AT_ENDPOINT | SLC_AT_BACKEND)
 *                   SLC_NOTE_ALIAS("github.com/acme/key"))
 *
 * Layout, for other languages and tools. Integers are in the byte order of the file. The note stands in a segment of type
 * PT_NOTE, aligned to 4; sections named ".note.…" that are allocated end up there.
 *
 *   offset  0  uint32  7: length of the owner, with its NUL
 *           4  uint32  length of what follows the owner: 8 + length of the text
 *           8  uint32  1: type (SLC_NOTE_TYPE)
 *          12  char[8] "sluice" and two NULs
 *          20  uint16  ABI major, 22 uint16 ABI minor (SLC_ABI_MAJOR, SLC_ABI_MINOR)
 *          24  uint32  flags of the entry
 *          28  text    lines, then NULs up to a multiple of 4
 *
 * A line is a key and its values, with one tab before each value and a line feed at the end; no other control characters.
 * Unknown keys are skipped, so that notes can grow. Known ones, in this order:
 *
 *   id       id of the entry
 *   version  version of the entry
 *   built    built_with of the entry
 *   bind     interface id, scopes, name: one for each binding, in the entry's order. The scopes are the names of the
 *            constants, as in "SLC_AT_ENDPOINT | SLC_AT_BACKEND", or a decimal number
 *   alias    another name of the binding before it
 *
 * A file has one such note. At most 1 MiB of text, 4096 bindings and 4096 aliases of each are read. */
#ifndef SLUICE_NOTE_H
#define SLUICE_NOTE_H
#include "plugin.h"

#define SLC_NOTE_OWNER "sluice"
#define SLC_NOTE_TYPE 1u

/* Kept by the compiler (used), by --gc-sections (retain, where it is known; linkers keep allocated notes anyway) and by
 * version scripts, which only concern symbols. clang's AddressSanitizer would put padding behind it. */
#if defined(__has_attribute)
#if __has_attribute(retain)
#define SLC_NOTE_RETAIN __attribute__((retain))
#endif
#endif
#ifndef SLC_NOTE_RETAIN
#define SLC_NOTE_RETAIN
#endif
#if defined(__clang__)
#define SLC_NOTE_PLAIN __attribute__((no_sanitize("address")))
#else
#define SLC_NOTE_PLAIN
#endif
#define SLC_NOTE_PLACE SLC_NOTE_RETAIN SLC_NOTE_PLAIN __attribute__((section(".note.sluice"), used, aligned(4)))

/* slc_plugin_entry -> slc_plugin_entry_note: one for each entry that a test links together. */
#define SLC_NOTE_JOIN_(symbol) symbol##_note
#define SLC_NOTE_JOIN(symbol) SLC_NOTE_JOIN_(symbol)
#define SLC_NOTE_SYMBOL SLC_NOTE_JOIN(SLC_ENTRY_SYMBOL)

/* For SLC_PLUGIN_NOTE, one after the other without commas. Name and interface are literals; scopes as in the binding. */
#define SLC_NOTE_BINDING(name, interface_id, scopes) "bind\t" interface_id "\t" #scopes "\t" name "\n"
#define SLC_NOTE_ALIAS(name) "alias\t" name "\n"

#define SLC_NOTE_TEXT_(id, version, built_with, bindings) \
  "id\t" id "\nversion\t" version "\nbuilt\t" built_with "\n" bindings

/* Once, at file scope, in the file of the entry. All but flags are string literals. */
#define SLC_PLUGIN_NOTE(id, version, built_with, flags, bindings)                           \
  SLC_NOTE_PLACE static const struct {                                                      \
    uint32_t owner_size, size, type;                                                        \
    char owner[8];                                                                          \
    uint16_t abi_major, abi_minor;                                                          \
    uint32_t entry_flags;                                                                   \
    char text[(sizeof(SLC_NOTE_TEXT_(id, version, built_with, bindings)) + 3) / 4 * 4]; \
  } SLC_NOTE_SYMBOL = {                                                                     \
      sizeof SLC_NOTE_OWNER,                                                                \
      8 + (sizeof(SLC_NOTE_TEXT_(id, version, built_with, bindings)) + 3) / 4 * 4,    \
      SLC_NOTE_TYPE,                                                                        \
      SLC_NOTE_OWNER,                                                                       \
      SLC_ABI_MAJOR,                                                                        \
      SLC_ABI_MINOR,                                                                        \
      (flags),                                                                              \
      SLC_NOTE_TEXT_(id, version, built_with, bindings)};
#endif
