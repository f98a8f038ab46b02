// sluice.negotiate: the encoder "negotiate", which lets the request's Accept header choose (pipeline.md §8.3).
#include "../json/encode.h"
#include "../xml/encode.h"
#include "../yaml/encode.h"
#include "sluice/plugin.hpp"

namespace {

constexpr std::string_view kJson = "application/json", kText = "text/plain", kXml = "application/xml", kYaml = "application/x-yaml";

// Does this entry take that type? Entries may end early ("application/x") or in a star; letters are compared as they stand.
bool takes(std::string_view entry, std::string_view type) {
  size_t i = 0;
  for (; i < entry.size() && i < type.size(); ++i) {
    if (entry[i] == '*') return true;
    if (entry[i] != type[i]) return false;
  }
  return i == entry.size();
}

std::string_view trimmed(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

// The first offer that the first matching entry takes; quality values are not looked at. Without a match: JSON.
std::string_view choose(std::string_view accept) {
  while (!accept.empty()) {
    size_t comma = accept.find(',');
    std::string_view entry = accept.substr(0, comma);
    accept = comma == accept.npos ? std::string_view{} : accept.substr(comma + 1);
    entry = trimmed(entry.substr(0, entry.find(';')));
    if (entry.empty()) continue;
    for (std::string_view offer : {kJson, kText, kXml, kYaml})
      if (takes(entry, offer)) return offer;
  }
  return kJson;
}

class Negotiate {
 public:
  static constexpr auto name = "negotiate";
  static constexpr auto content_type = "application/json; charset=utf-8";

  explicit Negotiate(sluice::Setup& setup) : accept_{setup.header("Accept")}, content_type_{setup.header("Content-Type")} {
    sluice::json::document_api.store(setup.services().document, std::memory_order_relaxed);
    sluice::json::exchange_api.store(setup.services().exchange, std::memory_order_relaxed);
  }

  sluice::Status encode(sluice::Exchange x, sluice::Value data) const {
    std::string_view chosen = choose(x.client().header(accept_));
    if (chosen == kXml) {
      x.response().set_header(content_type_, sluice::xml::kContentType);
      return sluice::xml::encode(x, data);
    }
    if (chosen == kText || chosen == kYaml) {  // the reference answers text/plain with YAML as well
      std::string out;
      sluice::yaml::render(data, &out);
      x.response().set_header(content_type_, sluice::yaml::kContentType);
      return x.append_body(out);
    }
    return {sluice::json::encode(x.handle(), data.handle())};
  }

 private:
  sluice::Header accept_, content_type_;
};

}  // namespace

SLC_PLUGIN("sluice.negotiate", "0.1.0", sluice::Encoder<Negotiate>)
