// Takes the place of the application log: writes its lines to stderr, with a mark of your own. In the configuration's root:
//
//   "extra_config": {"@VENDOR@/@NAME@": {"mark": "gateway-1", "level": "INFO"}}
#include <sluice/plugin.hpp>

#include "schema.h"

namespace {

class Plugin {
 public:
  static constexpr auto name = "@VENDOR@/@NAME@";
  static constexpr auto scopes = sluice::scope::service;
  static constexpr auto schema = kSchema;

  explicit Plugin(sluice::Setup& setup) : mark_{setup.text("mark", "@NAME@")} {
    const std::string level = setup.text("level", "INFO");
    for (int32_t i = 0; i < 5; ++i)
      if (level == kNames[i]) level_ = SLC_DEBUG + i;
  }

  int32_t level() const { return level_; }  // lines below it are not even put together

  // On the logging thread, one call at a time: this one may block.
  void write(const sluice::LogRecord& record) const {
    std::string line = mark_;
    line += ' ';
    line += kNames[static_cast<int32_t>(record.level) - SLC_DEBUG];
    line += ' ';
    line += record.message;
    line += '\n';
    std::fwrite(line.data(), 1, line.size(), stderr);
  }
  void flush() const { std::fflush(stderr); }

 private:
  static constexpr const char* kNames[] = {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"};
  std::string mark_;
  int32_t level_ = SLC_INFO;
};

}  // namespace

SLC_PLUGIN("@VENDOR@.@NAME@", "0.1.0", Plugin)
