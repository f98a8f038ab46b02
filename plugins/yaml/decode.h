// YAML bodies → documents, with the rules that JSON bodies have (encodings.md §2).
#pragma once
#include <string>
#include <string_view>

#include "sluice/plugin.hpp"

namespace sluice::yaml {

// The first document: a mapping or null; with `collection` a sequence or null, put under "collection". False: *why tells a
// person.
bool decode(std::string_view body, bool collection, Builder&, std::string* why);

}  // namespace sluice::yaml
