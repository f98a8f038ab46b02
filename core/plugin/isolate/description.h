// What a plugin file says of itself, as the process that has mapped it tells it: the entry, its bindings, and of each table the
// size, which functions there are, and what is constant. The gateway keeps copies and maps nothing of the file. [any]
#pragma once
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "sluice/plugin.h"

namespace sluice::plugin {
class Module;
}

namespace sluice::plugin::isolate {

constexpr size_t kMostDescription = size_t{16} << 20;

// An entry and tables in memory of our own. Functions that are there over there are a mark here, which nobody may call: it ends
// the process. Whether the whole makes a plugin is for the loader to check, as it does with entries that it maps.
class Description {
 public:
  // Of bytes from anywhere. Problem: they are no description; "its description …".
  static Result<std::shared_ptr<const Description>, Problem> parse(std::string_view bytes);
  Description() = default;
  Description(const Description&) = delete;
  Description& operator=(const Description&) = delete;

  const slc_entry& entry() const { return entry_; }
  // What get_interface() would answer for binding `index`.
  const void* table(uint32_t index) const { return tables_[index].words; }

 private:
  friend class DescriptionReader;
  // Large enough for the table of any kind.
  struct Table {
    alignas(8) char words[128] = {};
  };
  slc_entry entry_{};
  std::vector<slc_binding> bindings_;
  std::vector<Table> tables_;
  std::deque<slc_lifecycle> lives_;
  std::deque<std::string> texts_;
  std::deque<std::vector<const char*>> lists_;
};

// The same as bytes, of a module that has been checked.
std::string describe(const Module&);

}  // namespace sluice::plugin::isolate
