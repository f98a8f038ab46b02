// XML as a sequence of events: what the decoders xml and rss have in common. Expat reads the root element and nothing else:
// the prolog is skipped before and with it every entity declaration, so there are none that could grow, and none that could
// name a file (encodings.md §5: DOCTYPE is ignored).
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sluice::xml {

constexpr uint32_t kMaxDepth = 10'000;         // as for JSON
constexpr size_t kMaxText = size_t{1} << 30;  // bytes of UTF-8

struct Attribute {
  std::string_view name, value;  // the name with its prefix
};

// Views are valid during the call. False ends the parse.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual bool start(std::string_view name, std::span<const Attribute>) = 0;
  virtual bool end() = 0;
  virtual bool text(std::string_view) = 0;
  // Something stands between two pieces of text: a comment, a processing instruction, an edge of CDATA.
  virtual bool gap() { return true; }
  // Why one of these answered false. Static.
  virtual const char* refusal() const { return "the document is refused"; }
};

enum class Entities {
  strict,   // a name that XML does not define is an error
  lenient,  // some of HTML's are known, others stay as they stand
};

// Reads up to the end of the root element. False: *why says where and what.
bool parse(std::string_view body, Entities, Handler&, std::string* why);

// Behind the prefix. A name may have one colon at most: false.
bool local_name(std::string_view name, std::string_view* prefix, std::string_view* local);

// Behind everything that precedes the root element, which begins with '<'; size() if there is none. *label: the charset that
// the XML declaration names, else empty.
size_t skip_prolog(std::string_view text, std::string_view* label);

}  // namespace sluice::xml
