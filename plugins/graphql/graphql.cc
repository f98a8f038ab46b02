// `backend/graphql`: an endpoint like any other in front, GraphQL over HTTP behind. The answer is an ordinary one: its data
// stands under "data", and errors that GraphQL reports in a 200 are data, too.
#include <cerrno>
#include <cstring>
#include <fstream>

#include <sluice/plugin.hpp>

#include "operation.h"
#include "schema.h"

namespace {

using graphql::Operation;
using graphql::Variable;
using sluice::Action;
using sluice::Exchange;
using sluice::Level;

constexpr size_t kLongestDocument = size_t{4} << 20;

bool same(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] | 32) : text[i]) != lower[i]) return false;
  }
  return true;
}

// An `around` that runs its inside once: so the body of the client is here as a whole, on raw endpoints too, when a mutation
// looks at it.
class GraphQl {
 public:
  static constexpr auto name = "backend/graphql";
  static constexpr const char* aliases[] = {"github.com/devopsfaith/krakend/transport/http/client/graphql"};
  static constexpr auto scopes = sluice::scope::backend;
  static constexpr int32_t stage = 100;
  static constexpr auto schema = kSchema;

  // Texts that are put together for each request; they keep their room.
  struct PerWorker {
    std::string variables, text, query;
  };

  explicit GraphQl(sluice::Setup& setup)
      : content_type_{setup.header("Content-Type")}, content_length_{setup.header("Content-Length")} {
    const std::string type = setup.text("type", "");
    mutation_ = same(type, "mutation");
    get_ = same(setup.text("method", "POST"), "get");
    silent_get_ = setup.boolean("get_without_parameters", false);
    std::string query = setup.text("query", "");
    if (const std::string path = setup.text("query_path", ""); !path.empty()) query = read(setup, path);
    const std::string operation = setup.text("operationName", "");
    std::vector<Variable> variables;
    setup.each("variables", [&](std::string_view key, sluice::Setup v) { variables.push_back(variable(key, v.value())); });
    if (!mutation_ && !same(type, "query")) {
      setup.warning("", "has no \"type\" that is \"query\" or \"mutation\", so it does nothing");
      setup.nothing();
      return;
    }
    if (query.empty()) setup.warning("", "has neither \"query\" nor \"query_path\": the service gets an empty document");
    operation_.emplace(std::move(query), operation, std::move(variables));
    if (!mutation_ && !operation_->has_placeholders()) {
      std::string all;
      operation_->variables([](std::string_view) { return std::string_view{}; }, all);
      wrap(all, fixed_);
    }
    setup.log(Level::debug, "[GraphQL] Operation: ", mutation_ ? "mutation" : "query", ", Method: ", get_ ? "GET" : "POST");
  }

  Action on_call(Exchange x, PerWorker& worker) const {
    std::string_view text = fixed_;
    if (mutation_) {
      if (const std::string why = operation_->merged(x.body(), worker.variables); !why.empty()) return x.fail(0, why);
      wrap(worker.variables, worker.text);
      text = worker.text;
    } else if (operation_->has_placeholders()) {
      operation_->variables([&](std::string_view parameter) { return value_of(x, parameter); }, worker.variables);
      wrap(worker.variables, worker.text);
      text = worker.text;
    }
    const sluice::Message request = x.request();
    request.set_header(content_type_, "application/json");
    if (get_) {
      x.set_method("GET");
      request.set_body({});
      request.remove_header(content_length_);
      if (silent_get_) return sluice::next;
      worker.query = x.query();
      if (!worker.query.empty()) worker.query += '&';
      worker.query += text;
      return x.set_query(worker.query) ? sluice::next : x.fail(0, "the query of the URL cannot be set");
    }
    x.set_method("POST");
    request.set_body(text);
    char digits[24];
    request.set_header(content_length_, {digits, static_cast<size_t>(std::to_chars(digits, digits + sizeof digits, text.size()).ptr - digits)});
    return sluice::next;
  }

 private:
  static Variable variable(std::string_view key, sluice::Value v) {
    Variable out{std::string{key}, {}, false};
    if (const std::string_view parameter = v.is_string() ? graphql::placeholder_name(v.text()) : std::string_view{}; !parameter.empty()) {
      out.text = parameter;
      out.placeholder = true;
    } else {
      sluice::append_json(out.text, v);
    }
    return out;
  }

  static std::string read(sluice::Setup& setup, const std::string& path) {
    errno = 0;
    std::ifstream file{path, std::ios::binary};
    std::string text(kLongestDocument + 1, '\0');
    if (file.is_open()) file.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (!file.is_open() || file.bad()) {
      setup.error("query_path", "open " + path + ": " + std::strerror(errno ? errno : EIO));
      return {};
    }
    text.resize(static_cast<size_t>(file.gcount()));
    if (text.size() > kLongestDocument) setup.error("query_path", path + " is longer than 4 MiB");
    return text;
  }

  // Parameters have the name that the endpoint gave them; those of earlier answers and of tokens begin with a capital.
  static std::string_view value_of(Exchange x, std::string_view parameter) {
    if (const std::string_view v = x.param(parameter); v.data() != nullptr) return v;
    std::string other{parameter};
    const char c = other[0];
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) other[0] = static_cast<char>(c ^ 32);
    return x.param(other);
  }

  // What is sent around these variables: a body, or parameters of the URL.
  void wrap(std::string_view variables, std::string& out) const {
    if (get_) operation_->parameters(variables, out);
    else operation_->body(variables, out);
  }

  sluice::Header content_type_, content_length_;
  bool mutation_ = false, get_ = false, silent_get_ = false;
  std::optional<Operation> operation_;
  std::string fixed_;  // of a query without placeholders: what is sent each time
};

}  // namespace

SLC_PLUGIN("sluice.graphql", "1.0.0", GraphQl)
