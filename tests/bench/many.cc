// test/many-000: one of very many. many_plugins.py makes copies of the built file with another number in its place; id, binding and
// note have it, each with three digits.
#include <sluice/plugin.hpp>

namespace {

class Many {
 public:
  static constexpr auto name = "test/many-000";
  static constexpr auto scopes = sluice::scope::endpoint | sluice::scope::backend;
  static constexpr int32_t stage = 450;
  static constexpr auto schema =
      R"({"type": "object", "additionalProperties": false, "properties": {"header": {"type": "string", "minLength": 1}, "value": {"type": "string"}}})";
  explicit Many(sluice::Setup& setup) : header_{setup.header_option("header", "X-Many")}, value_{setup.text("value")} {}
  sluice::Action on_request(sluice::Exchange x) const { return x.header(header_) == value_ ? x.reply(403) : sluice::next; }

 private:
  sluice::Header header_;
  std::string value_;
};

}  // namespace

SLC_PLUGIN("test.many-000", "1.0.0", Many)
