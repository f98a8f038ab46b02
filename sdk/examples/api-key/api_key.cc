// example/api-key: lets requests pass that carry one of the configured keys, and tells the backends whose key it was.
//
//   "extra_config": { "example/api-key": { "keys": [{ "key": "open sesame", "consumer": "ali" }] } }
//
// The object of this class is made once per block and shared by all workers, which is why the hook is const.
#include <sluice/plugin.hpp>

namespace {

class ApiKey {
 public:
  static constexpr auto name = "example/api-key";
  static constexpr auto scopes = sluice::scope::endpoint;
  static constexpr int32_t stage = 250;  // after bot detection (100), before tokens are validated (300) and requests counted (700)
  static constexpr auto schema = R"({
  "$schema": "http://json-schema.org/draft-07/schema#",
  "title": "example/api-key",
  "description": "Lets requests pass that carry one of these keys.",
  "type": "object",
  "required": ["keys"],
  "additionalProperties": false,
  "properties": {
    "header": {"type": "string", "default": "X-Api-Key", "description": "Where clients put their key."},
    "consumer_header": {"type": "string", "default": "X-Consumer", "description": "Tells the backends who called. List it in input_headers."},
    "keys": {
      "type": "array",
      "minItems": 1,
      "items": {
        "type": "object",
        "required": ["key", "consumer"],
        "additionalProperties": false,
        "properties": {
          "key": {"type": "string", "minLength": 8},
          "consumer": {"type": "string", "minLength": 1}
        }
      }
    }
  }
})";

  // Reads the block. The getters report what is wrong at its place and go on with the default, so that one run names all
  // problems; an object with a problem is thrown away.
  explicit ApiKey(sluice::Setup& setup)
      : header_{setup.header_option("header", "X-Api-Key")},
        consumer_header_{setup.header_option("consumer_header", "X-Consumer")},
        rejected_{setup.counter("api_key_rejected_total", "Requests without a valid key")} {
    setup.each("keys", [&](sluice::Setup item) {
      Key k{item.text("key"), item.text("consumer")};
      // What a schema cannot say is checked here.
      for (const Key& other : keys_) {
        if (other.key == k.key) item.error("key", "is the key of \"" + other.consumer + "\" already; give each consumer its own");
      }
      keys_.push_back(std::move(k));
    });
  }

  // On a worker thread. Headers are looked up by number, the text is a view into the request: nothing is copied.
  sluice::Action on_request(sluice::Exchange x) const {
    const Key* found = find(x.header(header_));
    if (found == nullptr) {
      rejected_.add(x);
      return x.reply(401, R"({"message":"missing or wrong API key"})");
    }
    x.request().remove_header(header_);                 // the key is between the client and us
    x.set_header(consumer_header_, found->consumer);    // replaces what a client may have sent to pose as somebody else
    return sluice::next;
  }

 private:
  struct Key {
    std::string key, consumer;
  };

  // Looks at all keys and all their bytes, so that the time it takes tells nobody how much of a guess was right.
  const Key* find(std::string_view given) const {
    const Key* found = nullptr;
    for (const Key& k : keys_) {
      if (k.key.size() != given.size()) continue;
      unsigned char differ = 0;
      for (size_t i = 0; i < given.size(); ++i) differ |= static_cast<unsigned char>(given[i] ^ k.key[i]);
      if (differ == 0) found = &k;
    }
    return found;
  }

  sluice::Header header_, consumer_header_;
  sluice::Counter rejected_;
  std::vector<Key> keys_;
};

}  // namespace

SLC_MIDDLEWARE_PLUGIN("example.api-key", "1.0.0", ApiKey)
