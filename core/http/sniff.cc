#include "core/http/sniff.h"

#include <cstdint>

namespace sluice::http {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kText = "text/plain; charset=utf-8", kHtml = "text/html; charset=utf-8";

bool is_space(char c) { return c == '\t' || c == '\n' || c == '\f' || c == '\r' || c == ' '; }

constexpr std::string_view kTags[] = {"<!DOCTYPE HTML", "<HTML", "<HEAD", "<SCRIPT", "<IFRAME", "<H1", "<DIV", "<FONT", "<TABLE",
                                      "<A", "<STYLE", "<TITLE", "<B", "<BODY", "<BR", "<P", "<!--"};

// A tag in any case, and whatever ends its name.
bool begins_tag(std::string_view s, std::string_view tag) {
  if (s.size() <= tag.size()) return false;
  for (size_t i = 0; i < tag.size(); ++i) {
    const bool letter = tag[i] >= 'A' && tag[i] <= 'Z';
    if ((letter ? static_cast<char>(s[i] & 0xDF) : s[i]) != tag[i]) return false;
  }
  return s[tag.size()] == ' ' || s[tag.size()] == '>';
}

// `pattern`: '?' stands for any byte, as none of them has one of its own. The order is Go's: several may fit.
struct Signature {
  std::string_view pattern, type;
};
constexpr Signature kSignatures[] = {
    {"%PDF-"sv, "application/pdf"},
    {"%!PS-Adobe-"sv, "application/postscript"},
    {"\xFE\xFF??"sv, "text/plain; charset=utf-16be"},
    {"\xFF\xFE??"sv, "text/plain; charset=utf-16le"},
    {"\xEF\xBB\xBF?"sv, kText},
    {"\0\0\x01\0"sv, "image/x-icon"},
    {"\0\0\x02\0"sv, "image/x-icon"},
    {"BM"sv, "image/bmp"},
    {"GIF87a"sv, "image/gif"},
    {"GIF89a"sv, "image/gif"},
    {"RIFF????WEBPVP"sv, "image/webp"},
    {"\x89PNG\r\n\x1A\n"sv, "image/png"},
    {"\xFF\xD8\xFF"sv, "image/jpeg"},
    {"FORM????AIFF"sv, "audio/aiff"},
    {"ID3"sv, "audio/mpeg"},
    {"OggS\0"sv, "application/ogg"},
    {"MThd\0\0\0\x06"sv, "audio/midi"},
    {"RIFF????AVI "sv, "video/avi"},
    {"RIFF????WAVE"sv, "audio/wave"},
    {""sv, "video/mp4"},  // is_mp4()
    {"\x1A\x45\xDF\xA3"sv, "video/webm"},
    {"??????????????????????????????????LP"sv, "application/vnd.ms-fontobject"},
    {"\0\x01\0\0"sv, "font/ttf"},
    {"OTTO"sv, "font/otf"},
    {"ttcf"sv, "font/collection"},
    {"wOFF"sv, "font/woff"},
    {"wOF2"sv, "font/woff2"},
    {"\x1F\x8B\x08"sv, "application/x-gzip"},
    {"PK\x03\x04"sv, "application/zip"},
    {"Rar!\x1A\x07\0"sv, "application/x-rar-compressed"},
    {"Rar!\x1A\x07\x01\0"sv, "application/x-rar-compressed"},
    {"\0asm"sv, "application/wasm"},
};

bool fits(std::string_view s, std::string_view pattern) {
  if (s.size() < pattern.size()) return false;
  for (size_t i = 0; i < pattern.size(); ++i)
    if (pattern[i] != '?' && pattern[i] != s[i]) return false;
  return true;
}

// A box "ftyp" that names a brand beginning with "mp4", and is here as a whole.
bool is_mp4(std::string_view s) {
  if (s.size() < 12) return false;
  uint32_t size = 0;
  for (int i = 0; i < 4; ++i) size = size << 8 | static_cast<unsigned char>(s[static_cast<size_t>(i)]);
  if (s.size() < size || size % 4 != 0 || s.substr(4, 4) != "ftyp") return false;
  for (size_t at = 8; at < size; at += 4)
    if (at != 12 && s.substr(at, 3) == "mp4") return true;  // at 12 stands the version of the brand before
  return false;
}

bool is_binary(char c) {
  const auto b = static_cast<unsigned char>(c);
  return b <= 0x08 || b == 0x0B || (b >= 0x0E && b <= 0x1A) || (b >= 0x1C && b <= 0x1F);
}

}  // namespace

std::string_view sniff_content_type(std::string_view s) {
  s = s.substr(0, kSniffed);
  size_t blank = 0;
  while (blank < s.size() && is_space(s[blank])) ++blank;
  const std::string_view visible = s.substr(blank);
  for (std::string_view tag : kTags)
    if (begins_tag(visible, tag)) return kHtml;
  if (visible.starts_with("<?xml")) return "text/xml; charset=utf-8";
  for (const Signature& known : kSignatures)
    if (known.pattern.empty() ? is_mp4(s) : fits(s, known.pattern)) return known.type;
  for (char c : visible)
    if (is_binary(c)) return "application/octet-stream";
  return kText;
}

}  // namespace sluice::http
