#include "operation.h"

#include <algorithm>

#include <sluice/plugin.hpp>

#include "../json/scan.h"

namespace graphql {
namespace {

// A key between its quotes, decoded: clients may write the same name in several ways.
std::string decoded(std::string_view inner) {
  std::string out(inner.size(), '\0');
  out.resize(sluice::json::decode_string(inner, out.data()));
  return out;
}

void append_encoded(std::string& out, std::string_view text) {
  constexpr char hex[] = "0123456789ABCDEF";
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += hex[static_cast<unsigned char>(c) >> 4];
      out += hex[static_cast<unsigned char>(c) & 15];
    }
  }
}

}  // namespace

std::string_view placeholder_name(std::string_view text) {
  if (text.size() < 3 || text.front() != '{' || text.back() != '}') return {};
  return text.substr(1, text.size() - 2);
}

Operation::Operation(std::string query, std::string name, std::vector<Variable> variables)
    : query_{std::move(query)}, name_{std::move(name)}, variables_{std::move(variables)} {
  std::sort(variables_.begin(), variables_.end(), [](const Variable& a, const Variable& b) { return a.key < b.key; });
  for (const Variable& v : variables_) has_placeholders_ = has_placeholders_ || v.placeholder;
  head_ = "{\"query\":";
  sluice::append_json_string(head_, query_);
  if (!name_.empty()) {
    head_ += ",\"operationName\":";
    sluice::append_json_string(head_, name_);
  }
}

void Operation::variables(const Lookup& param, std::string& out) const {
  out.clear();
  for (const Variable& v : variables_) {
    out += out.empty() ? '{' : ',';
    sluice::append_json_string(out, v.key);
    out += ':';
    if (v.placeholder) sluice::append_json_string(out, param(v.text));
    else out += v.text;
  }
  if (!out.empty()) out += '}';
}

std::string Operation::merged(std::string_view body, std::string& out) const {
  out.clear();
  sluice::json::Members members;
  sluice::json::Scan scan;
  // The texts are the reference's, which clients see with return_error_msg.
  if (body.find_first_not_of(" \t\r\n") == body.npos) return "unexpected end of JSON input";
  if (!sluice::json::scan(body, members, &scan)) return std::string{"the body of a mutation: "} + (scan.wrong ? scan.wrong : "is no JSON");
  if (body.find_first_not_of(" \t\r\n", scan.end) != body.npos) return "the body of a mutation: text behind its end";
  const char first = body[scan.begin];
  if (first != '{' && first != 'n') return "the body of a mutation must be a JSON object";  // null is an empty one

  struct Member {
    std::string key;
    std::string_view text;
  };
  std::vector<Member> all;
  all.reserve(members.size() + variables_.size());
  for (const auto& m : members) all.push_back({decoded(body.substr(m.key, m.key_end - m.key)), body.substr(m.value, m.value_end - m.value)});
  // Of equal keys the last one of the body stays in front; what the configuration has comes behind it.
  std::reverse(all.begin(), all.end());
  std::vector<std::string> literals;
  literals.reserve(variables_.size());
  for (const Variable& v : variables_) {
    if (!v.placeholder) {
      all.push_back({v.key, v.text});
      continue;
    }
    std::string& literal = literals.emplace_back();
    sluice::append_json_string(literal, "{" + v.text + "}");
    all.push_back({v.key, literal});
  }
  std::stable_sort(all.begin(), all.end(), [](const Member& a, const Member& b) { return a.key < b.key; });
  const std::string* before = nullptr;
  for (const Member& m : all) {
    if (before && *before == m.key) continue;
    before = &m.key;
    out += out.empty() ? '{' : ',';
    sluice::append_json_string(out, m.key);
    out += ':';
    out += m.text;
  }
  if (!out.empty()) out += '}';
  return {};
}

void Operation::body(std::string_view variables, std::string& out) const {
  out = head_;
  if (!variables.empty()) {
    out += ",\"variables\":";
    out += variables;
  }
  out += '}';
}

void Operation::parameters(std::string_view variables, std::string& out) const {
  out = "query=";
  append_encoded(out, query_);
  if (!name_.empty()) {
    out += "&operationName=";
    append_encoded(out, name_);
  }
  if (!variables.empty()) {
    out += "&variables=";
    append_encoded(out, variables);
  }
}

}  // namespace graphql
