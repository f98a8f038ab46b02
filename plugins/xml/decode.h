// XML bodies → documents (encodings.md §5).
#pragma once
#include <string>
#include <string_view>

#include "sluice/plugin.hpp"

namespace sluice::xml {

// Builds {"<root name>": value}, with `collection` under that name. False: *why tells a person.
bool decode(std::string_view body, bool collection, Builder&, std::string* why);

}  // namespace sluice::xml
