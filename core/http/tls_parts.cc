#include "core/http/tls_parts.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "core/base/digest.h"
#include "core/base/file.h"

namespace sluice::http {

std::string openssl_reason() {
  const char* text = ERR_reason_error_string(ERR_peek_last_error());
  return text ? text : "unknown error";
}

std::string file_trouble(const std::string& path, const char* wanted) {
  if (FILE* f = std::fopen(path.c_str(), "re")) {
    struct stat st;
    bool folder = ::fstat(::fileno(f), &st) == 0 && S_ISDIR(st.st_mode);
    std::fclose(f);
    if (folder) return path + " is a folder; " + wanted + " was expected";
    return path + " holds no " + wanted + " (" + openssl_reason() + ")";
  }
  return path + " cannot be read: " + std::strerror(errno);
}

const char* tls_group_name(int id) {
  switch (id) {
    case 23: return "P-256";
    case 24: return "P-384";
    case 25: return "P-521";
    case 29: return "X25519";
    case 30: return "X448";
    default: return nullptr;
  }
}

const char* tls_cipher_name(SSL* probe, int id) {
  const unsigned char wire[2] = {static_cast<unsigned char>(id >> 8), static_cast<unsigned char>(id)};
  const SSL_CIPHER* cipher = probe && id >= 0 && id <= 0xffff ? SSL_CIPHER_find(probe, wire) : nullptr;
  return cipher ? SSL_CIPHER_get_name(cipher) : nullptr;
}

int load_authorities(SSL_CTX* context, const std::string& path) {
  struct stat what;
  if (::stat(path.c_str(), &what) == 0 && S_ISDIR(what.st_mode)) return SSL_CTX_load_verify_dir(context, path.c_str());
  return SSL_CTX_load_verify_file(context, path.c_str());
}

void TlsFingerprint::numbers(const std::vector<int>& list) {
  for (int n : list) number(n);
  text_ += ';';
}

void TlsFingerprint::date(const char* path) {
  struct stat st;
  if (!path || ::stat(path, &st) != 0) return number(-1);
  number(st.st_mtim.tv_sec), number(st.st_mtim.tv_nsec), number(st.st_size);
}

void TlsFingerprint::file(const std::string& path) {
  if (struct stat st; ::stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode)) return date(path.c_str());
  auto bytes = read_file(path);
  text_ += path + "=" + (bytes ? std::to_string(bytes->size()) + ":" + *bytes : "-") + ";";
  if (bytes) OPENSSL_cleanse(bytes->data(), bytes->size());
}

void TlsFingerprint::system_authorities() {
  date(X509_get_default_cert_file());
  date(X509_get_default_cert_dir());
}

std::string TlsFingerprint::digest() {
  std::string digest = sha256(text_);
  OPENSSL_cleanse(text_.data(), text_.size());
  text_.clear();
  return digest;
}

}  // namespace sluice::http
