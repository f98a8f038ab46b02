// A parsed template. Positions are byte offsets in the file that the template came from.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config::tmpl {

// A file that was read. Lives as long as everything that was made of it.
struct File {
  std::string name;  // for messages: the path as it was given
  std::string text;
};

// Something wrong in a template, where, and what to do.
struct Fault {
  const File* file = nullptr;
  size_t offset = 0;
  std::string message;
};

struct Pipe;

// One argument. `fields` are the names behind it: .a.b is {dot, {a, b}}, $x.y is {variable "$x", {y}}.
struct Arg {
  enum class Kind : uint8_t { dot, nil, boolean, number, text, variable, function, pipe } kind = Kind::dot;
  size_t at = 0;
  bool boolean = false;
  bool is_real = false;                // written with a point or an exponent
  std::optional<int64_t> integer;      // of a number: as Go's int, if it is whole
  double real = 0;
  std::string text;                    // unquoted text, or a name
  std::vector<std::string> fields;
  std::unique_ptr<Pipe> pipe;          // in parentheses
};

struct Command {
  size_t at = 0;
  std::vector<Arg> args;  // never empty
};

struct Pipe {
  size_t at = 0;
  bool assigns = false;                // "=": the variables exist already
  std::vector<std::string> variables;  // "$x"
  std::vector<Command> commands;
};

struct Node {
  enum class Kind : uint8_t { text, action, branch_if, branch_with, range, call, leave, next } kind = Kind::text;
  size_t at = 0, end = 0;  // of a text: its range in the file; else where the action's inside begins
  Pipe pipe;               // of a call it may have no commands
  std::string name;        // of a call
  std::vector<Node> body, otherwise;
  bool has_otherwise = false;
};

struct Tree {
  const File* file = nullptr;
  std::vector<Node> nodes;
};

// Templates by name. A later one replaces an earlier one, unless it is empty but for white space.
using Trees = std::map<std::string, Tree, std::less<>>;

}  // namespace sluice::config::tmpl
