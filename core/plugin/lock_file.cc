#include "core/plugin/lock_file.h"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "core/config/syntax.h"

namespace sluice::plugin {
namespace {

namespace json = boost::json;

bool is_digest(std::string_view s) {
  return s.size() == 64 && std::all_of(s.begin(), s.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}
bool is_name(std::string_view s) {
  return !s.empty() && s.size() <= 255 && s != "." && s != ".." &&
         std::none_of(s.begin(), s.end(), [](char c) { return c == '/' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}
// A value that is printed: no control characters.
bool is_plain(std::string_view s) {
  return s.size() <= 4096 && std::none_of(s.begin(), s.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}
std::string text_of(const json::object& o, std::string_view key, bool* wrong) {
  const json::value* v = o.if_contains(key);
  if (!v) return {};
  if (!v->is_string() || !is_plain(v->get_string())) return *wrong = true, std::string{};
  return std::string{v->get_string()};
}

}  // namespace

Result<LockFile, Problem> parse_lock(std::string_view text) {
  if (text.size() > kLargestLock) return Problem{"larger than 16 MiB"};
  config::SyntaxFault fault;
  auto tree = config::parse_json(text, fault);
  if (!tree) return Problem{"no valid JSON at byte " + std::to_string(fault.offset) + ": " + fault.message};
  if (!tree->is_object()) return Problem{"expected an object at the top"};
  const json::object& root = tree->get_object();
  const json::value* version = root.if_contains("version");
  if (!version || !version->is_int64() || version->get_int64() != 1)
    return Problem{"/version: expected 1: this gateway knows no other form of the file"};
  const json::value* plugins = root.if_contains("plugins");
  if (!plugins || !plugins->is_object()) return Problem{"/plugins: expected an object of file names"};
  LockFile lock;
  for (const auto& member : plugins->get_object()) {
    std::string_view name = member.key();
    if (!is_name(name)) return Problem{"/plugins: expected names of files without a folder"};
    std::string where = "/plugins/" + std::string{name};
    if (!member.value().is_object()) return Problem{where + ": expected an object with sha256"};
    bool wrong = false;
    const json::object& o = member.value().get_object();
    LockEntry entry{text_of(o, "sha256", &wrong), text_of(o, "id", &wrong), text_of(o, "version", &wrong)};
    if (!is_digest(entry.sha256)) return Problem{where + "/sha256: expected 64 lower-case hexadecimal digits"};
    if (wrong) return Problem{where + ": expected texts for id and version"};
    lock.files.emplace(name, std::move(entry));
  }
  return lock;
}

std::string format_lock(const LockFile& lock) {
  auto quoted = [](std::string_view s) { return json::serialize(json::string(s)); };
  std::string out = "{\n  \"version\": 1,\n  \"plugins\": {";
  bool first = true;
  for (const auto& [name, entry] : lock.files) {
    out += (first ? "\n    " : ",\n    ") + quoted(name) + ": {\"sha256\": " + quoted(entry.sha256);
    if (!entry.id.empty()) out += ", \"id\": " + quoted(entry.id);
    if (!entry.version.empty()) out += ", \"version\": " + quoted(entry.version);
    out += "}";
    first = false;
  }
  return out + (first ? "}\n}\n" : "\n  }\n}\n");
}

}  // namespace sluice::plugin
