// Any bytes as a template: it is read or refused at a place inside of it, runs within its bounds, and every byte of the result came
// from a place inside of it.
#include <cstdint>
#include <cstdlib>

#include "core/config/syntax.h"
#include "core/config/template/evaluator.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice::config;
  using namespace sluice::config::tmpl;
  static const std::map<std::string, std::string> environment{{"A", "x"}};
  SyntaxFault syntax;
  auto settings = parse_json(R"({"s": "text", "n": 5, "l": ["a", 2, null, {"p": "/x"}], "m": {"x": 1, "y": {"z": [true]}}, "e": {}})", syntax);
  Rendered out;
  const File& file = out.files.emplace_back(File{"fuzz.tmpl", std::string{reinterpret_cast<const char*>(data), size}});
  const File& partial = out.files.emplace_back(File{"part", "a\nb"});
  Services services;
  services.environment = &environment;
  services.max_steps = 20'000;
  services.partial = [&](const std::string& name, std::string* why) -> const File* {
    if (name == "part") return &partial;
    *why = "is not there";
    return nullptr;
  };
  Trees trees;
  Fault fault;
  std::vector<Fault> remarks;
  bool ok = parse(file, "fuzz.tmpl", unknown_function, trees, fault) &&
            evaluate(trees, "fuzz.tmpl", out.heap.from_json(*settings, "settings.json"), services, out, remarks, fault);
  if (!ok && (fault.file != &file || fault.offset > size || fault.message.empty())) std::abort();
  for (const Fault& r : remarks)
    if (r.file != &file || r.offset > size) std::abort();
  for (size_t at = 0; ok && at < out.text.size(); at += 1 + out.text.size() / 50) {
    Place place = out.map.at(at);
    if (!place.file || place.offset > place.file->text.size()) std::abort();
    (void)line_column(place.file->text, place.offset);
  }
  return 0;
}
