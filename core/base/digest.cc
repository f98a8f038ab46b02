#include "core/base/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace sluice {
namespace {

std::string hex(std::string_view bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto octet = static_cast<unsigned char>(c);
    (out += kHex[octet >> 4]) += kHex[octet & 15];
  }
  return out;
}

}  // namespace

std::string sha256(std::string_view bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned n = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest, &n, EVP_sha256(), nullptr);
  return {reinterpret_cast<char*>(digest), n};
}

std::string sha256_hex(std::string_view bytes) { return hex(sha256(bytes)); }

std::string hmac_sha256_hex(std::string_view key, std::string_view bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned n = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest, &n);
  return hex({reinterpret_cast<char*>(digest), n});
}

}  // namespace sluice
