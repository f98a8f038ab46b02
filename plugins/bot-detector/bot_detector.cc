// `security/bot-detector`: refuses requests by their User-Agent, for the whole service and for single endpoints. Each level
// decides for itself, the service first.
#include <memory>
#include <set>

#include <re2/re2.h>
#include <sluice/plugin.hpp>

#include "verdicts.h"

namespace {

class BotDetector {
 public:
  static constexpr auto name = "security/bot-detector";
  static constexpr const char* aliases[] = {"github_com/devopsfaith/krakend-botdetector"};
  static constexpr bool synchronous = true;
  static constexpr auto schema = R"({
  "$schema": "http://json-schema.org/draft-07/schema#",
  "title": "security/bot-detector",
  "description": "Refuses requests by their User-Agent (403).",
  "type": "object",
  "properties": {
    "deny": {"type": "array", "items": {"type": "string"}, "description": "User-Agent values of bots."},
    "allow": {"type": "array", "items": {"type": "string"}, "description": "User-Agent values that are never bots."},
    "patterns": {"type": "array", "items": {"type": "string"}, "description": "Regular expressions; a User-Agent that has a match is a bot."},
    "empty_user_agent_is_bot": {"type": "boolean", "default": false, "description": "Requests without a User-Agent are refused."},
    "cache_size": {"type": "integer", "minimum": 0, "maximum": 1000000, "default": 0, "description": "Number of verdicts that each worker keeps."}
  }
})";

  struct PerWorker {
    PerWorker(const BotDetector& d, const sluice::Worker&) : verdicts{d.cache_size_} {}
    bots::Verdicts verdicts;
  };

  explicit BotDetector(sluice::Setup& setup) {
    for (std::string& s : setup.texts("deny")) deny_.insert(std::move(s));
    for (std::string& s : setup.texts("allow")) allow_.insert(std::move(s));
    setup.each("patterns", [&](sluice::Setup item) {
      const sluice::Value v = item.value();
      if (!v.is_string()) return item.error("", sluice::Setup::expected("a string", v));
      auto compiled = std::make_unique<re2::RE2>(re2::StringPiece{v.text().data(), v.text().size()}, re2::RE2::Quiet);
      if (!compiled->ok()) return item.error("", "is not a regular expression: " + compiled->error());
      patterns_.push_back(std::move(compiled));
    });
    empty_is_bot_ = setup.boolean("empty_user_agent_is_bot", false);
    cache_size_ = static_cast<size_t>(setup.integer("cache_size", 0, 0, 1'000'000));
    // Looking into two sets is no slower than looking into a cache.
    if (patterns_.empty()) cache_size_ = 0;
    if (!setup.ok()) return;
    if (deny_.empty() && patterns_.empty() && !empty_is_bot_) {
      setup.nothing();
      return;
    }
    agent_id_ = setup.header("User-Agent");
    rejected_ = setup.counter("bot_detector_rejected_total", "Requests refused as bots");
    setup.log(sluice::Level::debug, "[Botdetector] The bot detector has been registered successfully");
  }

  sluice::Action on_request(sluice::Exchange x, PerWorker& worker) const {
    const std::string_view agent = x.header(agent_id_);
    if (!is_bot(agent, worker.verdicts)) return sluice::next;
    rejected_.add(x);
    x.log(sluice::Level::error, "[Botdetector] bot rejected");
    return x.fail(403, "bot rejected");
  }

 private:
  bool is_bot(std::string_view agent, bots::Verdicts& verdicts) const {
    if (agent.empty()) return empty_is_bot_;
    if (cache_size_ == 0) return judge(agent);
    if (const auto known = verdicts.find(agent)) return *known;
    const bool bot = judge(agent);
    verdicts.keep(agent, bot);
    return bot;
  }

  bool judge(std::string_view agent) const {
    if (allow_.find(agent) != allow_.end()) return false;
    if (deny_.find(agent) != deny_.end()) return true;
    for (const auto& p : patterns_)
      if (re2::RE2::PartialMatch(re2::StringPiece{agent.data(), agent.size()}, *p)) return true;
    return false;
  }

  std::set<std::string, std::less<>> allow_, deny_;
  std::vector<std::unique_ptr<re2::RE2>> patterns_;
  bool empty_is_bot_ = false;
  size_t cache_size_ = 0;
  sluice::Header agent_id_ = 0;
  sluice::Counter rejected_;
};

// One class under one name, but with another place at each level: behind the headers of the whole service, and before anything
// that costs something at an endpoint. The gateway asks for the table by name, so both are made of the first of them.
struct AtService : BotDetector {
  using BotDetector::BotDetector;
  static constexpr auto scopes = sluice::scope::service;
  static constexpr int32_t stage = 500;
};
struct AtEndpoint : BotDetector {
  using BotDetector::BotDetector;
  static constexpr auto scopes = sluice::scope::endpoint;
  static constexpr int32_t stage = 100;
};

}  // namespace

SLC_PLUGIN("sluice.bot-detector", "1.0.0", AtService, AtEndpoint)
