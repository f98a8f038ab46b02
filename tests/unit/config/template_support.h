// Rendering small templates in tests.
#pragma once
#include <gtest/gtest.h>

#include "core/config/syntax.h"
#include "core/config/template/evaluator.h"

namespace sluice::config::tmpl {

// What a template gives, or what is wrong with it.
struct Outcome {
  std::string text, error;
  std::string at;  // "line:column" of the error
  std::vector<std::string> remarks;
  Rendered rendered;
};

inline void render_into(Outcome& out, std::string text, const std::string& data = "{}", const std::map<std::string, std::string>& environment = {}) {
  SyntaxFault syntax;
  auto tree = parse_json(data, syntax);
  ASSERT_TRUE(tree) << syntax.message;
  const File& file = out.rendered.files.emplace_back(File{"main.tmpl", std::move(text)});
  Fault fault;
  Trees trees;
  std::vector<Fault> remarks;
  Services services;
  services.environment = &environment;
  services.partial = [](const std::string& name, std::string* why) -> const File* {
    *why = name + " cannot be opened";
    return nullptr;
  };
  bool ok = parse(file, "main.tmpl", unknown_function, trees, fault) &&
            evaluate(trees, "main.tmpl", out.rendered.heap.from_json(*tree), services, out.rendered, remarks, fault);
  for (const Fault& r : remarks) out.remarks.push_back(r.message);
  if (ok) {
    out.text = out.rendered.text;
    return;
  }
  out.error = fault.message;
  ASSERT_NE(fault.file, nullptr);
  ASSERT_LE(fault.offset, fault.file->text.size());
  LineColumn at = line_column(fault.file->text, fault.offset);
  out.at = std::to_string(at.line) + ":" + std::to_string(at.column);
}

}  // namespace sluice::config::tmpl
