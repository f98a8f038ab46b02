// What the contexts of both sides are made of: numbers of the IANA registries, files, and what OpenSSL says about them.
// For start-up and reload only.
#pragma once
#include <openssl/ssl.h>

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::http {

// The newest error of this thread's queue as text. Also for the cases that OpenSSL names by its own parts ("no start line").
std::string openssl_reason();
// Why a file is no `wanted`: "… cannot be read: No such file or directory", or what OpenSSL said of its content.
std::string file_trouble(const std::string& path, const char* wanted);

// IANA "TLS Supported Groups" that OpenSSL has; nullptr: it has no such.
const char* tls_group_name(int id);
// OpenSSL's name of an IANA cipher suite, TLS 1.3 included; nullptr: it has no such. `probe` is any SSL.
const char* tls_cipher_name(SSL* probe, int id);
inline bool is_tls13_cipher(int id) { return (id >> 8) == 0x13; }

// A PEM file, or a folder of them with the hash names that openssl rehash makes. 1: good.
int load_authorities(SSL_CTX*, const std::string& path);

// Collects what a context is made of; equal digests mean that a new one would be no different.
class TlsFingerprint {
 public:
  void number(int64_t n) { text_ += std::to_string(n) + ","; }
  void numbers(const std::vector<int>& list);
  void file(const std::string& path);  // its content; of a folder its date
  void date(const char* path);         // modification time and size
  void system_authorities();
  // Once. Private keys must not lie about in memory a second time: what was collected is wiped.
  std::string digest();

 private:
  std::string text_;
};

}  // namespace sluice::http
