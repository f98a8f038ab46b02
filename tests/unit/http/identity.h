// Certificates made on the spot.
#pragma once
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <string>

namespace sluice::http {

// A key and a certificate, self-signed or signed by `issuer`.
struct Identity {
  EVP_PKEY* key = nullptr;
  X509* certificate = nullptr;

  Identity(const std::string& name, const std::string& alternatives, const Identity* issuer, bool authority) {
    key = EVP_EC_gen("P-256");
    certificate = X509_new();
    X509_set_version(certificate, 2);
    static long serial = 1;
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600 * 24);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer ? issuer->certificate : certificate));
    extension(NID_basic_constraints, authority ? "critical,CA:TRUE" : "CA:FALSE");
    if (!alternatives.empty()) extension(NID_subject_alt_name, alternatives);
    X509_sign(certificate, issuer ? issuer->key : key, EVP_sha256());
  }
  ~Identity() {
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  Identity(const Identity&) = delete;
  Identity& operator=(const Identity&) = delete;
  void extension(int nid, const std::string& value) {
    X509_EXTENSION* e = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
    X509_add_ext(certificate, e, -1);
    X509_EXTENSION_free(e);
  }
  std::string write_certificate() const {
    return write([this](FILE* f) { PEM_write_X509(f, certificate); });
  }
  std::string write_key() const {
    return write([this](FILE* f) { PEM_write_PrivateKey(f, key, nullptr, nullptr, 0, nullptr, nullptr); });
  }

 private:
  template <class F>
  static std::string write(F fill) {
    std::string path = ::testing::TempDir() + "slc_tls_XXXXXX";
    FILE* f = fdopen(mkstemp(path.data()), "w");
    fill(f);
    fclose(f);
    return path;
  }
};

}  // namespace sluice::http
