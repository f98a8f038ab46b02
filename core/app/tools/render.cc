// sluice render: what a template gives, and where each line of it came from.
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>

#include "core/app/options.h"
#include "core/app/tools/tool.h"
#include "core/config/formats.h"
#include "core/config/reader.h"
#include "core/config/template/render.h"

namespace sluice::app {

extern const Tool kRenderTool;

namespace {

namespace tmpl = config::tmpl;

constexpr std::string_view kHelp = R"(sluice render: print the configuration that a template gives

Usage:
  sluice render -c FILE [flags]

FILE is a template of flexible configuration: Go's text/template with the functions of sprig. What `run` and `check`
would read is printed; nothing is written to FC_OUT, and the result is not checked (sluice check does that).

Flags:
  -c, --config FILE   The template
      --explain       Before each line the file and line it came from, and behind it the settings, environment
                      variables and partials that its values came from
  -h, --help          This text

Environment:
  FC_SETTINGS         Folder of settings: service.json becomes .service; *.yaml, *.yml and *.toml too
  FC_PARTIALS         Folder of the files that {{ include "FILE" }} puts in
  FC_TEMPLATES        Folder of the *.tmpl files that {{ template "FILE" . }} calls
  FC_ENABLE           Not empty, 0, false or no: run and check use templates. Not needed here

Exit code: 0 printed, 1 the template cannot be rendered, 255 wrong usage

Examples:
  FC_SETTINGS=settings sluice render -c gateway.tmpl
  FC_SETTINGS=settings/prod FC_PARTIALS=partials sluice render --explain -c gateway.tmpl | less -S

More: docs/flexible-configuration.md
)";

std::string place_text(const tmpl::File& file, size_t offset) {
  return file.name + ":" + std::to_string(tmpl::line_column(file.text, offset).line);
}

// What the values of the result's bytes [from, to) came from, each once.
std::string sources(const tmpl::Rendered& r, size_t from, size_t to, const tmpl::File* of_line) {
  std::vector<std::string> said;
  auto say = [&](std::string text) {
    if (!text.empty() && std::find(said.begin(), said.end(), text) == said.end()) said.push_back(std::move(text));
  };
  std::vector<size_t> starts = r.map.segments_in(from, to);
  if (starts.empty() || starts.front() != from) starts.insert(starts.begin(), from);
  for (size_t at : starts) {
    tmpl::Place place = r.map.at(at);
    if (!place.file) continue;
    if (place.file != of_line) say(place_text(*place.file, place.offset));
    for (const tmpl::Origin* o : place.origins) {
      if (o->kind != tmpl::Origin::Kind::setting) {
        say(tmpl::describe(*o));
        continue;
      }
      // With the line of the key, for editors that jump there.
      auto file = std::find_if(r.files.begin(), r.files.end(), [&](const tmpl::File& f) { return f.name == o->file; });
      config::Issue issue;
      issue.pointer = o->pointer;
      if (file != r.files.end()) config::SourceText{file->name, file->text, config::format_of(file->name)}.locate(issue);
      say(std::string{o->file} + (issue.line ? ":" + std::to_string(issue.line) : "") + (o->pointer.empty() ? "" : " " + std::string{o->pointer}));
    }
  }
  std::string out;
  for (const std::string& s : said) out += (out.empty() ? "  <- " : ", ") + s;
  return out;
}

std::string explained(const tmpl::Rendered& r) {
  struct Line {
    std::string place;
    std::string_view text;
    std::string from;
  };
  std::vector<Line> lines;
  size_t width = 0;
  for (size_t at = 0; at < r.text.size();) {
    size_t end = std::min(r.text.find('\n', at), r.text.size());
    tmpl::Place place = r.map.at(at);
    Line line{place.file ? place_text(*place.file, place.offset) : "", std::string_view{r.text}.substr(at, end - at), sources(r, at, end, place.file)};
    width = std::max(width, std::min<size_t>(line.place.size(), 60));
    lines.push_back(std::move(line));
    at = end + 1;
  }
  std::string out;
  for (const Line& l : lines) {
    out += l.place;
    out.append(width > l.place.size() ? width - l.place.size() : 0, ' ');
    out += " | ";
    out += l.text;
    out += l.from;
    out += '\n';
  }
  return out;
}

int run(std::span<const std::string> arguments) {
  std::string file;
  bool explain = false;
  CLI::App app;
  app.set_help_flag();
  app.add_option("-c,--config", file);
  app.add_flag("--explain", explain);
  try {
    app.parse(std::vector<std::string>{arguments.rbegin(), arguments.rend()});
  } catch (const CLI::ParseError& e) {
    return usage_failure(kRenderTool, e.what());
  }
  if (file.empty()) return usage_failure(kRenderTool, "which template? sluice render -c FILE");
  auto environment = config::process_environment();
  tmpl::Result result = tmpl::render(file, environment);
  config::Report report;
  for (config::Issue& issue : result.issues) report.add(std::move(issue));
  std::string said = report.format();
  if (result.rendered && !tmpl::enabled(environment)) said += "FC_ENABLE is not set: run and check would read this file as it is\n";
  if (result.rendered) {
    std::string out = explain ? explained(*result.rendered) : result.rendered->text;
    std::fwrite(out.data(), 1, out.size(), stdout);
    std::fflush(stdout);
  }
  std::fwrite(said.data(), 1, said.size(), stderr);
  return result.rendered ? kClean : kFailure;
}

}  // namespace

const Tool kRenderTool{"render", "What a template gives, and with --explain where each line and value came from", kHelp, run};

}  // namespace sluice::app
