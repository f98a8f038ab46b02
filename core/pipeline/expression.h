// Conditions of the block `sluice`: {resp0.status} == 200 && ({resp0_kind} == 'a' || !{resp0_done}).
//
//   or      = and *( "||" and )
//   and     = not *( "&&" not )
//   not     = "!" not / compare
//   compare = value [ ( "==" / "!=" / "<" / "<=" / ">" / ">=" ) value ]
//   value   = "(" or ")" / "{" reference "}" / 'text' / "text" / number / true / false / null
//
// A value alone holds unless it is missing, null, false, 0, "" or empty. A text is compared with a number as a number if it
// is one; other kinds are never equal, and never less or greater. What is missing is null. Parsed at load, immutable then;
// evaluated on a worker without allocation of its own.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/pipeline/reference.h"

namespace sluice::pipeline {

class Expression {
 public:
  static constexpr size_t kMaxLength = 2000;
  static constexpr uint32_t kMaxDepth = 32;
  // nullopt: *why says what was found where.
  static std::optional<Expression> parse(std::string_view text, const ReferenceNames&, std::string* why);
  bool holds(ReferenceValues&) const;
  void each(const auto& visit) const {
    for (const Step& s : steps_)
      if (s.reference) visit(*s.reference);
  }

 private:
  enum class Op : uint8_t { value, negate, both, either, equal, unequal, less, less_equal, greater, greater_equal };
  struct Step {  // a node of the tree; operands come before it
    Op op = Op::value;
    uint32_t left = 0, right = 0;
    std::optional<Reference> reference;  // value: this, or the literal
    document::Node literal{};
    std::string text{};                  // of the literal
  };
  struct Value {
    document::Kind kind = document::Kind::null;
    bool truth = false;
    std::string_view text{};
  };
  class Parser;
  Value value(uint32_t, ReferenceValues&) const;
  bool compare(const Step&, ReferenceValues&) const;
  std::vector<Step> steps_;  // the last one is the root
};

}  // namespace sluice::pipeline
