// test/sink: writes the application log to a file, "level number | message", from "level" on. Its last words go to the log when
// it is no sink any more. With {"dies": true} it aborts when it is asked for its level.
#include <cstdio>
#include <cstdlib>
#include <mutex>

#include <sluice/plugin.hpp>

namespace {

class Sink {
 public:
  static constexpr auto name = "test/sink";
  static constexpr auto scopes = sluice::scope::service;

  explicit Sink(sluice::Setup& setup)
      : services_{setup.services()}, level_{static_cast<int32_t>(setup.integer("level", SLC_DEBUG, SLC_DEBUG, sluice::silent))} {
    const std::string file = setup.text("file");
    dies_ = setup.boolean("dies", false);
    if (setup.ok()) file_ = std::fopen(file.c_str(), "w");
    if (setup.ok() && !file_) setup.error("file", "cannot be written");
  }
  Sink(const Sink&) = delete;
  ~Sink() {
    if (file_) std::fclose(file_);
    sluice::detail::write_log(services_, nullptr, sluice::Level::info, "test/sink: a quiet farewell");
    sluice::detail::write_log(services_, nullptr, sluice::Level::error, "test/sink: a loud farewell");
  }

  int32_t level() const {
    if (dies_) std::abort();
    return level_;
  }
  void write(const sluice::LogRecord& r) {
    std::fprintf(file_, "%d %s| %.*s\n", static_cast<int>(r.level), r.unix_ns > 1'000'000'000'000'000'000 ? "now" : "then",
                 static_cast<int>(r.message.size()), r.message.data());
  }
  void flush() { std::fflush(file_); }

 private:
  sluice::detail::Services services_;
  int32_t level_;
  bool dies_ = false;
  std::FILE* file_ = nullptr;
};

}  // namespace

SLC_PLUGIN("test.sink", "1.0.0", Sink)
