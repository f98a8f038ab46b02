// {resp0_user.id}, {resp0.status}, {id}, {header.X-Tenant}, {query.page}: values that templates and conditions of the block
// `sluice` name. Parsed at load with every name checked; looked up on a worker.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/document/node.h"

namespace sluice::pipeline {

struct Reference {
  enum class Of : uint8_t { parameter, header, query, data, status };
  Of of = Of::parameter;
  uint32_t step = 0;              // data, status
  std::string name;               // parameter, header, query
  std::vector<std::string> path;  // data: below the step's answer; a label of a list is its index
  bool of_step() const { return of >= Of::data; }
  std::string text() const;       // as it is written, for people
};

// The names that may be used at an endpoint.
struct ReferenceNames {
  std::vector<std::string> parameters;
  bool any_header = false, any_query = false;
  std::vector<std::string> headers, queries;  // let through by the endpoint
  uint32_t steps = 0;                         // backends that answer; 0: none may be named
};

// What stands between the braces. nullopt: *why says what is wrong.
std::optional<Reference> parse_reference(std::string_view inside, const ReferenceNames&, std::string* why);
// The text between braces at the beginning of `s` when it has the characters of a name; empty: the brace is just a brace.
std::string_view braced_name(std::string_view s);

// Finds what references stand for, for one request. Lives on a worker.
class ReferenceValues {
 public:
  explicit ReferenceValues(Arena& memory) : memory_{&memory} {}
  // nullptr: there is nothing. The node lives as long as the request.
  virtual document::Node* find(const Reference&) = 0;
  Arena& memory() { return *memory_; }

 protected:
  ~ReferenceValues() = default;

 private:
  Arena* memory_;
};

// Walks down `path`, lists by index; nullptr: it does not lead anywhere.
document::Node* walk(Arena&, document::Node& from, const std::vector<std::string>& path);
document::Node* walk(Arena&, document::Node& from, std::string_view dotted);

// A text with references in it.
class Template {
 public:
  static std::optional<Template> parse(std::string_view text, const ReferenceNames&, std::string* why);
  // False: *missing is the reference that has no value (null is none).
  bool render(ReferenceValues&, std::string_view* out, const Reference** missing) const;
  // The text is one reference and nothing else; nullptr: it is not.
  const Reference* alone() const { return pieces_.size() == 1 && pieces_[0].reference ? &*pieces_[0].reference : nullptr; }
  void each(const auto& visit) const {
    for (const Piece& p : pieces_)
      if (p.reference) visit(*p.reference);
  }

 private:
  struct Piece {
    std::string text;
    std::optional<Reference> reference;
  };
  std::vector<Piece> pieces_;
};

}  // namespace sluice::pipeline
