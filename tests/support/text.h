// Small conversions that tests need on both sides of a connection.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::test {

bool is_utf8(std::string_view bytes);
std::string utf8_with_replacement(std::string_view bytes);  // each maximal broken part becomes U+FFFD
std::string latin1_to_utf8(std::string_view bytes);
std::string utf8_to_latin1(std::string_view text);          // throws Failure above U+00FF
void append_utf8(std::string& out, uint32_t code_point);    // surrogates as three bytes
std::string base64(std::string_view bytes);
std::string from_base64(std::string_view text);
std::string sha256_hex(std::string_view bytes);
std::string gzip(std::string_view bytes);
std::string gunzip(std::string_view bytes);
std::string replace_all(std::string text, std::string_view from, std::string_view to);
bool glob_match(std::string_view pattern, std::string_view text);  // only * is special
std::string read_file(const std::string& path);                    // "" if it cannot be read
std::string http_date();

}  // namespace sluice::test
