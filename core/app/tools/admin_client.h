// The other side of the admin socket, for the commands that ask a running gateway. Blocking; main thread.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace sluice::app {

struct Tool;

struct AdminAnswer {
  int status = 0;
  std::string body;
};

// One call. Problem: nobody answers there, or not in HTTP. `limit_s`: for the whole answer.
Result<AdminAnswer, Problem> ask_admin(const std::string& socket, const std::string& method, const std::string& target, int limit_s);

// Flags that all such commands share, taken out of the arguments: --admin PATH, --pid N, --json.
struct AdminFlags {
  std::string admin;
  std::optional<int> pid;
  bool json = false;
  std::vector<std::string> rest;  // what is not one of them
  std::string wrong;              // "" or what is wrong with the command line
};
AdminFlags admin_flags(std::span<const std::string> arguments);
// They or $SLUICE_ADMIN say which gateway is meant.
bool is_named(const AdminFlags&);
// For ask_admin(): one that nobody asked for must not hold a list up.
inline int patience_s(const AdminFlags& f) { return is_named(f) ? 10 : 2; }
// Some gateway of this user takes connections at its usual place.
bool any_gateway();

// The socket meant: --admin, --pid, $SLUICE_ADMIN, or that of the only gateway of this user that answers. Problem: none, or
// several, which are listed.
Result<std::string, Problem> find_admin(const AdminFlags&);

}  // namespace sluice::app
