// Reads what dump.py writes.
#pragma once
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace sluice::test {

struct Dump {
  struct Field {
    std::string name, type;
    size_t offset = 0, size = 0;
  };
  struct Struct {
    size_t size = 0, alignment = 0;
    std::vector<Field> fields;
  };
  std::map<std::string, Struct> structs;
  std::map<std::string, std::string> values, texts, types;
};

inline Dump parse_dump(const std::string& text) {
  Dump d;
  std::istringstream lines{text};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream in{line};
    std::string word, name, rest;
    in >> word;
    if (word == "struct") {
      in >> name;
      in >> d.structs[name].size >> d.structs[name].alignment;
      continue;
    }
    if (word == "value" || word == "text" || word == "type") {
      in >> name >> std::ws;
      std::getline(in, rest);
      (word == "value" ? d.values : word == "text" ? d.texts : d.types)[name] = rest;
      continue;
    }
    Dump::Field f;
    f.offset = std::stoul(word);
    in >> f.size >> name >> std::ws;
    std::getline(in, f.type);
    const size_t dot = name.find('.');
    f.name = name.substr(dot + 1);
    d.structs[name.substr(0, dot)].fields.push_back(f);
  }
  return d;
}

// What a plugin built for `old` may find changed in `now`; empty: nothing that it could notice. docs/abi-policy.md.
inline std::vector<std::string> breaks(const Dump& old, const Dump& now) {
  // Structs that no reader can know the length of, because they are copied or stand in arrays.
  static const std::set<std::string> kFixed{"slc_str", "slc_node", "slc_member_range", "slc_address", "slc_candidate", "slc_dns_record"};
  std::vector<std::string> out;
  const auto same = [&](const std::map<std::string, std::string>& a, const std::map<std::string, std::string>& b, const char* what) {
    for (const auto& [name, value] : a) {
      const auto it = b.find(name);
      if (value.ends_with(".draft\"")) continue;  // may change or go
      if (it == b.end()) out.push_back(std::string{what} + " " + name + " is gone");
      else if (it->second != value) out.push_back(std::string{what} + " " + name + " was " + value + " and is " + it->second);
    }
  };
  same(old.values, now.values, "value");
  same(old.texts, now.texts, "text");
  same(old.types, now.types, "type");
  for (const auto& [name, s] : old.structs) {
    const auto it = now.structs.find(name);
    if (it == now.structs.end()) {
      out.push_back("struct " + name + " is gone");
      continue;
    }
    const Dump::Struct& n = it->second;
    if (n.size < s.size || (kFixed.contains(name) && n.size != s.size))
      out.push_back("struct " + name + " had " + std::to_string(s.size) + " bytes and has " + std::to_string(n.size));
    for (size_t i = 0; i < s.fields.size(); ++i) {
      const Dump::Field& f = s.fields[i];
      if (i >= n.fields.size()) {
        out.push_back(name + "." + f.name + " is gone");
      } else if (const Dump::Field& g = n.fields[i]; g.name != f.name || g.type != f.type || g.offset != f.offset || g.size != f.size) {
        out.push_back(name + "." + f.name + " was \"" + f.type + "\" at " + std::to_string(f.offset) + " and is " + g.name + " \"" + g.type + "\" at " +
                      std::to_string(g.offset));
      }
    }
  }
  return out;
}

}  // namespace sluice::test
