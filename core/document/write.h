// JSON text for the core's own small answers (health, debug, errors as data) and for tests. Client bodies are written by
// encoder plugins.
#pragma once
#include <string>

#include "core/document/node.h"

namespace sluice::document {

// Compact JSON, members in document order. Strings: only what RFC 8259 §7 demands is escaped; invalid UTF-8 becomes U+FFFD.
std::string to_json(Arena&, Node&);
// Appends a JSON string literal, quotes included.
void append_json_string(std::string& out, std::string_view characters);

}  // namespace sluice::document
