#include "core/pipeline/account_request.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <cstdlib>

#include "core/base/digest.h"
#include "core/base/text.h"

namespace sluice::pipeline {
namespace {

constexpr size_t kSecret = 32;  // bytes of the process's own

std::string digest(std::string_view secret, std::string_view method, std::string_view target, std::string_view seconds, std::string_view depth) {
  std::string text = "sluice-explain-1\n";
  for (std::string_view line : {method, target, seconds, depth}) (text += line) += '\n';
  return hmac_sha256_hex(secret, text);
}

bool same(std::string_view a, std::string_view b) { return a.size() == b.size() && !a.empty() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0; }

}  // namespace

std::string_view to_string(AccountDepth d) { return d == AccountDepth::nested ? "nested" : "top"; }

std::string sign_explain(std::string_view secret, std::string_view method, std::string_view target, AccountDepth depth, uint64_t unix_seconds) {
  const std::string seconds = std::to_string(unix_seconds);
  return seconds + "." + std::string{to_string(depth)} + "." + digest(secret, method, target, seconds, to_string(depth));
}

const std::string& process_explain_secret() {
  static const std::string secret = [] {
    unsigned char random[kSecret];
    if (RAND_bytes(random, sizeof random) != 1) std::abort();  // without chance nothing here is safe
    return std::string{reinterpret_cast<const char*>(random), sizeof random};
  }();
  return secret;
}

ExplainVerdict judge_explain(const config::Explain& rule, std::string_view value, std::string_view method, std::string_view target, uint64_t now) {
  ExplainVerdict verdict;
  const size_t first = value.find('.'), second = first == value.npos ? first : value.find('.', first + 1);
  if (second == value.npos) return {"malformed", {}};
  const std::string_view seconds = value.substr(0, first), depth = value.substr(first + 1, second - first - 1), signature = value.substr(second + 1);
  auto when = parse_decimal<uint64_t>(seconds);
  if (!when || (depth != "top" && depth != "nested")) return {"malformed", {}};
  verdict.depth = depth == "nested" ? AccountDepth::nested : AccountDepth::top;
  // Both are computed, whatever the first one says: time tells nothing about either.
  const bool by_process = same(signature, digest(process_explain_secret(), method, target, seconds, depth));
  const bool by_secret = !rule.secret.empty() && same(signature, digest(rule.secret, method, target, seconds, depth));
  if (!by_process && !by_secret) return {"wrong signature", {}};
  // Clocks differ a little in both directions.
  const auto age = static_cast<uint64_t>(rule.max_age.count() / 1'000'000'000);
  if (*when > now + age || now > *when + age) return {"expired", {}};
  return verdict;
}

}  // namespace sluice::pipeline
