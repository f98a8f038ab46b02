// Reads the one thing that matters of an introspection answer (RFC 7662 §2.2): {"active": true, …}.
#pragma once
#include <optional>
#include <string_view>

namespace example {

// The value of the member "active" of a JSON object; nullopt when the text is no JSON object, has no such member, has it twice
// or has it as anything but true or false. A guard must not guess: two readers that understand one text differently are how
// guards are got around.
std::optional<bool> active_of(std::string_view json);

}  // namespace example
