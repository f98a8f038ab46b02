#include "core/app/check/kit.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "core/app/check/binary.h"
#include "core/app/check/child.h"
#include "core/base/file.h"
#include "core/log/log.h"
#include "core/plugin/elf.h"
#include "core/plugin/note.h"

namespace sluice::app::check {

namespace json = boost::json;

namespace {

constexpr size_t kMostProcesses = 16;  // a plugin that crashes more often is known well enough
constexpr int kNotLoaded = 4;          // the checking process said why
constexpr uint64_t kCpuSeconds = 120;

std::string describe(const plugin::Module& m) {
  const slc_entry& e = m.entry();
  std::string text = std::string{e.id} + " " + e.version + ", ABI " + std::to_string(e.abi_major) + "." + std::to_string(e.abi_minor) + ", built with " +
                     (e.built_with ? e.built_with : "(unknown)");
  std::string names;
  for (const plugin::Module::Offer& o : m.offers()) {
    names += (names.empty() ? "\n" : ", ") + std::string{"\""} + o.spec->name + "\" (" + std::string{plugin::kind_name(o.spec->interface_id)};
    if (o.spec->scopes) names += ", " + plugin::scope_names(o.spec->scopes) + ", stage " + std::to_string(o.spec->stage);
    names += ")";
  }
  return text + names;
}

// What the file says of itself, without being loaded.
Finding note_of(const std::string& bytes) {
  constexpr const char* kHow = "In C++ SLC_PLUGIN makes it; in C write SLC_PLUGIN_NOTE beside the entry (sluice/note.h).";
  auto note = plugin::read_note(bytes);
  if (!note) return {State::failed, "note", note.error().message, kHow};
  if (!*note) return {State::note, "note", "has no note: sluice plugins and sluice plugins lock cannot say what it is without loading it", kHow};
  const plugin::Note& n = **note;
  std::string text = n.id + " " + n.version + ", ABI " + std::to_string(n.abi_major) + "." + std::to_string(n.abi_minor) + ", built with " +
                     (n.built_with.empty() ? "(unknown)" : n.built_with);
  for (size_t i = 0; i < n.bindings.size(); ++i) {
    const plugin::Note::Bound& b = n.bindings[i];
    text += std::string{i ? ", " : "\n"} + "\"" + b.name + "\" (" + std::string{plugin::kind_name(b.interface_id)} +
            (b.scopes ? ", " + plugin::scope_names(b.scopes) : "") + ")";
  }
  return {State::passed, "note", text, ""};
}

// The last lines of what a process said before it died: a sanitizer's summary, an assertion.
std::string last_words(const std::string& output) {
  std::vector<std::string> lines;
  std::istringstream in{output};
  for (std::string line; std::getline(in, line);) {
    if (line.find("SUMMARY: ") != line.npos || line.find("ERROR: AddressSanitizer") != line.npos || line.find("runtime error:") != line.npos ||
        line.find("terminate called") != line.npos || line.find("what():") != line.npos || line.find("Assertion") != line.npos ||
        line.find("panicked") != line.npos || line.find("stack smashing") != line.npos || line.find("free():") != line.npos)
      lines.push_back(line.substr(0, 300));
  }
  std::string out;
  for (size_t i = lines.size() > 4 ? lines.size() - 4 : 0; i < lines.size(); ++i) out += "\n" + lines[i];
  return out;
}

}  // namespace

const std::vector<Check>& all_checks() {
  static const std::vector<Check> checks{
      {"load", "opens it and calls load(): versions, services, bindings", nullptr},
      {"schema", "its schemas are JSON Schema draft 7", check_schema},
      {"create", "blocks made up from the schema, right and wrong, and the one of --config", check_create},
      {"workers", "starts and stops on several workers", check_workers},
      {"requests", "requests at every place, to backends that answer in every way", check_requests},
      {"bodies", "empty, large, slow and odd bodies and headers", check_bodies},
      {"clients", "clients that leave in the middle, also while a hook waits", check_clients},
      {"time-outs", "requests that the time-out ends", check_timeouts},
      {"streams", "bodies that come slowly, in bytes, break off, or are read slowly", check_streams},
      {"memory", "every request for memory, timers, jobs and the like refused in turn", check_memory},
      {"state", "state handed over from object to object, and bytes that nobody wrote", check_state},
      {"reload", "reloads of the gateway while requests run and hooks wait", check_reload},
      {"growth", "rounds of requests that are alike, and the memory that is held after each", check_growth},
      {"codec", "decoders and encoders: bodies cut anywhere, garbage, deep nesting", check_codec},
      {"end", "everything made is given back", check_end},
  };
  return checks;
}

int run_checks(const KitOptions& o, size_t first) {
  if (!become_child(kCpuSeconds)) return 255;
  log::configure(log::Level::warning, {});  // goes into the output that is shown after a crash
  const auto& checks = all_checks();
  auto begin = [&](size_t i) { tell_parent("begin " + std::to_string(i)); };
  int code = 0;
  {
    Session session{o};
    begin(0);
    std::string why = session.load();
    if (const std::string what = session.note_disagreement(); !what.empty() && !first)
      session.tell(State::failed, "note", "its note and its entry disagree: " + what,
                   "Tools and plugins.lock believe the note, which they read without loading the file: write the same into both, as SLC_PLUGIN does.");
    if (!why.empty()) {
      session.tell(State::failed, "load", why);
      code = kNotLoaded;
    } else {
      if (!first) session.tell(State::passed, "load", describe(session.module()));
      // A later process needs the blocks that an earlier one has chosen.
      constexpr size_t kCreate = 2;
      std::string missing;
      if (first > kCreate) missing = session.choose_blocks();
      for (size_t i = std::max<size_t>(first, 1); i < checks.size(); ++i) {
        begin(i);
        if (i == kCreate + 1 && missing.empty()) missing = session.choose_blocks();
        if (i > kCreate && !missing.empty()) {
          session.tell(State::skipped, "requests", "without a block that the plugin accepts no request can be tried", "");
          break;
        }
        checks[i].run(session);
      }
    }
  }
  tell_parent("done");
  // No destructors of statics: those of the plugin would run after the loops are gone, which no gateway does either.
  ::_exit(code);
}

std::vector<Finding> check_file(const std::string& file, const std::string& plugins, const std::string& config_file, const CheckLimits& limits) {
  std::vector<Finding> out;
  struct stat st;
  auto content = ::stat(file.c_str(), &st) == 0 && !S_ISREG(st.st_mode) ? Problem{"is no regular file"} : read_file(file);
  if (!content) {
    out.push_back({State::failed, "file", file + " " + content.error().message, ""});
    return out;
  }
  const std::string& bytes = *content;
  if (std::string wrong = plugin::elf::problem(bytes); !wrong.empty()) {
    out.push_back({State::failed, "file", wrong, "A plugin is a shared object (.so) built for this machine."});
    return out;
  }
  if (st.st_mode & S_IWOTH)
    out.push_back({State::failed, "file", "everybody may write to it: no gateway will load it", "chmod o-w " + file});
  for (Finding& f : look_at(bytes)) out.push_back(std::move(f));
  if (std::any_of(out.begin(), out.end(), [](const Finding& f) { return f.state == State::failed && f.text.find("no gateway plugin") != f.text.npos; }))
    return out;
  out.push_back(note_of(bytes));
  if (out.back().state == State::failed) return out;

  // The same sentence from two processes, and the same end in two checks, are told once.
  auto add = [&](Finding f) {
    for (const Finding& g : out)
      if (g.text == f.text && g.state == f.state) {
        if (g.check == f.check) return;
        f.text = "the same as in " + g.check;
        f.advice.clear();
        break;
      }
    out.push_back(std::move(f));
  };
  size_t first = 0;
  for (size_t process = 0; process < kMostProcesses; ++process) {
    std::vector<std::string> arguments{"check-plugin", "--inside", std::to_string(first), "--answer-ms", std::to_string(limits.answer_ms)};
    if (!plugins.empty()) arguments.insert(arguments.end(), {"--plugins", plugins});
    if (!config_file.empty()) arguments.insert(arguments.end(), {"--config", config_file});
    arguments.push_back(file);
    const ChildResult child = run_child(arguments, limits.process_ms);
    if (!child.failed_to_start.empty()) {
      out.push_back({State::failed, "load", child.failed_to_start, ""});
      return out;
    }
    size_t at = first;
    bool done = false;
    for (const std::string& line : child.lines) {
      if (line.starts_with("begin ")) at = static_cast<size_t>(std::atoi(line.c_str() + 6));
      else if (line == "done") done = true;
      else if (auto f = finding_of(line)) add(std::move(*f));
    }
    if (done || child.code == kGaveUp || child.code == kNotLoaded) return out;
    const std::string name = at < all_checks().size() ? all_checks()[at].name : "end";
    const std::string where = child.running.empty() ? " outside of the plugin's own calls (a thread of it, or memory it has damaged)" : " in " + child.running;
    if (child.out_of_time)
      add({State::failed, name,
           "not done within " + std::to_string(limits.process_ms) + " ms" + (child.running.empty() ? "" : ", and still" + where) + last_words(child.output),
           "A loop that does not end, or a wait for something that does not come. --time-limit allows more."});
    else
      add({State::failed, name,
           "the gateway died" + where + ": " + (child.signal ? signal_name(child.signal) : "exit code " + std::to_string(child.code)) +
               last_words(child.output),
           "gdb --args sluice run -c gateway.json, or a build of plugin and gateway with -DSLC_SANITIZE=address,undefined, shows the line."});
    if (at == 0) return out;  // it cannot even be loaded
    first = at + 1;
    if (first >= all_checks().size()) return out;
  }
  return out;
}

int run_together(const std::vector<std::string>& files) {
  if (!become_child(kCpuSeconds)) return 255;
  log::configure(log::Level::warning, {});
  plugin::Registry registry;
  for (const std::string& file : files) {
    plugin::ScanResult found;
    const size_t slash = file.rfind('/');
    registry.scan(slash == file.npos ? "." : file.substr(0, slash + 1), file.substr(slash == file.npos ? 0 : slash + 1), found);
    for (const std::string& p : found.problems)
      if (p.find(" both ") != p.npos) tell_parent(to_line({State::failed, "together", p, "A gateway loads the first of them and refuses the other."}));
  }
  tell_parent("done");
  ::_exit(0);
}

std::vector<Finding> check_together(const std::vector<std::string>& files, const CheckLimits& limits) {
  std::vector<Finding> out;
  if (files.size() < 2) return out;
  std::vector<std::string> arguments{"check-plugin", "--together"};
  arguments.insert(arguments.end(), files.begin(), files.end());
  for (const std::string& line : run_child(arguments, limits.process_ms).lines)
    if (auto f = finding_of(line)) out.push_back(std::move(*f));
  return out;
}

}  // namespace sluice::app::check
