// Who may ask for an account of an answer, and how: a request header that is signed. docs/explain.md.
//
//   X-Sluice-Explain: <unix seconds>.<top|nested>.<64 hexadecimal digits>
//
// The digits are the HMAC-SHA256, with the shared secret, of "sluice-explain-1", the method, the target as sent, the seconds and
// the depth, each on a line. So a header is good for one request and a short time. [any]
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "core/config/model.h"

namespace sluice::pipeline {

inline constexpr std::string_view kExplainHeader = "X-Sluice-Explain";

enum class AccountDepth : uint8_t {
  top,     // the members of the answer's object
  nested,  // what is in them, too: down to values and lists
};
std::string_view to_string(AccountDepth);

// The header's value.
std::string sign_explain(std::string_view secret, std::string_view method, std::string_view target, AccountDepth, uint64_t unix_seconds);
// Of this process and nobody else: for those who may use its admin socket. Made at the first call; never in a configuration.
const std::string& process_explain_secret();

struct ExplainVerdict {
  std::string_view refused;  // static text; empty: granted
  AccountDepth depth = AccountDepth::top;
};
ExplainVerdict judge_explain(const config::Explain&, std::string_view value, std::string_view method, std::string_view target, uint64_t unix_seconds);

}  // namespace sluice::pipeline
