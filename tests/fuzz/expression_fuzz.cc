// Conditions and templates of the block `sluice`. Whatever the text: it is refused with a reason, or it is evaluated without
// looking beyond it, and says the same twice.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/pipeline/expression.h"

namespace {

using namespace sluice;
using pipeline::Reference;

class Values final : public pipeline::ReferenceValues {
 public:
  using ReferenceValues::ReferenceValues;
  document::Node* find(const Reference& r) override {
    if (r.step == 1) return nullptr;
    node_ = r.of == Reference::Of::status ? document::make_number("200") : r.path.size() % 2 ? document::make_string("12") : document::make_bool(true);
    return &node_;
  }

 private:
  document::Node node_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text{reinterpret_cast<const char*>(data), size};
  pipeline::ReferenceNames names;
  names.parameters = {"id"};
  names.any_header = names.any_query = true;
  names.steps = 3;
  BlockPool pool;
  Arena arena{pool};
  Values values{arena};
  std::string why;
  auto expression = pipeline::Expression::parse(text, names, &why);
  if (!expression && why.empty()) abort();
  if (expression && expression->holds(values) != expression->holds(values)) abort();
  why.clear();
  auto written = pipeline::Template::parse(text, names, &why);
  if (!written && why.empty()) abort();
  if (!written) return 0;
  std::string_view out, again;
  const Reference* missing = nullptr;
  if (written->render(values, &out, &missing) && (!written->render(values, &again, &missing) || out != again)) abort();
  return 0;
}
