// A step's request, from the templates of the block `sluice`.
#include "core/base/text.h"
#include "core/document/write.h"
#include "core/pipeline/parts.h"

namespace sluice::pipeline {
namespace {

using document::Node;

class RequestTemplates {
 public:
  RequestTemplates(BackendScope& call, ReferenceValues& values) : call_{call}, values_{values}, arena_{values.memory()} {}

  void headers(const PartPlan& s) {
    if (s.headers.empty()) return;
    http::Headers& to = call_.own_request_headers();
    for (const auto& [name, value] : s.headers) {
      std::string_view text;
      to.remove(name);
      if (!render(value, &text)) continue;
      if (!is_field_value(text)) {
        fail(arena_.concat("the value for the header ", name, " cannot stand in one"));
        return;
      }
      to.add(name, text);
    }
  }

  void query(const PartPlan& s) {
    std::string_view all = call_.request.query;
    for (const auto& [name, value] : s.query) {
      std::string_view text;
      if (!render(value, &text)) continue;
      all = arena_.concat(all, all.empty() ? "" : "&", name, "=", percent_encode(text));
    }
    call_.request.query = all;
  }

  void body(const PartPlan& s) {
    std::string_view text;
    if (s.text_body) {
      if (!render(*s.text_body, &text)) text = {};
    } else if (s.json_body) {
      Node root = make(*s.json_body);
      text = arena_.copy(document::to_json(arena_, root));
    } else {
      return;
    }
    if (call_.error) return;
    http::Headers& headers = call_.own_request_headers();
    headers.remove("Content-Encoding");  // of the client's body
    bool typed = false;
    for (const auto& [name, value] : s.headers) typed = typed || name == "Content-Type";
    if (!typed) headers.remove("Content-Type");
    if (!typed && s.json_body) headers.add("Content-Type", "application/json");
    call_.set_body(text);
  }

 private:
  // False: a part of it that is the client's is not there. What other steps should have given was looked at before.
  bool render(const Template& t, std::string_view* out) {
    const Reference* missing = nullptr;
    if (t.render(values_, out, &missing)) return true;
    if (missing->of_step()) fail(arena_.concat(missing->text(), " is not there, or too big to be written"));
    return false;
  }

  Node make(const BodyValue& v) {
    switch (v.kind) {
      case BodyValue::Kind::constant: return document::share(v.constant);
      case BodyValue::Kind::text: {
        if (const Reference* r = v.text.alone()) {
          Node* n = values_.find(*r);
          return n ? *n : document::make_null();
        }
        std::string_view text;
        return render(v.text, &text) ? document::make_string(text) : document::make_null();
      }
      case BodyValue::Kind::list: {
        Node list;
        list.kind = document::Kind::array;
        list.count = static_cast<uint32_t>(v.children.size());
        list.elements = arena_.array<Node>(v.children.size() + 1);
        for (uint32_t i = 0; i < list.count; ++i) new (&list.elements[i]) Node(make(v.children[i]));
        return list;
      }
      case BodyValue::Kind::object: break;
    }
    document::ObjectWriter object{arena_};
    for (const BodyValue& child : v.children) object.set(child.name, make(child));
    return object.finish();
  }

  void fail(std::string_view why) {
    if (call_.error) return;
    call_.error = {.code = Errc::invalid, .source = Source::backend, .http_status = 502, .message = why, .public_message = why};
  }

  BackendScope& call_;
  ReferenceValues& values_;
  Arena& arena_;
};

}  // namespace

void write_request(BackendScope& call, const PartPlan& step, ReferenceValues& values) {
  if (!step.writes_request()) return;
  RequestTemplates templates{call, values};
  templates.headers(step);
  templates.query(step);
  templates.body(step);
}

}  // namespace sluice::pipeline
