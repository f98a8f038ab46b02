// A GraphQL operation as GraphQL over HTTP sends it: compiled once, filled for each request. Immutable, any thread.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace graphql {

// A variable as the configuration gives it: JSON text, or the name of a request parameter.
struct Variable {
  std::string key, text;
  bool placeholder = false;  // text is a parameter's name; its value is sent as a JSON string, whatever it looks like
};

// "{id}" names the parameter `id`: a text that begins with '{' and ends with '}', with nothing around it. Empty: none.
std::string_view placeholder_name(std::string_view text);

class Operation {
 public:
  // Gives a parameter's value, empty if there is none.
  using Lookup = std::function<std::string_view(std::string_view name)>;

  // `name` may be empty. Variables are sent in the order of their names, as the reference does.
  Operation(std::string query, std::string name, std::vector<Variable> variables);

  // False: body() is the same for every request.
  bool has_placeholders() const { return has_placeholders_; }
  // The variables of a query as a JSON object, empty when there are none. Replaces `out`.
  void variables(const Lookup&, std::string& out) const;
  // The variables of a mutation: the members of the JSON object `body`, and those of the configuration that it lacks, placeholders
  // as they stand. Text and numbers stay as the client wrote them; of equal keys the last one counts. Empty answer: all went
  // well, and out is the object, or empty. Otherwise what is wrong with the body.
  std::string merged(std::string_view body, std::string& out) const;
  // The request's body around such variables. Replaces `out`.
  void body(std::string_view variables, std::string& out) const;
  // The same as parameters of a URL: query=…&operationName=…&variables=….
  void parameters(std::string_view variables, std::string& out) const;

 private:
  std::string query_, name_, head_;
  std::vector<Variable> variables_;
  bool has_placeholders_ = false;
};

}  // namespace graphql
