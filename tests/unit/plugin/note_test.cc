#include "core/plugin/note.h"

#include <elf.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "core/plugin/elf.h"
#include "core/plugin/module.h"
#include "core/plugin/registry.h"
#include "sluice/note.h"

namespace sluice::plugin {
namespace {

std::string fixture(const std::string& name) { return SLC_MISBEHAVING_DIR "/" + name + ".so"; }
std::string read(const std::string& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

std::string content(const std::string& text, uint16_t major = 0, uint16_t minor = 1, uint32_t flags = 0) {
  std::string out(8, '\0');
  std::memcpy(out.data(), &major, 2), std::memcpy(out.data() + 2, &minor, 2), std::memcpy(out.data() + 4, &flags, 4);
  out += text;
  out.resize((out.size() + 4) / 4 * 4, '\0');
  return out;
}
constexpr const char* kGood =
    "id\tacme.key\nversion\t1.2.0\nbuilt\tC++ 12\nfuture\tx\ty\nbind\tsluice.middleware/1\tSLC_AT_ENDPOINT | (SLC_AT_BACKEND)\tacme/key\n"
    "alias\told/key\nalias\tolder/key\nbind\tsluice.decoder/1\t0\tacme\nbind\tsluice.middleware/1\t5\tacme/other\n";

TEST(NoteTest, AllLinesAreReadAndUnknownOnesSkipped) {
  auto note = parse_note(content(kGood, 1, 7, 33));
  ASSERT_TRUE(note) << note.error().message;
  EXPECT_EQ(note->abi_major, 1);
  EXPECT_EQ(note->abi_minor, 7);
  EXPECT_EQ(note->flags, 33u);
  EXPECT_EQ(note->id, "acme.key");
  EXPECT_EQ(note->version, "1.2.0");
  EXPECT_EQ(note->built_with, "C++ 12");
  ASSERT_EQ(note->bindings.size(), 3u);
  EXPECT_EQ(note->bindings[0].name, "acme/key");
  EXPECT_EQ(note->bindings[0].scopes, uint32_t{SLC_AT_ENDPOINT | SLC_AT_BACKEND});
  EXPECT_EQ(note->bindings[0].aliases, (std::vector<std::string>{"old/key", "older/key"}));
  EXPECT_EQ(note->bindings[1].scopes, 0u);
  EXPECT_EQ(note->bindings[2].scopes, uint32_t{SLC_AT_SERVICE | SLC_AT_PROXY});
  EXPECT_EQ(scope_names(note->bindings[2].scopes), "service, proxy");
  EXPECT_EQ(kind_name(note->bindings[0].interface_id), "middleware");
}

TEST(NoteTest, EveryPrefixIsReadOrRefusedWithAReason) {
  const std::string whole = content(kGood);
  for (size_t n = 0; n <= whole.size(); ++n) {
    auto note = parse_note(std::string_view{whole}.substr(0, n));
    if (!note) EXPECT_TRUE(note.error().message.starts_with("its note is damaged: ")) << n;
    else EXPECT_EQ(note->id, "acme.key") << n;
  }
}

TEST(NoteTest, DamagedTextsAreRefusedByLine) {
  const std::string head = "id\ta\nversion\t1\n";
  auto said = [](const std::string& text) {
    auto note = parse_note(content(text));
    return note ? std::string{} : note.error().message;
  };
  EXPECT_NE(said("").find("no id or no version"), std::string::npos);
  EXPECT_NE(said(head + "id\tb\n").find("line 3 is not the only line of its key"), std::string::npos);
  EXPECT_NE(said(head + "bind\tx\tSLC_AT_MOON\ty\n").find("line 3 is no binding"), std::string::npos);
  EXPECT_NE(said(head + "bind\tx\t0\n").find("line 3 is no binding"), std::string::npos);
  EXPECT_NE(said(head + "bind\tx\t0\ty\tz\n").find("line 3 has too many values"), std::string::npos);
  EXPECT_NE(said(head + "alias\ty\n").find("line 3 is no other name"), std::string::npos);
  EXPECT_NE(said(head + "other\t\x1b[31m\n").find("line 3 holds control characters"), std::string::npos);
  EXPECT_NE(said(head + "other").find("line 3 does not end"), std::string::npos);
  EXPECT_NE(said(head + "other\t" + std::string(5000, 'x') + "\n").find("longer than 4096"), std::string::npos);
  std::string many = head;
  for (int i = 0; i < 4097; ++i) many += "bind\ti\t0\tn\n";
  EXPECT_NE(said(many).find("one binding too many"), std::string::npos);
  EXPECT_NE(said(head + std::string(2 << 20, '\n')).find("longer than 1 MiB"), std::string::npos);
}

TEST(NoteTest, ThePluginsOfTheTreeSayTheSameAsTheirEntries) {
  auto note = read_note(read(fixture("never_resumes")));
  ASSERT_TRUE(note && *note);
  EXPECT_EQ((*note)->id, "misbehaving.never-resumes");
  EXPECT_EQ((*note)->bindings.at(0).scopes, uint32_t{SLC_AT_ENDPOINT | SLC_AT_BACKEND});
  auto module = Module::open(fixture("never_resumes"));
  ASSERT_TRUE(module);
  EXPECT_TRUE((*module)->has_note());
  EXPECT_EQ(disagreement(**note, (*module)->entry()), "");
}

TEST(NoteTest, EveryFieldOfANoteIsComparedWithTheEntry) {
  static const char* const kAliases[] = {"old", nullptr};
  static const slc_binding kBindings[] = {{"x/y", SLC_IFACE_MIDDLEWARE, SLC_AT_ENDPOINT, 1, nullptr, kAliases, 0}};
  slc_entry e{};
  e.abi_major = 1, e.abi_minor = 2, e.flags = 32, e.id = "a", e.version = "1", e.built_with = "C";
  e.bindings = kBindings, e.binding_count = 1, e.binding_size = sizeof(slc_binding);
  Note good;
  good.abi_major = 1, good.abi_minor = 2, good.flags = 32, good.id = "a", good.version = "1", good.built_with = "C";
  good.bindings = {{SLC_IFACE_MIDDLEWARE, "x/y", SLC_AT_ENDPOINT, {"old"}}};
  EXPECT_EQ(disagreement(good, e), "");
  auto differs = [&](auto change) {
    Note n = good;
    change(n);
    return disagreement(n, e);
  };
  EXPECT_EQ(differs([](Note& n) { n.abi_minor = 3; }), "ABI \"1.3\" in the note, \"1.2\" in the entry");
  EXPECT_NE(differs([](Note& n) { n.abi_major = 0; }), "");
  EXPECT_NE(differs([](Note& n) { n.flags = 0; }), "");
  EXPECT_EQ(differs([](Note& n) { n.id = "b"; }), "id \"b\" in the note, \"a\" in the entry");
  EXPECT_NE(differs([](Note& n) { n.version = "2"; }), "");
  EXPECT_NE(differs([](Note& n) { n.built_with = "D"; }), "");
  EXPECT_NE(differs([](Note& n) { n.bindings.clear(); }), "");
  EXPECT_NE(differs([](Note& n) { n.bindings[0].name = "z"; }), "");
  EXPECT_NE(differs([](Note& n) { n.bindings[0].interface_id = SLC_IFACE_AROUND; }), "");
  EXPECT_EQ(differs([](Note& n) { n.bindings[0].scopes = SLC_AT_PROXY; }), "of binding 0: scopes \"proxy\" in the note, \"endpoint\" in the entry");
  EXPECT_NE(differs([](Note& n) { n.bindings[0].aliases.clear(); }), "");
  EXPECT_NE(differs([](Note& n) { n.bindings[0].aliases.push_back("more"); }), "");
}

TEST(NoteTest, ANoteThatLiesIsRefusedAndNoNoteIsTakenWithAWarning) {
  auto lying = Module::open(fixture("lying_note"));
  ASSERT_FALSE(lying);
  EXPECT_EQ(lying.error().message,
            fixture("lying_note") +
                " (misbehaving.lying-note 1.0.0): its note and its entry disagree: version \"0.9.0\" in the note, \"1.0.0\" in the entry. Tools "
                "and plugins.lock believe the note: write the same into both, as SLC_PLUGIN does.");
  Registry registry;
  ScanResult result;
  registry.scan(SLC_MISBEHAVING_DIR, "no_note.so", result);
  EXPECT_TRUE(result.problems.empty());
  ASSERT_EQ(result.warnings.size(), 1u);
  EXPECT_TRUE(result.warnings[0].starts_with(fixture("no_note") + " (misbehaving.no-note 1.0.0): has no note")) << result.warnings[0];
  EXPECT_EQ(registry.bindings().size(), 1u);
}

// ---- hostile files ----

// An ELF file of nothing but one note segment with these bytes.
std::string file_of(const std::string& segment, uint64_t align = 4, uint64_t claimed = UINT64_MAX) {
  Elf64_Ehdr h{};
  std::memcpy(h.e_ident, ELFMAG, SELFMAG);
  h.e_phoff = sizeof h, h.e_phnum = 1, h.e_phentsize = sizeof(Elf64_Phdr);
  Elf64_Phdr p{};
  p.p_type = PT_NOTE, p.p_offset = sizeof h + sizeof p, p.p_filesz = claimed == UINT64_MAX ? segment.size() : claimed, p.p_align = align;
  std::string out(reinterpret_cast<const char*>(&h), sizeof h);
  out.append(reinterpret_cast<const char*>(&p), sizeof p);
  return out + segment;
}
std::string note_of(uint32_t name_size, uint32_t size, uint32_t type, const std::string& rest) {
  std::string out;
  for (uint32_t v : {name_size, size, type}) out.append(reinterpret_cast<const char*>(&v), 4);
  return out + rest;
}
std::string found(const std::string& file) {
  auto note = elf::note(file, "sluice", 1);
  return !note ? "problem: " + note.error().message : !*note ? "none" : std::string{**note};
}

TEST(ElfNoteTest, FindsTheNoteAmongOthers) {
  const std::string other = note_of(4, 3, 3, std::string("GNU\0abc\0", 8)), ours = note_of(7, 4, 1, std::string("sluice\0\0data", 12));
  EXPECT_EQ(found(file_of(ours)), "data");
  EXPECT_EQ(found(file_of(other + ours + other)), "data");
  EXPECT_EQ(found(file_of(other)), "none");
  EXPECT_EQ(found(file_of(note_of(7, 4, 2, std::string("sluice\0\0data", 12)))), "none");
  EXPECT_EQ(found(file_of(note_of(6, 4, 1, std::string("sluice\0\0data", 12)))), "none");
  EXPECT_EQ(found(file_of("")), "none");
  // In a segment aligned to 8 the content begins at a multiple of 8 from the note's beginning.
  EXPECT_EQ(found(file_of(note_of(7, 4, 1, std::string("sluice\0\0\0\0\0\0data\0\0\0\0", 20)), 8)), "data");
}

TEST(ElfNoteTest, TwoNotesAreOneTooMany) {
  const std::string ours = note_of(7, 4, 1, std::string("sluice\0\0data", 12));
  EXPECT_EQ(found(file_of(ours + ours)), "problem: has two notes of \"sluice\"; link one plugin into a file");
}

TEST(ElfNoteTest, LengthsThatDoNotFitAreProblems) {
  EXPECT_TRUE(found(file_of(note_of(0xffffffff, 4, 1, "sluice"))).starts_with("problem: damaged"));
  EXPECT_TRUE(found(file_of(note_of(7, 0xfffffffd, 1, std::string("sluice\0\0", 8)))).starts_with("problem: damaged"));
  EXPECT_TRUE(found(file_of(note_of(0xffffffff, 4, 1, "sluice"), 8)).starts_with("problem: damaged"));
  EXPECT_TRUE(found(file_of("abc")).starts_with("problem: damaged"));
  EXPECT_TRUE(found(file_of("abcd", 4, 1000)).starts_with("problem: truncated"));
  EXPECT_TRUE(found(file_of("abcd", 4, UINT64_MAX - 8)).starts_with("problem: truncated"));
  std::string many;
  for (int i = 0; i < 2000; ++i) many += note_of(0, 0, 0, "");
  EXPECT_TRUE(found(file_of(many)).starts_with("problem: damaged: more than 1024 notes"));
}

TEST(ElfNoteTest, NoPrefixOfAPluginAndNoChangedByteCrashes) {
  const std::string whole = read(fixture("bad_magic")), real = read(fixture("never_resumes"));
  ASSERT_GT(real.size(), 4096u);
  auto all = [](std::string_view bytes) {
    if (!elf::problem(bytes).empty()) return;
    elf::exports(bytes, "slc_plugin_entry");
    (void)read_note(bytes);
  };
  for (size_t n = 0; n < 2048; ++n) all(std::string_view{real}.substr(0, n));
  for (size_t n = 2048; n < real.size(); n += 97) all(std::string_view{real}.substr(0, n));
  // Headers and notes stand at the beginning.
  for (size_t i = 0; i < 2048; ++i)
    for (char value : {'\0', '\x7f', '\xff'}) {
      std::string changed = real;
      changed[i] = value;
      all(changed);
    }
  auto note = read_note(whole);
  ASSERT_TRUE(note);
  EXPECT_FALSE(*note);
}

}  // namespace
}  // namespace sluice::plugin
