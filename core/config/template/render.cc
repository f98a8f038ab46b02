#include "core/config/template/render.h"

#include <algorithm>
#include <boost/json/object.hpp>
#include <chrono>
#include <filesystem>
#include <set>

#include "core/base/text.h"
#include "core/config/formats.h"
#include "core/config/template/evaluator.h"
#include "core/config/template/format.h"

namespace sluice::config::tmpl {
namespace {

namespace fs = std::filesystem;

std::string of(const Environment& e, const std::string& name) {
  auto it = e.find(name);
  return it == e.end() ? std::string{} : it->second;
}

std::string joined(const std::string& folder, const std::string& name) {
  if (folder.empty()) return name;
  return folder.ends_with('/') ? folder + name : folder + "/" + name;
}

class Rendering {
 public:
  Rendering(const std::string& path, const Environment& environment) : path_{path}, environment_{environment} {}

  Result run() {
    out_.files.push_back(path_);
    const File* main = read(path_);
    Map* root = settings();
    std::string name = path_.substr(path_.rfind('/') + 1);
    Trees trees;
    if (main) parse_into(trees, *main, name);
    templates(trees);
    if (failed_) return std::move(out_);

    Services services;
    services.environment = &environment_;
    services.now = std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
    std::string partials = of(environment_, "FC_PARTIALS");
    if (!partials.empty()) out_.files.push_back(partials);
    services.partial = [&](const std::string& partial, std::string* why) { return include(partials, partial, why); };
    Fault fault;
    std::vector<Fault> remarks;
    bool ok = evaluate(trees, name, tmpl::of(root), services, *rendered_, remarks, fault);
    for (const Fault& r : remarks) add(Issue::Severity::warning, r);
    if (!ok) add(Issue::Severity::error, fault);
    else out_.rendered = rendered_;
    return std::move(out_);
  }

 private:
  void add(Issue::Severity severity, const Fault& fault) {
    LineColumn at = line_column(fault.file->text, fault.offset);
    Issue issue{severity, "", fault.message, fault.file->name};
    issue.line = at.line, issue.column = at.column;
    out_.issues.push_back(std::move(issue));
    failed_ = failed_ || severity == Issue::Severity::error;
  }
  void refuse(const std::string& file, std::string message) {
    out_.issues.push_back({Issue::Severity::error, "", std::move(message), file});
    failed_ = true;
  }

  const File* read(const std::string& path) {
    std::string why;
    auto text = read_whole(path, &why);
    if (!text) {
      refuse(path, why);
      return nullptr;
    }
    return &rendered_->files.emplace_back(File{path, std::move(*text)});
  }

  void parse_into(Trees& trees, const File& file, const std::string& name) {
    Fault fault;
    if (!parse(file, name, unknown_function, trees, fault)) add(Issue::Severity::error, fault);
  }

  // Names of the files directly inside, in order.
  std::vector<std::string> names_in(const std::string& folder, const char* variable) {
    std::vector<std::string> out;
    std::error_code ec;
    for (fs::directory_iterator it{folder, ec}, end; !ec && it != end; it.increment(ec)) {
      std::error_code ignored;
      if (!it->is_directory(ignored)) out.push_back(it->path().filename());
    }
    if (ec) refuse(folder, std::string{"the folder of "} + variable + " cannot be read: " + ec.message());
    std::sort(out.begin(), out.end());
    return out;
  }

  void templates(Trees& trees) {
    std::string folder = of(environment_, "FC_TEMPLATES");
    if (folder.empty()) return;
    out_.files.push_back(folder);
    for (const std::string& name : names_in(folder, "FC_TEMPLATES"))
      if (name.ends_with(".tmpl"))
        if (const File* file = read(joined(folder, name))) parse_into(trees, *file, name);
  }

  // The root: a member for each settings file. All that is wrong with them is told.
  Map* settings() {
    Map* root = rendered_->heap.map();
    root->root = true;
    std::string folder = of(environment_, "FC_SETTINGS");
    if (folder.empty()) return root;
    root->settings = rendered_->heap.keep(folder);
    out_.files.push_back(folder);
    std::vector<std::string> names = names_in(folder, "FC_SETTINGS");
    // JSON first: what the reference reads wins over a namesake in another format.
    for (std::string_view ending : {".json", ".yaml", ".yml", ".toml"}) {
      for (const std::string& name : names) {
        if (!name.ends_with(ending)) continue;
        std::string as = name.substr(0, name.size() - ending.size()), file = joined(folder, name);
        if (root->members.contains(as)) {
          out_.issues.push_back({Issue::Severity::warning, "", "is not read: another settings file gives ." + as + " already", file});
          continue;
        }
        Value v;
        if (read_settings(file, v)) root->members.insert_or_assign(as, v);
      }
    }
    return root;
  }

  bool read_settings(const std::string& path, Value& out) {
    const File* file = read(path);
    if (!file) return false;
    SyntaxFault fault;
    auto tree = config::parse(format_of(path), file->text, fault);
    if (!tree) return add(Issue::Severity::error, {file, fault.offset, fault.message}), false;
    if (tree->is_null()) tree->emplace_object();
    if (!tree->is_object()) return add(Issue::Severity::error, {file, 0, "settings are an object at the top; this is none"}), false;
    out = rendered_->heap.from_json(*tree, file->name);
    return true;
  }

  const File* include(const std::string& folder, const std::string& name, std::string* why) {
    auto known = partials_.find(name);
    if (known != partials_.end()) return known->second;
    std::string path = joined(folder, name);
    auto text = read_whole(path, why);
    if (!text) {
      *why = path + " " + *why + (folder.empty() ? "; FC_PARTIALS names no folder" : "") + near(folder, name);
      return nullptr;
    }
    out_.files.push_back(path);
    rendered_->heap.charge(text->size());
    return partials_[name] = &rendered_->files.emplace_back(File{path, std::move(*text)});
  }

  static std::string near(const std::string& folder, const std::string& name) {
    std::vector<std::string> names;
    std::error_code ec;
    for (fs::directory_iterator it{folder.empty() ? "." : folder, ec}, end; !ec && it != end && names.size() < 1000; it.increment(ec))
      names.push_back(it->path().filename());
    std::string_view best = nearest(name, names);
    return best.empty() ? std::string{} : " (did you mean " + go_quote(best) + "?)";
  }

  const std::string& path_;
  const Environment& environment_;
  std::shared_ptr<Rendered> rendered_ = std::make_shared<Rendered>();
  std::map<std::string, const File*> partials_;
  Result out_;
  bool failed_ = false;
};

}  // namespace

bool enabled(const Environment& e) {
  std::string value = to_lower(of(e, "FC_ENABLE"));
  return !value.empty() && value != "0" && value != "false" && value != "no";
}

Result render(const std::string& path, const Environment& environment) { return Rendering{path, environment}.run(); }

std::string describe(const Origin& o) {
  switch (o.kind) {
    case Origin::Kind::setting: return std::string{o.file} + (o.pointer.empty() ? "" : " " + std::string{o.pointer});
    case Origin::Kind::environment: return "the environment variable " + std::string{o.pointer};
    case Origin::Kind::partial: return std::string{o.file};
    default: return {};
  }
}

}  // namespace sluice::config::tmpl
