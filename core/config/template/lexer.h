// Splits a template at its {{ … }} into texts and the tokens of actions. Pure.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/config/template/syntax_tree.h"

namespace sluice::config::tmpl {

struct Token {
  enum class Kind : uint8_t {
    text,        // between actions, white space at trim markers taken off; never empty
    open, close, // {{ and }}
    word,        // name of a function, or a keyword
    field,       // .name
    variable,    // $ or $name
    dot,
    number,
    character,   // 'a'
    quoted,      // "…"
    raw,         // `…`
    assign,      // =
    declare,     // :=
    pipe, comma, left, right,
    end,
  } kind = Kind::end;
  size_t at = 0, size = 0;
  bool spaced = false;  // white space stands before it

  std::string_view of(std::string_view text) const { return text.substr(at, size); }
};

// False: `fault` says where and why. The last token is `end`.
bool lex(const File&, std::vector<Token>&, Fault& fault);

}  // namespace sluice::config::tmpl
