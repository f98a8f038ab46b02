// Other character sets → UTF-8, by the labels that web pages use (WHATWG Encoding §4.2; encodings.md §5).
#pragma once
#include <string>
#include <string_view>

namespace sluice::xml {

enum class Charset { converted, already_utf8, unknown };

// converted: `out` is the text in UTF-8, each byte that means nothing in the character set as U+FFFD.
Charset to_utf8(std::string_view label, std::string_view text, std::string* out);

}  // namespace sluice::xml
