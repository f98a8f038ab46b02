#include "charset.h"

#include <iconv.h>

#include <algorithm>
#include <cerrno>

#include "../shared/utf8.h"

namespace sluice::xml {

namespace {

struct Name {
  std::string_view label;
  const char* iconv;
};

// Labels whose meaning on the web is not what iconv takes them for: what calls itself Latin-1 is windows-1252, and so on.
// All others go to iconv as they are.
constexpr Name kNames[] = {
    {"iso-8859-1", "WINDOWS-1252"}, {"iso8859-1", "WINDOWS-1252"}, {"iso_8859-1", "WINDOWS-1252"}, {"latin1", "WINDOWS-1252"},
    {"l1", "WINDOWS-1252"},         {"us-ascii", "WINDOWS-1252"},  {"ascii", "WINDOWS-1252"},      {"x-cp1252", "WINDOWS-1252"},
    {"iso-8859-9", "WINDOWS-1254"}, {"latin5", "WINDOWS-1254"},    {"iso-8859-11", "CP874"},       {"tis-620", "CP874"},
    {"shift_jis", "CP932"},         {"shift-jis", "CP932"},        {"sjis", "CP932"},              {"x-sjis", "CP932"},
    {"windows-31j", "CP932"},       {"gb2312", "GB18030"},         {"gb_2312-80", "GB18030"},      {"gbk", "GB18030"},
    {"x-gbk", "GB18030"},           {"euc-kr", "UHC"},             {"ks_c_5601-1987", "UHC"},      {"big5", "BIG5-HKSCS"},
    {"x-x-big5", "BIG5-HKSCS"},     {"x-euc-jp", "EUC-JP"},        {"x-mac-cyrillic", "MAC-CYRILLIC"},
    {"utf-16", "UTF-16LE"},
};

struct Conversion {
  explicit Conversion(const char* from) : handle{iconv_open("UTF-8", from)} {}
  ~Conversion() {
    if (ok()) iconv_close(handle);
  }
  Conversion(const Conversion&) = delete;
  Conversion& operator=(const Conversion&) = delete;
  bool ok() const { return handle != reinterpret_cast<iconv_t>(-1); }  // NOLINT: iconv's own sign of failure
  iconv_t handle;
};

}  // namespace

Charset to_utf8(std::string_view label, std::string_view text, std::string* out) {
  std::string name{label.substr(0, 64)};
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  if (name == "utf-8" || name == "utf8" || name == "unicode-1-1-utf-8") return Charset::already_utf8;
  // Slashes would be options of iconv.
  auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == ':' || c == '.'; };
  if (name.empty() || !std::all_of(name.begin(), name.end(), plain)) return Charset::unknown;
  const auto* known = std::find_if(std::begin(kNames), std::end(kNames), [&](const Name& n) { return n.label == name; });
  Conversion to{known != std::end(kNames) ? known->iconv : name.c_str()};
  if (!to.ok()) return Charset::unknown;

  out->clear();
  out->reserve(text.size() + text.size() / 2);
  char* in = const_cast<char*>(text.data());  // iconv does not write there
  size_t left = text.size();
  char buffer[4096];
  while (left) {
    char* at = buffer;
    size_t room = sizeof buffer;
    size_t result = iconv(to.handle, &in, &left, &at, &room);
    int wrong = errno;
    out->append(buffer, static_cast<size_t>(at - buffer));
    if (result != static_cast<size_t>(-1) || wrong == E2BIG) continue;
    out->append(utf8::kReplacement);
    if (wrong == EINVAL) break;  // half a character at the end
    ++in, --left;
  }
  return Charset::converted;
}

}  // namespace sluice::xml
