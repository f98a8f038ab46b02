// Documents → XML (pipeline.md §8.2).
#pragma once
#include <string>

#include "sluice/plugin.hpp"

namespace sluice::xml {

inline constexpr char kContentType[] = "application/xml";

// False: the document has no form in XML (an attribute that is no scalar, "#text" beside elements).
bool render(Value data, std::string* out);

// Writes the body. What cannot be rendered is an empty body, and a line in the log.
Status encode(Exchange, Value data);

}  // namespace sluice::xml
