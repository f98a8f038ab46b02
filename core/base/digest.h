// SHA-256 (FIPS 180-4) and HMAC with it (RFC 2104). Pure. [any]
#pragma once
#include <string>
#include <string_view>

namespace sluice {

std::string sha256(std::string_view bytes);      // 32 bytes
std::string sha256_hex(std::string_view bytes);  // 64 small hexadecimal digits
std::string hmac_sha256_hex(std::string_view key, std::string_view bytes);  // as many

}  // namespace sluice
