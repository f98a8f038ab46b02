// The output encoding "@NAME@" of an endpoint: the members of the answer as lines of key=value, values that are no texts as
// JSON. In the configuration of an endpoint:
//
//   "output_encoding": "@NAME@"
#include <sluice/plugin.hpp>

namespace {

class Plugin {
 public:
  static constexpr auto name = "@NAME@";
  static constexpr auto content_type = "text/plain; charset=utf-8";

  // Writes the body. `data` is absent when there is no answer; it may also be a list.
  sluice::Status encode(sluice::Exchange x, sluice::Value data) const {
    std::string out;
    if (data.is_object()) {
      data.each([&](std::string_view key, sluice::Value value) {
        out.append(key) += '=';
        if (value.is_string()) out += value.text();
        else sluice::append_json(out, value);
        out += '\n';
      });
    } else if (data.present()) {
      sluice::append_json(out, data);
      out += '\n';
    }
    return x.append_body(out);
  }
};

}  // namespace

SLC_PLUGIN("@VENDOR@.@NAME@", "0.1.0", Plugin)
