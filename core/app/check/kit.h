// The checks themselves, in their order. A process runs them one after the other; when one of them brings it down, the parent
// starts another process that goes on behind it (check_file).
#pragma once
#include <functional>

#include "core/app/check/session.h"

namespace sluice::app::check {

struct Check {
  const char* name;
  const char* about;  // for the help page
  void (*run)(Session&);
};
// "load" comes first and is done by the process itself.
const std::vector<Check>& all_checks();

void check_schema(Session&);    // checks_config.cc
void check_create(Session&);
void check_workers(Session&);   // checks_traffic.cc
void check_requests(Session&);
void check_bodies(Session&);
void check_clients(Session&);
void check_timeouts(Session&);
void check_memory(Session&);
void check_streams(Session&);   // checks_streams.cc
void check_state(Session&);     // checks_reload.cc
void check_reload(Session&);
void check_growth(Session&);    // checks_growth.cc
void check_codec(Session&);     // checks_codec.cc
void check_end(Session&);       // checks_config.cc; after it nothing of the plugin is left

// In the checking process: everything from the `first` check on; "load" is done in any case. The exit code.
int run_checks(const KitOptions&, size_t first);

struct CheckLimits {
  uint64_t process_ms = 60'000;  // of one checking process
  uint64_t answer_ms = 10'000;
};
// In the calling process: looks at the file, then has it checked in processes of their own. Never runs code of the plugin itself.
std::vector<Finding> check_file(const std::string& file, const std::string& plugins, const std::string& config_file, const CheckLimits&);

// Files that cannot be in one folder, because they provide the same names. Loads them in a process of its own too.
std::vector<Finding> check_together(const std::vector<std::string>& files, const CheckLimits&);
int run_together(const std::vector<std::string>& files);  // the other side of it

}  // namespace sluice::app::check
