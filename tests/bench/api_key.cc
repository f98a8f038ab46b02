// test/api-key: the key check of docs/plugin-guide.md.
#include <sluice/plugin.hpp>

namespace {

class ApiKey {
 public:
  static constexpr auto name = "test/api-key";
  static constexpr auto scopes = sluice::scope::endpoint;
  static constexpr int32_t stage = 250;
  explicit ApiKey(sluice::Setup& setup) : header_{setup.header_option("header", "X-Api-Key")}, key_{setup.text("key")} {}
  sluice::Action on_request(sluice::Exchange x) const {
    if (same(x.header(header_), key_)) return sluice::next;
    return x.reply(401, R"({"message":"missing or wrong API key"})");
  }

 private:
  static bool same(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    unsigned char differ = 0;
    for (size_t i = 0; i < a.size(); ++i) differ |= static_cast<unsigned char>(a[i] ^ b[i]);
    return differ == 0;
  }
  sluice::Header header_;
  std::string key_;
};

}  // namespace

SLC_PLUGIN("test.api-key", "1.0.0", ApiKey)
