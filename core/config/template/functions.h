// What templates can call: the functions of text/template, of sprig, and of flexible configuration (cli.md §8.1). Tables of constant
// data; each function is pure but for what Services gives.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/template/source_map.h"
#include "core/config/template/value.h"
#include "core/config/template/zone.h"

namespace sluice::config::tmpl {

// What templates may know of the world.
struct Services {
  const std::map<std::string, std::string>* environment = nullptr;
  // The file that `include` means; nullptr: *why.
  std::function<const File*(const std::string& name, std::string* why)> partial;
  int64_t now = 0;  // nanoseconds since 1970
  std::shared_ptr<Zones> zones = std::make_shared<Zones>();
  size_t max_steps = 3'000'000;  // nodes walked, turns of loops included
};

// One call. Arguments have the types that the signature asks for.
struct Call {
  std::span<const Value> args;
  Heap& heap;
  const Services& services;
  std::vector<const Origin*>& reads;  // for `render --explain`
  std::optional<std::string> error = {};

  Value fail(std::string message) {
    error = std::move(message);
    return {};
  }
  Value text(std::string s) { return heap.text(std::move(s)); }
  std::string_view s(size_t i) const { return args[i].text; }
  int64_t i(size_t n) const { return args[n].integer; }
  // False, and failed: so many bytes more would be too much.
  bool room(size_t bytes);
};

// Types of the parameters, a letter each: s text, i whole number, f float, b boolean, l list, m object, t time, v anything. A '*'
// behind the last: any number of these, none too.
struct Function {
  std::string_view name, signature;
  Value (*call)(Call&);
  bool tolerant = false;  // is asked whether something is there: a missing settings file is no error
};

const Function* find_function(std::string_view name);
// As FunctionCheck of parser.h has it.
std::optional<std::string> unknown_function(std::string_view name);
std::vector<std::string_view> function_names();

// The tables, one for each file.
std::span<const Function> builtin_functions();  // text/template, include, marshal, env, defaults and types
std::span<const Function> text_functions();
std::span<const Function> word_functions();     // of cases, wrapping and shortening
std::span<const Function> number_functions();
std::span<const Function> list_functions();
std::span<const Function> map_functions();
std::span<const Function> code_functions();     // encodings, hashes, JSON, URLs
std::span<const Function> regex_functions();
std::span<const Function> time_functions();
std::span<const Function> system_functions();   // paths, random, versions

// Shared by the tables. Conversions as sprig has them: what does not convert is zero.
int64_t to_int64(const Value&);
double to_real(const Value&);
bool is_empty(const Value&);
std::vector<std::string> to_texts(const Value&);  // of a list its items but nothing; else the one value
Value list_of(Call&, std::vector<Value> items);
Value list_of_texts(Call&, const std::vector<std::string>& items);

}  // namespace sluice::config::tmpl
