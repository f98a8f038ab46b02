#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "core/plugin/elf.h"
#include "core/plugin/module.h"
#include "sluice/note.h"
#include "tests/unit/plugin/fake.h"

namespace sluice::plugin {
namespace {

namespace fs = std::filesystem;

std::string fixture(const std::string& name) { return SLC_MISBEHAVING_DIR "/" + name + ".so"; }
// What the loader says about a fixture, without the folder; "" when it is content.
std::string complaint(const std::string& name) {
  auto m = Module::open(fixture(name));
  if (m) return {};
  std::string text = m.error().message, folder = SLC_MISBEHAVING_DIR "/";
  for (size_t at; (at = text.find(folder)) != text.npos;) text.erase(at, folder.size());
  return text;
}
std::string read(const std::string& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

class Folder {
 public:
  Folder() {
    char name[] = "/tmp/slc-loader-test-XXXXXX";
    path = mkdtemp(name);
  }
  ~Folder() {
    std::error_code ec;
    fs::remove_all(path, ec);
  }
  std::string put(const std::string& name, const std::string& bytes, mode_t mode = 0644) {
    std::string file = path + "/" + name;
    fs::remove(file);
    std::ofstream{file, std::ios::binary} << bytes;
    chmod(file.c_str(), mode);
    return file;
  }
  std::string path;
};

const std::string kOffered = std::to_string(SLC_ABI_MAJOR) + "." + std::to_string(SLC_ABI_MINOR);

TEST(LoaderTest, FileWithoutTheSymbolIsNoPlugin) {
  EXPECT_EQ(complaint("no_entry"), "no_entry.so: not a gateway plugin (no symbol slc_plugin_entry). Was it built with sluice_add_plugin()?");
}

TEST(LoaderTest, WrongMagicNamesBoth) {
  EXPECT_EQ(complaint("bad_magic"),
            "bad_magic.so: slc_plugin_entry begins with 0x12345678, wanted 0x31434c53. Fill the entry as sluice/plugin.h says.");
}

TEST(LoaderTest, AnotherMajorVersionIsRefusedWithoutReadingOn) {
  EXPECT_EQ(complaint("newer_major"),
            "newer_major.so: built for plugin ABI 8.3, this gateway offers " + kOffered + ". Use a gateway 8.x or build the plugin with this gateway's SDK.");
}

TEST(LoaderTest, ALaterMinorVersionIsRefused) {
  EXPECT_EQ(complaint("newer_minor"),
            "newer_minor.so (misbehaving.newer-minor 1.0.0): needs plugin ABI " + std::to_string(SLC_ABI_MAJOR) + "." + std::to_string(SLC_ABI_MINOR + 1) +
                ", this gateway offers " + kOffered + ". Use a newer gateway or a plugin built for <= " + kOffered + ".");
}

TEST(LoaderTest, AnEntryThatEndsTooEarlyIsRefused) {
  EXPECT_EQ(complaint("short_entry"), "short_entry.so: slc_plugin_entry says that it has 40 bytes, wanted " +
                                          std::to_string(sizeof(slc_entry)) + ". Set size to sizeof(slc_entry).");
}

TEST(LoaderTest, AMissingServiceIsNamed) {
  std::string said = complaint("missing_service");
  EXPECT_TRUE(said.starts_with("missing_service.so (misbehaving.missing-service 1.0.0): needs service sluice.stream/9, which this "
                               "gateway does not have. It has sluice.log/1, "))
      << said;
}

TEST(LoaderTest, AnUnknownInterfaceIsNamedWithTheKnownOnes) {
  std::string said = complaint("unknown_interface");
  EXPECT_TRUE(said.starts_with("unknown_interface.so (misbehaving.unknown-interface 1.0.0): \"misbehaving/unknown-interface\" is bound "
                               "to interface \"sluice.time-machine/1\", which this gateway does not have. It has sluice.middleware/1, "))
      << said;
}

TEST(LoaderTest, LoadsEveryFixtureThatMisbehavesOnlyLater) {
  for (const char* name : {"create_reports_two_errors", "worker_start_fails", "returns_garbage_action", "resumes_twice", "resumes_late",
                           "resumes_from_thread", "never_resumes", "throws_raw", "blocks_loop", "leaks_timer", "pins_thread_local"})
    EXPECT_EQ(complaint(name), "") << name;
}

TEST(LoaderTest, FailingLoadIsToldWithAllItsReasons) {
  Registry registry;
  ScanResult result;
  registry.scan(SLC_MISBEHAVING_DIR, "load_fails.so", result);
  ASSERT_EQ(result.problems.size(), 1u);
  EXPECT_EQ(result.problems[0], fixture("load_fails") +
                                    " (misbehaving.load-fails 1.0.0): load() failed: no licence for the flux capacitor; and no plutonium");
  EXPECT_TRUE(registry.bindings().empty());
}

TEST(LoaderTest, TwoProvidersOfOneNameAreBothNamed) {
  Registry registry;
  ScanResult result;
  registry.scan(SLC_MISBEHAVING_DIR, "create_reports_two_errors.so", result);
  EXPECT_TRUE(result.problems.empty());
  registry.scan(SLC_MISBEHAVING_DIR, "duplicate_namespace.so", result);
  ASSERT_EQ(result.problems.size(), 1u);
  EXPECT_EQ(result.problems[0], fixture("create_reports_two_errors") + " and " + fixture("duplicate_namespace") +
                                    " both provide \"misbehaving/two-errors\". Remove one.");
  EXPECT_EQ(registry.find_namespace("misbehaving/two-errors", nullptr)->plugin_id, "misbehaving.two-errors");
}

TEST(LoaderTest, AWholeFolderOfFaultsGivesOneProblemEach) {
  Folder folder;
  for (const auto& file : std::filesystem::directory_iterator{SLC_MISBEHAVING_DIR}) {
    const std::string name = file.path().filename().string();
    // Those would end this process while it loads them: rehearsals and isolated plugins are tested with them.
    if (file.is_regular_file() && name != "crashes_in_constructor.so" && name != "exits_in_load.so") folder.put(name, read(file.path().string()));
  }
  Registry registry;
  ScanResult result;
  registry.scan(folder.path, "", result);
  EXPECT_EQ(result.problems.size(), 10u);  // nine before load() and load_fails; of the two with one name, one
  EXPECT_EQ(registry.bindings().size(), 42u);
}

TEST(LoaderTest, AMissingFolderIsAProblem) {
  Registry registry;
  ScanResult result;
  registry.scan("/nonexistent/plugins", ".so", result);
  ASSERT_EQ(result.problems.size(), 1u);
  EXPECT_EQ(result.problems[0], "plugins folder /nonexistent/plugins: No such file or directory");
}

TEST(LoaderTest, AFileThatEverybodyMayWriteIsRefused) {
  Folder f;
  std::string file = f.put("open.so", read(fixture("never_resumes")), 0666);
  auto m = Module::open(file);
  ASSERT_FALSE(m);
  EXPECT_EQ(m.error().message,
            file + ": everybody may write to it, and it would run with the gateway's rights. Take that away: chmod go-w " + file);
}

TEST(LoaderTest, SameContentIsTheSameModuleAndChangedContentAnotherOne) {
  Folder f;
  std::string file = f.put("a.so", read(fixture("never_resumes")));
  auto first = Module::open(file);
  ASSERT_TRUE(first) << first.error().message;
  auto again = Module::open(f.put("b.so", read(fixture("never_resumes"))));
  ASSERT_TRUE(again);
  EXPECT_EQ(first->get(), again->get());
  f.put("a.so", read(fixture("resumes_twice")));  // same path, new content
  auto changed = Module::open(file);
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_NE(first->get(), changed->get());
  EXPECT_STREQ((*changed)->entry().id, "misbehaving.resumes-twice");
  EXPECT_STREQ((*first)->entry().id, "misbehaving.never-resumes");  // still there, and still its own
}

TEST(LoaderTest, OverwritingTheFileInPlaceDoesNotTouchTheLoadedImage) {
  Folder f;
  std::string file = f.put("a.so", read(fixture("returns_garbage_action")));
  auto m = Module::open(file);
  ASSERT_TRUE(m) << m.error().message;
  std::ofstream{file, std::ios::binary} << "gone";
  auto* table = static_cast<const slc_middleware*>((*m)->offers()[0].table);
  EXPECT_EQ(table->on_request(nullptr, nullptr, nullptr), 4711);
}

TEST(LoaderTest, NoPrefixOfAPluginIsLoadedOrCrashesTheCheck) {
  Folder f;
  std::string whole = read(fixture("bad_magic"));
  ASSERT_GT(whole.size(), 4096u);
  for (size_t n : {size_t{0}, size_t{1}, size_t{3}, size_t{4}, size_t{17}, size_t{63}, size_t{64}, size_t{4096}, whole.size() / 2, whole.size() - 1}) {
    std::string_view part = std::string_view{whole}.substr(0, n);
    EXPECT_FALSE(elf::problem(part).empty()) << n;
    auto m = Module::open(f.put("cut.so", std::string{part}));
    ASSERT_FALSE(m) << n;
    EXPECT_NE(m.error().message.find(n < 4 ? "no ELF file" : "truncated"), std::string::npos) << m.error().message;
  }
}

TEST(LoaderTest, EveryCorruptedHeaderByteIsSurvived) {
  std::string whole = read(fixture("no_entry"));
  for (size_t i = 0; i < 64; ++i)
    for (int value : {0, 1, 0x7f, 0xff}) {
      std::string bytes = whole;
      bytes[i] = static_cast<char>(value);
      if (elf::problem(bytes).empty()) {
        EXPECT_FALSE(elf::exports(bytes, "slc_plugin_entry")) << i;
      }
    }
}

TEST(LoaderTest, AnUnresolvedSymbolIsFoundWhileLoading) {
  // Not a fixture of its own: the build refuses such a plugin (-z defs). The text is what the dynamic loader says.
  Folder f;
  auto m = Module::open(f.put("text.so", "#!/bin/sh\n"));
  ASSERT_FALSE(m);
  EXPECT_EQ(m.error().message, f.path + "/text.so: not a shared object (no ELF file)");
}

// ---- linked entries: faults that need no file ----

slc_action next_hook(void*, slc_exchange*, void**) noexcept { return SLC_NEXT; }
const slc_middleware kGood = {sizeof(slc_middleware), nullptr, next_hook, nullptr, nullptr, nullptr, nullptr, nullptr};
const slc_middleware kEmpty = {sizeof(slc_middleware), nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr};
const slc_middleware kShort = {8, nullptr, next_hook, nullptr, nullptr, nullptr, nullptr, nullptr};
slc_status start_only(void*, slc_worker*, void**) noexcept { return SLC_OK; }
const slc_lifecycle kHalfLife = {sizeof(slc_lifecycle), nullptr, nullptr, start_only, nullptr, nullptr, nullptr};
const slc_middleware kHalf = {sizeof(slc_middleware), &kHalfLife, next_hook, nullptr, nullptr, nullptr, nullptr, nullptr};
const void* get_good(const char*, const char* name) noexcept {
  std::string_view n = name;
  return n == "t/null" ? nullptr : n == "t/empty" ? &kEmpty : n == "t/short" ? &kShort : n == "t/half" ? &kHalf : &kGood;
}
slc_entry entry_with(const slc_binding* bindings, uint32_t n) {
  return {SLC_ABI_MAGIC, sizeof(slc_entry), SLC_ABI_MAJOR, SLC_ABI_MINOR, SLC_BUILD_FLAGS, "test.linked", "2.0",  "g++",
          nullptr,       bindings,          n,             sizeof(slc_binding), nullptr, nullptr, get_good};
}
std::string linked(const slc_binding& b) {
  static std::vector<std::unique_ptr<slc_entry>> entries;  // images are kept for ever
  entries.push_back(std::make_unique<slc_entry>(entry_with(&b, 1)));
  auto m = Module::adopt(entries.back().get(), "linked");
  return m ? "" : m.error().message;
}

TEST(LoaderTest, FaultyBindingsAreRefusedOneByOne) {
  struct {
    slc_binding binding;
    const char* message;
  } cases[] = {
      {{"", SLC_IFACE_MIDDLEWARE, 2, 0, nullptr, nullptr, 0}, "linked (test.linked 2.0): binding 0 has no name."},
      {{"t/a", SLC_IFACE_MIDDLEWARE, 0, 0, nullptr, nullptr, 0},
       "linked (test.linked 2.0): \"t/a\" has scopes 0x00000000, wanted one or more of SLC_AT_SERVICE, ENDPOINT, PROXY, BACKEND."},
      {{"t/a", SLC_IFACE_MIDDLEWARE, 64, 0, nullptr, nullptr, 0},
       "linked (test.linked 2.0): \"t/a\" has scopes 0x00000040, wanted one or more of SLC_AT_SERVICE, ENDPOINT, PROXY, BACKEND."},
      {{"a", SLC_IFACE_DECODER, 2, 0, nullptr, nullptr, 0},
       "linked (test.linked 2.0): \"a\" has scopes 0x00000002, wanted 0: it is the name of an encoding or sd, no namespace."},
      {{"t/a", SLC_IFACE_MIDDLEWARE, 2, 0, "{", nullptr, 0}, "linked (test.linked 2.0): \"t/a\": its schema is not valid JSON: "},
      {{"t/null", SLC_IFACE_MIDDLEWARE, 2, 0, nullptr, nullptr, 0},
       "linked (test.linked 2.0): \"t/null\": get_interface(\"sluice.middleware/1\") answered NULL."},
      {{"t/empty", SLC_IFACE_MIDDLEWARE, 2, 0, nullptr, nullptr, 0},
       "linked (test.linked 2.0): \"t/empty\": its sluice.middleware/1 table has not any hook."},
      {{"t/short", SLC_IFACE_MIDDLEWARE, 2, 0, nullptr, nullptr, 0},
       "linked (test.linked 2.0): \"t/short\": its sluice.middleware/1 table says that it has 8 bytes, wanted "},
      {{"t/half", SLC_IFACE_MIDDLEWARE, 2, 0, nullptr, nullptr, 0},
       "linked (test.linked 2.0): \"t/half\": has only one of worker_start and worker_stop. Set both or none."},
  };
  for (const auto& c : cases) EXPECT_TRUE(linked(c.binding).starts_with(c.message)) << linked(c.binding) << "\nwanted " << c.message;
}

TEST(LoaderTest, AnotherSanitizerIsRefusedBothWays) {
  static const slc_binding b = {"t/a", SLC_IFACE_MIDDLEWARE, 2, 0, nullptr, nullptr, 0};
  static slc_entry e = entry_with(&b, 1);
  e.flags = SLC_BUILD_FLAGS ^ SLC_BUILT_TSAN;
  auto m = Module::adopt(&e, "linked");
  ASSERT_FALSE(m);
  EXPECT_NE(m.error().message.find("Mixing them corrupts reports; use the matching build."), std::string::npos) << m.error().message;
}

// What the note says is enough: with some run-time libraries nobody would live to read the entry.
TEST(LoaderTest, AnotherSanitizerIsKnownBeforeTheFileIsMapped) {
  std::string bytes = read(fixture("never_resumes"));
  auto note = elf::note(bytes, SLC_NOTE_OWNER, SLC_NOTE_TYPE);
  ASSERT_TRUE(note && *note);
  bytes[static_cast<size_t>((*note)->data() - bytes.data()) + 4] ^= SLC_BUILT_ASAN;
  Folder f;
  const std::string file = f.put("other.so", bytes);
  auto looked = Module::look_at(file);
  ASSERT_FALSE(looked);
  EXPECT_TRUE(looked.error().message.starts_with(file + " (misbehaving.never-resumes 1.0.0): built with ")) << looked.error().message;
  EXPECT_TRUE(looked.error().message.ends_with("Mixing them corrupts reports; use the matching build."));
}

TEST(LoaderTest, BindingsAreReadByTheirStride) {
  struct Longer {
    slc_binding b;
    uint64_t later_field[3];
  };
  static const Longer longer[] = {{{"t/one", SLC_IFACE_MIDDLEWARE, 2, 1, nullptr, nullptr, 0}, {~0ull, ~0ull, ~0ull}},
                                  {{"t/two", SLC_IFACE_MIDDLEWARE, 2, 2, nullptr, nullptr, 0}, {~0ull, ~0ull, ~0ull}}};
  static slc_entry e = entry_with(&longer[0].b, 2);
  e.binding_size = sizeof(Longer);
  Registry registry;
  ScanResult result;
  registry.add(&e, "linked", result);
  ASSERT_TRUE(result.problems.empty()) << result.problems[0];
  EXPECT_EQ(registry.find_namespace("t/two", nullptr)->spec->stage, 2);
}

// ---- load and unload ----

int loads, unloads;
slc_status count_load(const slc_host* host, slc_report*) noexcept {
  ++loads;
  return host->service(host, SLC_SVC_LOG) && !host->service(host, "sluice.nothing/1") && host->service(host, SLC_SVC_NEXT) ? SLC_OK
                                                                                                                          : SLC_EINVAL;
}
void count_unload() noexcept { ++unloads; }

TEST(LoaderTest, LoadRunsOncePerOverlappingUseAndUnloadAfterTheLast) {
  static const slc_binding b = {"t/life", SLC_IFACE_MIDDLEWARE, 2, 0, nullptr, nullptr, 0};
  static slc_entry e = entry_with(&b, 1);
  e.load = count_load, e.unload = count_unload;
  ScanResult result;
  {
    Registry old_generation;
    old_generation.add(&e, "linked", result);
    Registry new_generation;
    new_generation.add(&e, "linked", result);
    EXPECT_EQ(loads, 1);
  }
  EXPECT_EQ(unloads, 1);
  Registry later;
  later.add(&e, "linked", result);
  EXPECT_EQ(loads, 2);
  EXPECT_TRUE(result.problems.empty());
}

}  // namespace
}  // namespace sluice::plugin
