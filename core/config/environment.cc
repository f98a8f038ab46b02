#include "core/config/environment.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/config/reader.h"
#include "core/config/report.h"
#include "core/config/syntax.h"

extern char** environ;  // NOLINT: POSIX

namespace sluice::config {

std::map<std::string, std::string> process_environment() {
  std::map<std::string, std::string> out;
  for (char** e = environ; e && *e; ++e) {
    std::string_view entry{*e};
    size_t equals = entry.find('=');
    if (equals != entry.npos) out.emplace(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return out;
}

void overlay_environment(boost::json::object& root, const std::map<std::string, std::string>& environment,
                         std::span<const std::string_view> known, Origins& origins) {
  for (std::string_view prefix : {"KRAKEND_", "SLUICE_"}) {
    for (auto it = environment.lower_bound(std::string{prefix});
         it != environment.end() && it->first.starts_with(prefix); ++it) {
      std::string key = to_lower(std::string_view{it->first}.substr(prefix.size()));
      std::string_view rest{key};
      if (std::find(known.begin(), known.end(), rest.substr(0, rest.find('.'))) == known.end()) continue;
      if (static_cast<size_t>(std::count(key.begin(), key.end(), '.')) > kMaxDepth) continue;
      // A dot descends into an object, and makes one where there is none.
      boost::json::object* object = &root;
      std::string pointer;
      for (size_t dot; (dot = rest.find('.')) != rest.npos; rest.remove_prefix(dot + 1)) {
        std::string_view name = rest.substr(0, dot);
        pointer = join(pointer, name);
        boost::json::value& inner = (*object)[name];
        if (!inner.is_object()) inner.emplace_object();
        object = &inner.get_object();
      }
      (*object)[rest] = it->second;
      origins[join(pointer, rest)] = it->first;
    }
  }
}

}  // namespace sluice::config
