// ed25519 signatures (RFC 8032) of plugin files and their lists. Pure but for the reading of key files. [any]
#pragma once
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace sluice::plugin {

inline constexpr size_t kSignatureSize = 64;

// `key_file`: PEM, as `openssl pkey -pubout` writes it. Problem: the key cannot be read, or the signature is not its one.
Result<bool, Problem> verify_signature(const std::string& key_file, std::string_view message, std::string_view signature);
// `key_file`: PEM, as `openssl genpkey -algorithm ed25519` writes it; without a passphrase.
Result<std::string, Problem> sign(const std::string& key_file, std::string_view message);

}  // namespace sluice::plugin
