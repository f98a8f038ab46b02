// Where each field of a document came from, and what became of those that are not there: the ledger of one scope, kept while an
// answer that is to be accounted for is shaped and merged. A field is a member of the top level, or with AccountDepth::nested
// whatever stands at the end of a path through objects: a value, a list, an empty object; a dot in a key is written "\." there. One exchange, one worker;
// allocates freely, since nobody keeps ledgers who was not asked to.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/document/combine.h"
#include "core/document/shape.h"
#include "core/pipeline/account_request.h"

namespace sluice::pipeline {

// A place in a backend's answer, and what happened to it on its way.
struct Origin {
  static constexpr int32_t kNobody = -1;  // no backend: `rules` says who then
  int32_t backend = kNobody;  // BackendPlan::index
  std::string path;           // as the backend wrote it; "": its whole answer
  std::vector<std::string> rules;
};
struct Field {
  std::string path;
  size_t top = 0;              // characters of it that are the member of the top level
  std::string_view top_key() const { return std::string_view{path}.substr(0, top); }
  uint64_t value = 0;          // a hash of its JSON text: has it changed?
  std::vector<Origin> from;    // several where values were merged into one
};
struct Missing {
  Origin what;                 // rules: what had happened to it before
  std::string why;
};

class Ledger final : public document::ShapeTrace {
 public:
  // More are not listed; `truncated` says so. What has become of a field is then told only where it is seen: nothing is concluded
  // from its not being listed.
  static constexpr size_t kMaxFields = 10'000;
  static constexpr uint32_t kMaxDepth = 64;
  Ledger() = default;
  Ledger(AccountDepth depth, Arena& arena) : depth_{depth}, arena_{&arena} {}

  // ---- one backend's answer
  // What the decoder gave: every field is the backend's own. `collection`: a list that is no member of anything there.
  void decoded(int32_t backend, document::Node& data, const document::Shape::Options&, bool collection);
  void renamed(std::string_view from, std::string_view to) override;
  void applied(Rule, document::Node& data) override;

  // ---- whatever
  // Somebody has changed `data`, or may have. What is new or different is his from now on, under this rule; values that have
  // only moved keep their origin.
  void changed(document::Node& data, std::string_view rule);
  // Members of `extra` were put over `data`.
  void overlaid(const document::Node& extra, document::Node& data, std::string_view rule);

  // ---- several into one. `data`: what came of it
  void take(Ledger& only);
  // The later part's members win. `labels`: of the backends, for people.
  void merged(std::span<Ledger* const> parts, std::span<const std::string> labels, document::Node& data);
  // With rules: what each word of the combiner was, in its order.
  struct Word {
    std::string path;
    uint32_t part;
    document::Strategy strategy;
    bool of_both;
  };
  void combined(std::span<Ledger* const> parts, std::span<const std::string> labels, std::span<const Word> words, document::Node& data);

  const std::vector<Field>& fields() const { return fields_; }
  const std::vector<Missing>& missing() const { return missing_; }
  bool truncated() const { return truncated_ || full_; }
  // A member's name as a part of a path.
  static std::string name_of(AccountDepth, std::string_view key);

 private:
  std::vector<Field> collect(document::Node& data);
  void collect(document::Node& n, std::string& path, size_t top, uint32_t depth, std::vector<Field>& out);
  void lose(const Field& f, std::string_view why);
  // Fields in the order of the document; those that nobody knows of get `rule`.
  void settle(std::vector<Field>&& now, std::string_view rule);
  void take_missing(std::span<Ledger* const> parts);

  AccountDepth depth_ = AccountDepth::top;
  Arena* arena_ = nullptr;
  std::vector<Field> fields_;  // in the order of the document
  std::vector<Missing> missing_;
  std::vector<std::pair<std::string, std::string>> renames_;
  std::string target_, group_;
  int32_t backend_ = Origin::kNobody;
  bool cut_ = false;        // the list of fields that is being made is at its bound
  bool truncated_ = false;  // one was, of this document or of what it is made of
  bool full_ = false;       // the list of what is missing is
};

}  // namespace sluice::pipeline
