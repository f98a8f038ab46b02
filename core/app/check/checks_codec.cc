// Decoders and encoders, called as the gateway calls them but with every cut of the input: the answer must not depend on where
// a chunk ends.
#include <algorithm>

#include "core/app/check/kit.h"
#include "core/app/check/spy.h"
#include "core/document/builder.h"
#include "core/http/client.h"
#include "core/loop/loop.h"
#include "core/plugin/exchange.h"
#include "core/plugin/token_table.h"

namespace sluice::app::check {
namespace {

// A worker without a gateway, for the states of decoders.
class Workbench {
 public:
  Workbench() : client_{loop_, http::ClientOptions{}, 1}, worker_{std::make_unique<slc_worker>(loop_, client_, 0u, 1u)} {
    plugin::register_worker(worker_.get());
    plugin::enter_worker(*worker_);
  }
  ~Workbench() {
    plugin::unregister_worker(worker_.get());
    worker_.reset();
    client_.close();
    loop_.stop();
    loop_.run();
  }
  slc_worker& worker() { return *worker_; }

 private:
  loop::Loop loop_;
  http::Client client_;
  std::unique_ptr<slc_worker> worker_;
};

// A body with its name for messages.
struct Body {
  const char* what;
  std::string text;
};

std::vector<Body> bodies(const std::string& own) {
  std::string deep_json, deep_xml, garbage(4'000, '\0');
  for (int i = 0; i < 20'000; ++i) deep_json += "[{\"a\":";
  for (int i = 0; i < 20'000; ++i) deep_xml += "<a>";
  uint32_t seed = 7;
  for (char& c : garbage) c = static_cast<char>((seed = seed * 1664525u + 1013904223u) >> 24);
  std::vector<Body> all{
      {"an empty body", ""},
      {"a JSON document", std::string{sample_document()}},
      {"a JSON list", R"([{"a":1},{"a":2},"é😀",-0.5e10])"},
      {"truncated JSON", std::string{sample_document()}.substr(0, 60)},
      {"an XML document", "<?xml version=\"1.0\"?><r a=\"1\"><b>x &amp; y</b><b/><c><![CDATA[<z>]]></c></r>"},
      {"a feed", "<rss version=\"2.0\"><channel><title>t</title><link>http://x/</link><item><title>a</title><link>http://x/a</link></item></channel></rss>"},
      {"lines of key: value", "a: 1\nb:\n  - x\n  - \"y\"\nc: {d: e}\n"},
      {"lines of key=value", "a=1\nb=text\nc={d=1;e=2}\n"},
      {"rows of a table", "id,name\r\n1,Ada\r\n2,\"a \"\"quoted\"\", text\"\r\n"},
      {"plain text", "hello world\n"},
      {"bytes that are no text", garbage},
      {"zero bytes", std::string(1'000, '\0')},
      {"20,000 open JSON lists", deep_json},
      {"20,000 open XML elements", deep_xml},
      {"a text of 256 KiB", std::string(size_t{256} << 10, 'a')}};
  if (!own.empty()) all.push_back({"the body given", own});
  return all;
}

// A document as text; deferred parts are expanded. Depth is bounded by the builder.
void write(Arena& arena, document::Node& n, std::string& out) {
  document::expand(arena, n);
  switch (n.kind) {
    case document::Kind::null: out += "null"; break;
    case document::Kind::boolean: out += document::boolean(&arena, n) ? "true" : "false"; break;
    case document::Kind::number: out += document::text(arena, n); break;
    case document::Kind::string: out.append("\"").append(document::text(arena, n)) += '"'; break;
    case document::Kind::array:
    case document::Kind::object: {
      out += n.kind == document::Kind::array ? '[' : '{';
      for (uint32_t i = 0, count = document::count(arena, n); i < count; ++i) {
        std::string_view key;
        document::Node* child = document::at(&arena, n, i, &key);
        if (!child) break;
        out.append(key) += ':';
        write(arena, *child, out);
        out += ',';
      }
      out += n.kind == document::Kind::array ? ']' : '}';
    }
  }
}

struct Decoded {
  bool ok = false;
  std::string text;  // the document, or why there is none
  bool operator==(const Decoded& o) const { return ok == o.ok && (!ok || text == o.text); }
};

Decoded decode(const slc_decoder& table, void* state, std::string_view body, size_t piece, uint32_t flags) {
  BlockPool pool;
  Arena arena{pool};
  document::Format format;
  format.name = plugin::view(table.format);
  format.context = const_cast<slc_decoder*>(&table);
  format.expand = [](const document::Format* f, std::string_view text, document::Builder& into) noexcept {
    auto* t = static_cast<const slc_decoder*>(f->context);
    slc_builder builder{into.arena(), f};
    document::Node node;
    if (!t->expand || t->expand(plugin::str(text), &builder) != SLC_OK || !builder.build.finish(&node)) return false;
    return into.copy(node);
  };
  // In memory of their own, so that reading over the end of a chunk is noticed by who looks for it.
  std::vector<std::string> pieces;
  for (size_t at = 0; at < body.size(); at += piece) pieces.emplace_back(body.substr(at, piece));
  std::vector<slc_str> chunks;
  for (const std::string& p : pieces) chunks.push_back({p.data(), p.size()});
  slc_builder builder{arena, &format};
  slc_str why{nullptr, 0};
  const slc_status status = table.decode(state, chunks.data(), static_cast<uint32_t>(chunks.size()), flags, &builder, &why);
  document::Node root;
  Decoded out;
  if (status != SLC_OK) return out.text = plugin::view(why), out;
  if (!builder.build.finish(&root)) return out.text = "not exactly one whole document", out;
  out.ok = true;
  write(arena, root, out.text);
  return out;
}

}  // namespace

void check_codec(Session& s) {
  std::vector<const plugin::Binding*> decoders, encoders;
  for (const plugin::Binding* b : s.bindings()) {
    if (b->interface_id == SLC_IFACE_DECODER && plugin::table<slc_decoder>(*b)->decode) decoders.push_back(b);
    if (b->interface_id == SLC_IFACE_ENCODER && plugin::table<slc_encoder>(*b)->encode) encoders.push_back(b);
  }
  if (decoders.empty() && encoders.empty()) return;

  // What the plugin's own encoder writes is what its decoder must read.
  std::string own;
  size_t encoded = 0;
  if (!encoders.empty()) {
    std::string why;
    auto site = s.open(1, "2s", why);
    if (!site) return s.tell(State::failed, "codec", "the gateway does not start with it: " + why);
    for (const Spot& spot : s.spots()) {
      if (spot.binding->interface_id != SLC_IFACE_ENCODER) continue;
      for (const char* mode : {"ok", "empty", "big", "deep", "error", "chunked"}) {
        const Answer a = s.expect_answer(*site, "codec", spot.title + ", encoding \"" + mode + "\"", request_text("GET", spot.path + "/" + mode));
        if (mode == std::string_view{"ok"} && a.status == 200) {
          own = a.body;
          if (a.header("content-type").empty())
            s.tell(State::note, "codec", spot.title + " answers without Content-Type", "Set content_type in its table, or set_header in encode.");
        }
        if (mode == std::string_view{"ok"} && a.status != 200)
          s.tell(State::failed, "codec", spot.title + " answers " + std::to_string(a.status) + " for an ordinary document: " + std::string{sample_document()});
        ++encoded;
      }
    }
  }

  size_t tried = 0, understood = 0;
  bool differs = false;
  if (!decoders.empty()) {
    Workbench bench;
    for (const plugin::Binding* b : decoders) {
      config::Report report;
      plugin::ObjectFactory factory{s.registry(), 1, report};
      auto object = factory.make(*b, nullptr, {0, "[CHECK]", "", nullptr, nullptr, nullptr, ""});
      if (!object) continue;
      if (auto started = object->start(bench.worker()); !started) {
        s.tell(State::failed, "codec", started.error().message);
        continue;
      }
      const auto& table = *plugin::table<slc_decoder>(*b);
      for (const Body& body : bodies(own))
        for (uint32_t flags : {0u, uint32_t{SLC_DECODE_COLLECTION}}) {
          const plugin::PlaceScope place{&object->place()};
          const Decoded whole = decode(table, object->state(bench.worker()), body.text, std::max<size_t>(body.text.size(), 1), flags);
          ++tried;
          understood += whole.ok;
          for (size_t piece : {size_t{1}, size_t{7}, size_t{4096}}) {
            if (piece >= body.text.size() || (piece == 1 && body.text.size() > 20'000)) continue;
            const Decoded cut = decode(table, object->state(bench.worker()), body.text, piece, flags);
            ++tried;
            if (cut == whole) continue;
            differs = true;
            auto told = [](const Decoded& d) { return d.ok ? d.text.substr(0, 120) : "refused (" + d.text.substr(0, 80) + ")"; };
            s.tell(State::failed, "codec",
                   "decode of \"" + b->name + "\" gives another result for " + body.what + " in pieces of " + std::to_string(piece) + " bytes:\nwhole: " +
                       told(whole) + "\ncut:   " + told(cut),
                   "The body comes in chunks that end anywhere: put them together first, or keep the state between them.");
            break;
          }
        }
      object->stop(bench.worker());
    }
    if (!understood)
      s.tell(State::note, "codec", "none of the bodies was understood, so that only refusals were tried",
             "Bind an encoder of the same name, or test ordinary bodies with sluice test-plugin.");
  }
  if (!s.tell_violations() && !differs)
    s.tell(State::passed, "codec", (encoders.empty() ? std::string{} : std::to_string(encoded) + " documents encoded") +
                                       (encoders.empty() || decoders.empty() ? "" : ", ") +
                                       (decoders.empty() ? std::string{} : std::to_string(tried) + " bodies decoded, whole and cut anywhere, " +
                                                                               std::to_string(understood) + " of them understood"));
}

}  // namespace sluice::app::check
