// `telemetry/logging`: the application log's level, format and destinations.
#include <errno.h>  // program_invocation_short_name
#include <syslog.h>
#include <unistd.h>

#include <memory>

#include "output.h"
#include "pattern.h"

namespace {

using logging::Pattern;

// One severity per connection, that of the threshold: a quirk of the reference which dashboards may have learnt.
int severity_of(sluice::Level level) {
  switch (level) {
    case sluice::Level::debug: return LOG_DEBUG;
    case sluice::Level::info: return LOG_INFO;
    case sluice::Level::warning: return LOG_WARNING;
    case sluice::Level::error: return LOG_ERR;
    default: return LOG_CRIT;
  }
}

// Options of the reference's paid edition. Its free one is silent about them, but somebody may wait for the log that they ask for.
void warn_without_effect(sluice::Setup& setup) {
  for (const char* key : {"access_log_format", "access_log_custom_format", "access_log_missing_key_marker"}) {
    const sluice::Value v = setup.value(key);
    const bool usual = v.is_string() && (v.text().empty() || v.text() == "default");
    if (v.present() && !usual)
      setup.warning(key, "has no effect: the access log has one layout; router.disable_access_log and logger_skip_paths are what changes it");
  }
  if (setup.value("backend").present()) setup.warning("backend", "has no effect: there is no log of calls to backends");
}

class Logging {
 public:
  static constexpr auto name = "telemetry/logging";
  static constexpr const char* aliases[] = {"github_com/devopsfaith/krakend-gologging"};
  static constexpr auto scopes = sluice::scope::service;
  static constexpr auto schema = R"({
  "$schema": "http://json-schema.org/draft-07/schema#",
  "title": "telemetry/logging",
  "description": "Level, format and destinations of the application log.",
  "type": "object",
  "properties": {
    "level": {"description": "DEBUG, INFO, NOTICE, WARNING, ERROR or CRITICAL, in any letter case."},
    "stdout": {"type": "boolean", "default": false},
    "syslog": {"type": "boolean", "default": false},
    "syslog_facility": {"type": "string", "default": "local3", "description": "local0 to local7"},
    "prefix": {"type": "string", "default": ""},
    "format": {"type": "string", "default": "default", "description": "default, logstash or custom"},
    "custom_format": {"type": "string", "description": "Pattern of format custom."},
    "access_log_format": {"description": "Has no effect: the access log has one layout."},
    "access_log_custom_format": {"description": "Has no effect, as access_log_format."},
    "access_log_missing_key_marker": {"description": "Has no effect, as access_log_format."},
    "backend": {"description": "Has no effect: there is no log of calls to backends."}
  }
})";

  explicit Logging(sluice::Setup& setup)
      : pattern_{Pattern::standard(setup.text("prefix", ""))} {
    const bool to_stdout = setup.boolean("stdout", false);
    const bool to_syslog = setup.boolean("syslog", false);
    const int facility = logging::facility_of(setup.text("syslog_facility", "local3"));
    const std::string prefix = setup.text("prefix", "");
    const std::string format = setup.text("format", "default");
    const std::string custom = setup.text("custom_format", "");
    warn_without_effect(setup);
    logstash_ = format == "logstash";
    if (format == "custom") {
      std::string why;
      if (auto p = Pattern::compile(custom, why)) pattern_ = std::move(*p);
      else setup.error("custom_format", why);
    }
    if (!setup.ok()) return;

    const auto level = logging::level_of(setup.value("level").text());
    if (!level) {
      setup.warning("level", "invalid log level; the built-in log is used");
      setup.log(sluice::Level::error, "[SERVICE: Logging] Unable to create the logger: logger: invalid log level");
      setup.nothing();
      return;
    }
    level_ = *level;
    if (to_stdout) stdout_ = std::make_unique<logging::Stream>(STDOUT_FILENO);
    if (to_syslog) {
      syslog_ = std::make_unique<logging::Syslog>(facility, severity_of(level_), prefix.empty() ? program_invocation_short_name : prefix);
      if (!syslog_->open()) {
        setup.warning("syslog", "no syslog daemon listens; the built-in log is used");
        setup.log(sluice::Level::error, "[SERVICE: Logging] Unable to create the logger: Unix syslog delivery error");
        setup.nothing();
        return;
      }
    }
    setup.log(sluice::Level::debug, "Improved logging started.");
  }

  // Without a destination the application log is silent, and nobody needs to put its lines together.
  int32_t level() const { return stdout_ || syslog_ ? static_cast<int32_t>(level_) : sluice::silent; }

  void write(const sluice::LogRecord& r) {
    if (r.level < level_) return;
    if (stdout_) {
      line_.clear();
      if (logstash_) logging::write_logstash(line_, r);
      else pattern_.write(line_, {&r, ++lines_});
      stdout_->write(line_);
    }
    if (syslog_) {
      line_.assign(logging::level_name(r.level)).append(" > ").append(r.message);
      syslog_->write(line_, r.unix_ns / 1'000'000'000);
    }
  }
  void flush() {
    if (stdout_) stdout_->flush();
  }

 private:
  Pattern pattern_;
  bool logstash_ = false;
  sluice::Level level_ = sluice::Level::debug;
  std::unique_ptr<logging::Stream> stdout_;
  std::unique_ptr<logging::Syslog> syslog_;
  uint64_t lines_ = 0;
  std::string line_;
};

}  // namespace

SLC_PLUGIN("sluice.logging", "1.0.0", Logging)
