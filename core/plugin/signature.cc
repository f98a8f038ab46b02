#include "core/plugin/signature.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>

namespace sluice::plugin {
namespace {

struct Free {
  void operator()(BIO* p) const { BIO_free(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(EVP_MD_CTX* p) const { EVP_MD_CTX_free(p); }
};
using Bio = std::unique_ptr<BIO, Free>;
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Context = std::unique_ptr<EVP_MD_CTX, Free>;

Problem unreadable(const std::string& file, const char* what, const char* make) {
  ERR_clear_error();
  return Problem{file + ": " + what + ". Make one: " + make};
}

constexpr const char* kMakePrivate = "openssl genpkey -algorithm ed25519 -out private.pem";
constexpr const char* kMakePublic = "openssl pkey -in private.pem -pubout -out public.pem";

// Never asks on the terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

Result<std::shared_ptr<EVP_PKEY>, Problem> read_key(const std::string& file, bool secret) {
  const char* make = secret ? kMakePrivate : kMakePublic;
  Bio bio{BIO_new_file(file.c_str(), "r")};
  if (!bio) return unreadable(file, "the key file cannot be opened", make);
  Key key{secret ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr)
                 : PEM_read_bio_PUBKEY(bio.get(), nullptr, no_passphrase, nullptr)};
  if (!key) return unreadable(file, secret ? "no private key in PEM form without a passphrase" : "no public key in PEM form", make);
  if (EVP_PKEY_id(key.get()) != EVP_PKEY_ED25519) return unreadable(file, "the key is not an ed25519 one", make);
  return std::shared_ptr<EVP_PKEY>{key.release(), EVP_PKEY_free};
}

const unsigned char* octets(std::string_view s) { return reinterpret_cast<const unsigned char*>(s.data()); }

}  // namespace

Result<bool, Problem> verify_signature(const std::string& key_file, std::string_view message, std::string_view signature) {
  auto key = read_key(key_file, false);
  if (!key) return key.error();
  Context context{EVP_MD_CTX_new()};
  const bool good = context && signature.size() == kSignatureSize &&
                    EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key->get()) == 1 &&
                    EVP_DigestVerify(context.get(), octets(signature), signature.size(), octets(message), message.size()) == 1;
  ERR_clear_error();
  if (!good) return Problem{"not signed by the key of " + key_file};
  return true;
}

Result<std::string, Problem> sign(const std::string& key_file, std::string_view message) {
  auto key = read_key(key_file, true);
  if (!key) return key.error();
  Context context{EVP_MD_CTX_new()};
  unsigned char out[kSignatureSize];
  size_t size = sizeof out;
  const bool good = context && EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key->get()) == 1 &&
                    EVP_DigestSign(context.get(), out, &size, octets(message), message.size()) == 1 && size == kSignatureSize;
  ERR_clear_error();
  if (!good) return Problem{key_file + ": OpenSSL could not sign with this key"};
  return std::string{reinterpret_cast<const char*>(out), size};
}

}  // namespace sluice::plugin
