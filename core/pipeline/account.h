// An account of one answer: the route, every call into a plugin with its time and decision, every call to a backend with its
// times, and of every field where it came from or why it is missing. Made for the exchanges of those who ask with a signed header
// (account_request.h) and for nobody else: everywhere in the pipeline a null pointer is tested, and that is all.
// One exchange, one worker. Lives beside the exchange, until the answer has been given to the connection.
#pragma once
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/http/client.h"
#include "core/pipeline/account_fields.h"
#include "core/plugin/hook.h"
#include "core/plugin/worker.h"

namespace sluice::pipeline {

class BackendScope;
class Exchange;
class Scope;
struct Outcome;

class Account {
 public:
  // One call into a plugin.
  struct Stage {
    const Scope* scope;          // nullptr: of the exchange as a whole
    const plugin::Place* place;
    plugin::HookKind kind;
    int32_t stage;               // its place in the chain; kNoStage: it is in none
    uint64_t at_ns, run_ns, waited_ns = 0;
    bool suspended = false;      // and not resumed
    std::string decision, why;
  };
  static constexpr int32_t kNoStage = INT32_MIN;
  // One request to one host.
  struct Sending {
    std::string host, method, target;
    uint64_t began_ns = 0, head_ns = 0, ended_ns = 0, bytes = 0;
    int status = 0;
    std::string error;
    http::CallTimes times;
  };
  struct Call {
    const BackendScope* scope;
    uint64_t began_ns = 0, ended_ns = 0;
    std::list<Sending> sendings;  // addresses stay
    bool used = false;            // its data, or its failure, is part of the answer
    bool cut_off = false;
  };

  explicit Account(AccountDepth depth);
  ~Account();
  Account(const Account&) = delete;
  void bind(Exchange& x) { exchange_ = &x; }
  AccountDepth depth() const { return depth_; }

  // ---- plugins
  void hook(Scope&, const plugin::Place&, int32_t stage, plugin::HookKind, uint64_t began_ns, slc_action);
  void waited(Scope&, const plugin::Place&, plugin::HookKind, uint64_t since_ns, slc_action);
  void failed(Scope&, const plugin::Place&, plugin::HookKind, std::string_view why);
  // A call that is no hook: decode, encode, pick, send. `scope` may be null.
  void called(const Scope*, const plugin::Place&, plugin::HookKind, uint64_t began_ns, std::string_view decision);

  // ---- calls to backends
  void begin(BackendScope&);
  void over(Scope&);               // its run has come to an end
  void cut_off(Scope&);            // it was closed before
  Sending* sending(BackendScope&, std::string_view host, std::string_view method, std::string_view target);

  // ---- data
  Ledger& ledger(const Scope&);
  void decoded(BackendScope&);     // before the rules of the backend; ledger() is the trace for them
  void replaced(BackendScope&, std::string_view rule);  // error details in the place of data
  void changed(Scope&, std::string_view rule);
  // The answer of `result` is that of this call, or of this attempt.
  void take(const Scope& result, Scope& from);
  // The merge of `result` was made of these; those that failed are not among them.
  // `words`: what the merge rules said; nullptr: there were none.
  void merged(Scope& result, std::span<BackendScope* const> parts, const std::vector<Ledger::Word>* words = nullptr);
  void used(const BackendScope*);
  void outcome(const Outcome& o) { outcome_ = &o; }
  void rendered(Scope& result) { result_ = &result; }

  struct Answer {
    int status = 200;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;       // its beginning, where it is too long
    uint64_t body_bytes = 0;
    bool truncated = false;  // it broke off: the client would have seen that
  };
  // JSON. docs/explain.md has the form.
  std::string text(const Answer&);

 private:
  friend class AccountText;
  Call* find(const Scope*);
  AccountDepth depth_;
  uint64_t began_ns_, unix_ms_;
  Exchange* exchange_ = nullptr;
  std::list<Stage> stages_;
  std::list<Call> calls_;
  std::unordered_map<const Scope*, Ledger> ledgers_;
  const Outcome* outcome_ = nullptr;
  Scope* result_ = nullptr;
};

// Remembers what the merge by rules says.
class MergeNotes final : public document::MergeTrace {
 public:
  explicit MergeNotes(AccountDepth depth) : depth_{depth} {}
  void member(std::span<const std::string_view> path, uint32_t part, document::Strategy, bool of_both) override;
  std::vector<Ledger::Word> words;

 private:
  AccountDepth depth_;
};

}  // namespace sluice::pipeline
