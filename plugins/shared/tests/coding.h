// Decoders and encoders in tests: text in, text out.
#pragma once
#include <gtest/gtest.h>

#include <sluice/testing.hpp>
#include <string>
#include <string_view>

namespace sluice::testing {

class Coding {
 public:
  explicit Coding(std::string_view name) : name_{name} {}

  // The document as JSON, the same whether the body comes whole or in single bytes; "error: …" when it is refused.
  std::string decode(std::string_view body, bool collection = false) {
    Configured decoder{host, SLC_ENTRY_SYMBOL, name_, {}, SLC_AT_BACKEND, SLC_IFACE_DECODER};
    EXPECT_TRUE(decoder.ok()) << host.problem_text();
    std::string results[2];
    for (size_t piece : {0, 1}) {
      Json out;
      uint32_t flags = collection ? SLC_DECODE_COLLECTION : 0;
      results[piece] = decoder.decode(body, out, piece, flags) == SLC_OK ? out.write() : "error: " + decoder.decode_error;
    }
    EXPECT_EQ(results[0], results[1]) << "in single bytes";
    return results[0];
  }
  std::string encode(std::string_view json) {
    std::string error;
    Json data = Json::parse(json, error);
    EXPECT_EQ(error, "");
    return encode(data);
  }
  std::string encode(const Json& data, std::string_view accept = {}) {
    Configured encoder{host, SLC_ENTRY_SYMBOL, name_, {}, SLC_AT_ENDPOINT, SLC_IFACE_ENCODER};
    EXPECT_TRUE(encoder.ok()) << host.problem_text();
    FakeExchange x{host};
    if (!accept.empty()) x.add_header(SLC_REQUEST, "Accept", accept);
    x.has_data = true;
    x.data = data;
    EXPECT_EQ(encoder.encode(x), SLC_OK);
    content_type = x.header(SLC_RESPONSE, "content-type");
    return x.response_body;
  }
  // A document as it comes from a JSON backend: its numbers have their source.
  static Json from_backend(std::string_view json) {
    std::string error;
    Json out = Json::parse(json, error);
    EXPECT_EQ(error, "");
    mark(out);
    return out;
  }

  FakeHost host;
  std::string content_type;

 private:
  static void mark(Json& j) {
    if (j.is(SLC_NUMBER)) j.source = j.text, j.source_format = "json";
    for (Json& e : j.elements) mark(e);
  }
  std::string name_;
};

}  // namespace sluice::testing
