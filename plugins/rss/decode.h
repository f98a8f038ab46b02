// Feeds → documents (encodings.md §6).
#pragma once
#include <string>
#include <string_view>

#include "sluice/plugin.hpp"

namespace sluice::rss {

// False: *why tells a person.
bool decode(std::string_view body, Builder&, std::string* why);

}  // namespace sluice::rss
