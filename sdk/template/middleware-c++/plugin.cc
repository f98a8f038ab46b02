// Adds a header to the answers @OF@. In the configuration:
//
//   "extra_config": {"@VENDOR@/@NAME@": {"header": "X-Hello", "value": "world"}}
#include <sluice/plugin.hpp>

#include "schema.h"

namespace {

class Plugin {
 public:
  static constexpr auto name = "@VENDOR@/@NAME@";  // what configurations say
  static constexpr auto scopes = @SCOPES@;  // where they may say it
  static constexpr int32_t stage = 500;  // place in the chain: docs/life-of-a-request.md
  static constexpr auto schema = kSchema;  // schema.json

  // Reads one block. What is wrong is reported with its place, and refuses the configuration.
  explicit Plugin(sluice::Setup& setup) : header_{setup.header_option("header", "X-Hello")}, value_{setup.text("value", "world")} {}

  // On the way out, also after failures. Runs on an event loop: must not block. The object is shared by all workers: const.
  sluice::Action on_response(sluice::Exchange x) const {
    x.response().set_header(header_, value_);
    return sluice::next;
  }

 private:
  sluice::Header header_;  // a name as a number: looked up once, here
  std::string value_;
};

}  // namespace

SLC_PLUGIN("@VENDOR@.@NAME@", "0.1.0", Plugin)
