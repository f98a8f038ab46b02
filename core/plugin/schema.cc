#include "core/plugin/schema.h"

#define VALIJSON_USE_EXCEPTIONS 1
#include <valijson/adapters/boost_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include <algorithm>
#include <boost/json/parse.hpp>

#include "core/config/report.h"

namespace sluice::plugin {

struct Schema::Compiled {
  valijson::Schema schema;
};

Schema::~Schema() = default;

Result<std::shared_ptr<const Schema>, Problem> Schema::compile(std::string_view text) {
  std::shared_ptr<Schema> s{new Schema};
  boost::json::error_code ec;
  s->document_ = boost::json::parse(text, ec);
  if (ec) return Problem{"is not valid JSON: " + ec.message()};
  if (!s->document_.is_object() && !s->document_.is_bool()) return Problem{"is neither an object nor a boolean"};
  s->compiled_ = std::make_unique<Compiled>();
  try {  // valijson throws; nothing of it leaves this file
    valijson::SchemaParser parser{valijson::SchemaParser::kDraft7};
    valijson::adapters::BoostJsonAdapter adapter{s->document_};
    parser.populateSchema(adapter, s->compiled_->schema);
  } catch (const std::exception& e) {
    return Problem{std::string{"cannot be used: "} + e.what()};
  }
  return std::shared_ptr<const Schema>{std::move(s)};
}

namespace {

// valijson's context: "<root>", "[key]", "[3]".
std::string pointer_of(const std::string& base, const std::vector<std::string>& context) {
  std::string p = base;
  for (size_t i = 1; i < context.size(); ++i) {
    std::string_view token = context[i];
    if (token.size() >= 2 && token.front() == '[' && token.back() == ']') token = token.substr(1, token.size() - 2);
    p = config::join(p, token);
  }
  return p;
}

}  // namespace

std::vector<Violation> Schema::check(const boost::json::value& value, const std::string& pointer) const {
  std::vector<Violation> found;
  try {
    valijson::Validator validator{valijson::Validator::kStrongTypes};
    valijson::ValidationResults results;
    valijson::adapters::BoostJsonAdapter target{value};
    if (validator.validate(compiled_->schema, target, &results)) return found;
    explain(document_, document_, value, pointer, found);
    // A keyword that the walk does not know: the validator's own words are better than none.
    if (found.empty())
      for (const auto& e : results) {
        std::string at = pointer_of(pointer, e.context);
        bool known = std::any_of(found.begin(), found.end(), [&](const Violation& v) { return v.pointer == at; });
        if (!known) found.push_back({at, e.description});
      }
    if (found.empty()) found.push_back({pointer, "does not match the schema of the plugin"});
  } catch (const std::exception& e) {
    found.push_back({pointer, std::string{"the plugin's schema cannot be checked: "} + e.what()});
  }
  return found;
}

}  // namespace sluice::plugin
