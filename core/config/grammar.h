// The keys of a configuration's objects: what each takes, what it means, what it is without. The readers (fields.h) look
// every key up here and stop a debug build that reads another one, or reads it as another type; schema.h makes the JSON
// Schema of the same table. So readers, suggestions and schema cannot disagree. Constant data. [any]
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

namespace sluice::config {

enum class Type : uint8_t {
  text,
  flag,
  integer,
  duration,
  texts,       // list of texts
  integers,    // list of integers
  pairs,       // object of texts
  object,      // `inner`
  objects,     // list of `inner`; with `most` 0 one that must be empty
  members,     // object of free keys, each an `inner`
  named,       // list of texts, or of `inner` where there is more to say; or an object by name, each true or `inner` without the name
  number,      // any JSON number within the bounds
  blocks,      // extra_config
  operations,  // flatmap_filter
  any,         // nobody looks at it, or its reader takes any JSON
};

// Which plugins' names an editor should offer.
enum class Offer : uint8_t { none, decoders, encoders, resolvers };

struct Grammar;

struct Key {
  std::string_view name;
  Type type = Type::any;
  std::string_view description;
  std::string_view fallback = {};      // JSON text; empty: none, or not of one value
  const Grammar* inner = nullptr;
  int64_t least = INT64_MIN, most = INT64_MAX;
  std::span<const std::string_view> choices = {};  // texts that are understood; others are refused, or warned of
  bool any_case = false, may_be_empty = false;     // of the choices; the empty text stands for the default
  std::string_view pattern = {};                   // of a text, or of each of a list or of pairs; ECMAScript, as JSON Schema has it
  bool required = false;
  Offer offer = Offer::none;
};

struct Grammar {
  std::string_view name;  // for people: "the root", "a backend"
  std::span<const Key> keys;
  bool weak = true;       // keys in any letter case, scalars converted; false: exact keys and types
  const Key* find(std::string_view key) const;
};

// Of max_request_body and max_response_body, in bytes.
inline constexpr int64_t kLeastBound = 1024, kMostBound = int64_t{1} << 40;
// Go's grammar of durations, as parse_duration() reads it; ECMAScript.
inline constexpr std::string_view kDurationPattern =
    "^[+-]?(0|(([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|\xc2\xb5s|\xce\xbcs|ms|s|m|h))+)$";

// The objects of the file, and the core's own blocks in the extra_config of each level.
extern const Grammar kRootGrammar, kEndpointGrammar, kBackendGrammar;
extern const Grammar kOwnRootBlock, kExplainBlock, kOwnEndpointBlock, kMergeBlock, kStatusCaseBlock, kOwnBackendBlock;  // grammar_aggregation.cc
extern const Grammar kRouterBlock, kEndpointProxyBlock, kStaticBlock, kBackendProxyBlock, kHttpBlock, kHttpClientBlock;

// A core block by its name in an extra_config; nullptr: no such block at that level.
enum class Level : uint8_t { root, endpoint, backend };
struct CoreBlock {
  Level level;
  std::string_view name;
  const Grammar* grammar;
};
std::span<const CoreBlock> core_blocks();
// The old name that a core block has too (config.md §6); empty: none.
std::string_view long_name(std::string_view block);

}  // namespace sluice::config
