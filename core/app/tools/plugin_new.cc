// sluice plugin new: a folder that builds, from the templates in share/sluice/templates.
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <span>

#include "core/app/options.h"
#include "core/app/tools/tool.h"
#include "core/base/file.h"
#include "core/base/text.h"
#include "sluice/plugin.h"

namespace sluice::app {

extern const Tool kPluginTool;

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kHelp = R"(sluice plugin: begin a plugin of your own

Usage:
  sluice plugin new NAME [flags]

Makes the folder NAME with a plugin that works: source, build, configuration schema, unit test, a sample configuration, cases
for sluice test-plugin, and a script ./try that builds it, runs a gateway with it and shows an answer that it changed.

NAME: small letters, digits and dashes, beginning with a letter; it is the name of the file, NAME.so. Configurations will say
"VENDOR/NAME"; decoders, encoders and service discoveries are called NAME.

Flags:
  -k, --kind KIND     middleware   looks at requests and answers, may answer itself or wait (the default)
                      around       decides how often the inside runs: retry, hedging, caching
                      decoder      reads backends' answers: a backend's "encoding"
                      encoder      writes answers: an endpoint's "output_encoding"
                      sd           finds hosts: a backend's "sd"
                      balancer     chooses among hosts
                      transport    answers in place of an HTTP backend
                      log-sink     takes the place of the application log
  -l, --lang LANG     c++   every kind (the default)
                      c     middleware, decoder, encoder, sd, balancer, transport
                      rust  middleware, decoder, encoder, sd, balancer, transport
      --scope LIST    Where configurations may name a middleware: service, endpoint (the default), proxy, backend, or several,
                      with commas. "plugin/req-resp-modifier" chooses among proxy and backend, "plugin/http-server" wants service
      --vendor VENDOR First part of the names (default: example)
      --dir DIR       The folder to make (default: NAME)
  -h, --help          This text

Exit code: 0 made, 1 not (the folder is there and not empty, or cannot be written), 255 wrong usage: also a kind that there is not in
that language, and a scope for what is no middleware

Examples:
  sluice plugin new stamp
  sluice plugin new csv --kind encoder --vendor acme
  sluice plugin new mask --scope proxy,backend
  sluice plugin new stamp --lang rust --dir plugins/stamp

More: docs/first-plugin.md, docs/plugin-guide.md
)";

void put(FILE* to, const std::string& text) { std::fwrite(text.data(), 1, text.size(), to); }

int failure(const std::string& message) {
  put(stderr, "Error: " + message + "\n");
  return kFailure;
}

// Beside the program's folder: <prefix>/bin/sluice and <prefix>/share/sluice/templates; the build tree has the same shape.
fs::path templates_folder() {
  std::error_code ec;
  const fs::path program = fs::read_symlink("/proc/self/exe", ec);
  return program.parent_path().parent_path() / "share" / "sluice" / "templates";
}

// What a NAME or VENDOR may be: it becomes a file, a CMake and a Cargo project, and part of names in configurations.
std::string name_problem(std::string_view what, std::string_view name) {
  const bool fits = !name.empty() && name.size() <= 64 && name[0] >= 'a' && name[0] <= 'z' && !name.ends_with('-') &&
                    std::all_of(name.begin(), name.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
  if (fits) return {};
  return std::string{what} + " \"" + std::string{name.substr(0, 80)} + "\": small letters, digits and dashes are wanted, beginning with a letter, at most 64";
}

std::string filled(std::string text, const std::map<std::string, std::string>& values) {
  for (const auto& [name, value] : values) {
    const std::string mark = "@" + name + "@";
    for (size_t at = 0; (at = text.find(mark, at)) != text.npos; at += value.size()) text.replace(at, mark.size(), value);
  }
  return text;
}

struct Wanted {
  std::string name, kind = "middleware", lang = "c++", vendor = "example", folder;
  std::vector<std::string> scopes{"endpoint"};
};

// What a middleware's template says about its scopes: in code, in words, and where the sample has its block.
void add_scopes(const Wanted& w, std::map<std::string, std::string>& values) {
  auto joined = [&](std::string_view prefix, bool upper) {
    std::string out;
    for (std::string scope : w.scopes) {
      if (upper) std::transform(scope.begin(), scope.end(), scope.begin(), [](char c) { return static_cast<char>(c - 'a' + 'A'); });
      out += (out.empty() ? "" : " | ") + std::string{prefix} + scope;
    }
    return out;
  };
  values["SCOPE_BITS"] = joined("SLC_AT_", true);  // as a note has them
  values["SCOPES"] = w.lang == "rust" ? joined("AT_", true) : w.lang == "c" ? values["SCOPE_BITS"] : joined("sluice::scope::", false);
  const std::string& first = w.scopes[0];  // the sample's
  const std::string block = "\"" + w.vendor + "/" + w.name + R"(": {"header": "X-Hello", "value": "world"})", whole = "\"extra_config\": {" + block + "},\n";
  const bool service = first == "service", backend = first == "backend";
  values["OF"] = service ? "of the gateway" : backend ? "of a backend" : "of an endpoint";
  values["IN_ROOT"] = service ? "  " + whole : "";
  values["IN_ENDPOINT"] = service || backend ? "" : "    " + whole;
  values["IN_BACKEND"] = backend ? block + ", " : "";
  values["ELSEWHERE"] = service ? "other paths have it, too" : "other paths have not";
  values["HEADER_ELSEWHERE"] = service ? "\"world\"" : "null";
}

// The README of a template has a row for each file that folders of its language may have, "| `corpus/` | …". Those of files
// that this folder does not get are left out.
std::string with_rows_of(const std::set<std::string>& files, std::string_view text) {
  constexpr std::string_view kRow = "| `";
  std::string out;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, std::min(text.find('\n'), text.size() - 1) + 1);
    text.remove_prefix(line.size());
    if (line.starts_with(kRow)) {
      const std::string name{line.substr(kRow.size(), line.find('`', kRow.size()) - kRow.size())};
      const auto at = files.lower_bound(name);
      if (at == files.end() || (name.ends_with('/') ? !at->starts_with(name) : *at != name)) continue;
    }
    out += line;
  }
  return out;
}

constexpr std::string_view kKinds[] = {"middleware", "around", "decoder", "encoder", "sd", "balancer", "transport", "log-sink"};
constexpr std::string_view kLangs[] = {"c++", "c", "rust"};

// "a, b or c".
std::string one_of(std::span<const std::string_view> names) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) text += (i == 0 ? "" : i + 1 == names.size() ? " or " : ", ") + std::string{names[i]};
  return text;
}

std::string with_article(const std::string& kind) { return (kind.starts_with('a') || kind.starts_with('e') ? "an " : "a ") + kind; }

// What to tell when there is no template for kind and language, each of which has some.
std::string no_such_template(const fs::path& templates, const Wanted& w) {
  std::error_code ec;
  std::string langs, kinds;
  for (std::string_view lang : kLangs)
    if (fs::is_directory(templates / (w.kind + "-" + std::string{lang}), ec)) langs += (langs.empty() ? "" : ", ") + std::string{lang};
  for (std::string_view kind : kKinds)
    if (fs::is_directory(templates / (std::string{kind} + "-" + w.lang), ec)) kinds += (kinds.empty() ? "" : ", ") + std::string{kind};
  return "there is no " + w.kind + " in " + w.lang + " to begin with; there is one in " + langs + ", and in " + w.lang + " there are " + kinds;
}

int make(const Wanted& w) {
  const fs::path templates = templates_folder(), source = templates / (w.kind + "-" + w.lang), to = w.folder.empty() ? w.name : w.folder;
  std::error_code ec;
  if (!fs::is_directory(templates, ec))
    return failure("no templates in " + templates.string() + ": they are installed with the gateway (cmake --install)");
  if (!fs::is_directory(source, ec)) return usage_failure(kPluginTool, no_such_template(templates, w));
  if (fs::exists(to, ec) && !fs::is_empty(to, ec)) return failure(to.string() + " is there already and not empty: nothing was changed");

  // The files of the language replace those that all share, the files of the kind those of its language.
  std::map<fs::path, fs::path> files;
  for (const fs::path& from : {templates / "common", templates / ("common-" + w.lang), source})
    for (fs::recursive_directory_iterator it{from, ec}, end; !ec && it != end; it.increment(ec))
      if (it->is_regular_file()) files[fs::relative(it->path(), from, ec)] = it->path();
  auto what = read_file(source / ".what");
  if (!what) return failure((source / ".what").string() + " " + what.error().message + ": the templates are not whole");
  while (what->ends_with('\n')) what->pop_back();
  files.erase(".what");
  std::map<std::string, std::string> scopes;
  add_scopes(w, scopes);
  *what = filled(*what, scopes);

  const bool c = w.lang == "c", rust = w.lang == "rust";
  std::string identifier = w.name;
  std::replace(identifier.begin(), identifier.end(), '-', '_');
  std::map<std::string, std::string> values{
      {"NAME", w.name}, {"IDENTIFIER", identifier}, {"VENDOR", w.vendor}, {"KIND", w.kind}, {"LANG", w.lang}, {"WHAT", *what},
      {"SOURCE", rust ? "src/lib.rs" : c ? "plugin.c" : "plugin.cc"}, {"TEST", "plugin_test.cc"},
      {"CURL", w.kind == "balancer" ? "-H 'X-User: ada'" : ""},
      {"ABI_MAJOR", std::to_string(SLC_ABI_MAJOR)}};
  values.merge(scopes);
  // Under its own name it would hold for the template, too.
  auto target = [](const fs::path& relative) { return relative.filename() == "dot-gitignore" ? relative.parent_path() / ".gitignore" : relative; };
  std::set<std::string> names;
  for (const auto& [relative, from] : files) names.insert(target(relative).generic_string());
  for (const auto& [relative, from] : files) {
    const fs::path name = target(relative);
    fs::create_directories((to / name).parent_path(), ec);
    const auto text = read_file(from);
    if (!text) return failure(from.string() + " " + text.error().message);
    std::ofstream out{to / name, std::ios::binary};
    const std::string content = filled(*text, values);
    out << (name == "README.md" ? with_rows_of(names, content) : content);
    out.close();
    if (!out) return failure((to / name).string() + " cannot be written");
    struct stat st;
    if (::stat(from.c_str(), &st) == 0 && (st.st_mode & S_IXUSR)) ::chmod((to / name).c_str(), 0755);
  }

  std::string folder = to.string();
  put(stdout, "Made " + folder + ": " + with_article(w.kind) + " in " + w.lang + " that " + *what + ".\n\n" +
                  "  cd " + folder + "\n" +
                  "  ./try                        builds it, runs a gateway with it, shows what it does\n" +
                  "  $EDITOR " + values.at("SOURCE") + "\n" +
                  "  sluice check-plugin build/" + w.name + ".so\n" +
                  "  sluice test-plugin .         the same, and the cases of cases.json\n");
  return kClean;
}

// What is wrong with the list of --scope; it is split into names.
std::string scope_problem(const Wanted& w, const std::string& text, std::vector<std::string>& names) {
  static const std::vector<std::string> kScopes{"service", "endpoint", "proxy", "backend"};
  if (w.kind != "middleware")
    return "--scope is for a middleware; where " + with_article(w.kind) + " stands is told by its kind: leave --scope out, or take --kind middleware";
  names.clear();
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    const std::string name = text.substr(at, end - at);
    at = end + 1;
    if (std::find(kScopes.begin(), kScopes.end(), name) == kScopes.end()) {
      const std::string_view near = nearest(name, kScopes);
      return "unknown scope \"" + name + "\": service, endpoint, proxy or backend is wanted" +
             (near.empty() ? "" : "; did you mean " + std::string{near} + "?");
    }
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return {};
}

int run(std::span<const std::string> arguments) {
  if (arguments.empty()) return usage_failure(kPluginTool, "say what to do: sluice plugin new NAME");
  if (arguments[0] != "new") return usage_failure(kPluginTool, "unknown command \"" + arguments[0] + "\" for \"sluice plugin\": new is wanted");
  Wanted w;
  std::string scopes;
  CLI::App app;
  app.set_help_flag();
  app.add_option("name", w.name);
  app.add_option("-k,--kind", w.kind);
  app.add_option("-l,--lang", w.lang);
  app.add_option("--vendor", w.vendor);
  app.add_option("--dir", w.folder);
  CLI::Option* scope = app.add_option("--scope", scopes);
  std::vector<std::string> reversed{arguments.rbegin(), arguments.rend() - 1};
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& e) {
    return usage_failure(kPluginTool, e.what());
  }
  if (w.name.empty()) return usage_failure(kPluginTool, "give the plugin a name: sluice plugin new NAME");
  if (std::string wrong = name_problem("the name", w.name); !wrong.empty()) return usage_failure(kPluginTool, wrong);
  if (std::string wrong = name_problem("the vendor", w.vendor); !wrong.empty()) return usage_failure(kPluginTool, wrong);
  if (std::find(std::begin(kKinds), std::end(kKinds), w.kind) == std::end(kKinds)) {
    const std::string_view near = nearest(w.kind, kKinds);
    return usage_failure(
        kPluginTool, "unknown kind \"" + w.kind + "\": " + one_of(kKinds) + " is wanted" + (near.empty() ? "" : "; did you mean " + std::string{near} + "?"));
  }
  if (std::find(std::begin(kLangs), std::end(kLangs), w.lang) == std::end(kLangs))
    return usage_failure(kPluginTool, "unknown language \"" + w.lang + "\": " + one_of(kLangs) + " is wanted");
  if (scope->count())
    if (std::string wrong = scope_problem(w, scopes, w.scopes); !wrong.empty()) return usage_failure(kPluginTool, wrong);
  return make(w);
}

}  // namespace

const Tool kPluginTool{"plugin", "Begin a plugin of your own: sluice plugin new NAME", kHelp, run};

}  // namespace sluice::app
