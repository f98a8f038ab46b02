#include "sax.h"

#include <expat.h>

#include <cstring>
#include <memory>
#include <vector>

#include "charset.h"

namespace sluice::xml {

namespace {

bool blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// The value of `encoding` in the text between "<?xml" and "?>".
std::string_view declared_charset(std::string_view declaration) {
  constexpr std::string_view kWord = "encoding";
  for (size_t at = declaration.find(kWord); at != declaration.npos; at = declaration.find(kWord, at + 1)) {
    size_t i = at + kWord.size();
    while (i < declaration.size() && blank(declaration[i])) ++i;
    if (i == declaration.size() || declaration[i] != '=') continue;
    ++i;
    while (i < declaration.size() && blank(declaration[i])) ++i;
    if (i == declaration.size() || (declaration[i] != '"' && declaration[i] != '\'')) continue;
    size_t end = declaration.find(declaration[i], i + 1);
    if (end != declaration.npos) return declaration.substr(i + 1, end - i - 1);
  }
  return {};
}

// Behind "<!DOCTYPE … [ … ] >": brackets nest, quotes and comments hide them.
size_t skip_directive(std::string_view text, size_t i) {
  size_t depth = 0;
  for (; i < text.size(); ++i) {
    char c = text[i];
    if (c == '"' || c == '\'') {
      i = text.find(c, i + 1);
      if (i == text.npos) return text.size();
    } else if (c == '<') {
      if (depth && text.substr(i).starts_with("<!--")) {
        i = text.find("-->", i + 4);
        if (i == text.npos) return text.size();
        i += 2;
      } else {
        ++depth;
      }
    } else if (c == '>' && --depth == 0) {
      return i + 1;
    }
  }
  return i;
}

struct HtmlEntity {
  std::string_view name, text;
};
constexpr HtmlEntity kHtml[] = {
    {"nbsp", "\u00a0"},  {"copy", "\u00a9"},   {"reg", "\u00ae"},    {"trade", "\u2122"},  {"hellip", "\u2026"}, {"mdash", "\u2014"},
    {"ndash", "\u2013"}, {"lsquo", "\u2018"},  {"rsquo", "\u2019"},  {"ldquo", "\u201c"},  {"rdquo", "\u201d"},  {"laquo", "\u00ab"},
    {"raquo", "\u00bb"}, {"bull", "\u2022"},   {"middot", "\u00b7"}, {"euro", "\u20ac"},   {"pound", "\u00a3"},  {"deg", "\u00b0"},
    {"times", "\u00d7"}, {"szlig", "\u00df"},  {"auml", "\u00e4"},   {"ouml", "\u00f6"},   {"uuml", "\u00fc"},   {"Auml", "\u00c4"},
    {"Ouml", "\u00d6"},  {"Uuml", "\u00dc"},   {"eacute", "\u00e9"}, {"egrave", "\u00e8"}, {"ecirc", "\u00ea"},  {"agrave", "\u00e0"},
    {"aacute", "\u00e1"}, {"acirc", "\u00e2"}, {"ccedil", "\u00e7"}, {"iacute", "\u00ed"}, {"oacute", "\u00f3"}, {"ocirc", "\u00f4"},
    {"uacute", "\u00fa"}, {"ntilde", "\u00f1"}, {"aring", "\u00e5"}, {"oslash", "\u00f8"}, {"aelig", "\u00e6"},
};

constexpr std::string_view kUnreadDtd = "<!DOCTYPE x SYSTEM \"x\">";

// Expat's callbacks. Nothing may throw through a C library: what a handler throws ends the parse.
class Run {
 public:
  Run(Handler& handler, XML_Parser parser) : handler_{handler}, parser_{parser} {
    XML_SetUserData(parser, this);
    XML_SetElementHandler(
        parser, [](void* self, const char* name, const char** attributes) { of(self).start(name, attributes); },
        [](void* self, const char*) { of(self).end(); });
    XML_SetCharacterDataHandler(parser, [](void* self, const char* s, int n) { of(self).text({s, static_cast<size_t>(n)}); });
    XML_SetCommentHandler(parser, [](void* self, const char*) { of(self).gap(); });
    XML_SetProcessingInstructionHandler(parser, [](void* self, const char*, const char*) { of(self).gap(); });
    XML_SetCdataSectionHandler(parser, [](void* self) { of(self).gap(); }, [](void* self) { of(self).gap(); });
  }
  void lenient() {
    // With a DTD that nobody reads, unknown entities are told of instead of refused (XML 1.0 §4.1, WFC: Entity Declared).
    XML_Parse(parser_, kUnreadDtd.data(), static_cast<int>(kUnreadDtd.size()), XML_FALSE);
    XML_SetSkippedEntityHandler(parser_, [](void* self, const char* name, int parameter) {
      if (!parameter) of(self).skipped(name);
    });
  }
  bool done() const { return done_; }
  const char* wrong() const { return wrong_; }

 private:
  static Run& of(void* self) { return *static_cast<Run*>(self); }
  void stop(const char* wrong) {
    wrong_ = wrong;
    stopped_ = true;
    XML_StopParser(parser_, XML_FALSE);
  }
  template <class F>
  void guarded(F&& call) {
    if (stopped_) return;  // expat may have one more event
    try {
      if (!call()) stop(handler_.refusal());
    } catch (...) {
      stop("no memory for the document");
    }
  }
  void start(const char* name, const char** attributes) {
    if (++depth_ > kMaxDepth && !stopped_) return stop("nested too deep");
    guarded([&] {
      attributes_.clear();
      for (; *attributes; attributes += 2) attributes_.push_back({attributes[0], attributes[1]});
      return handler_.start(name, attributes_);
    });
  }
  void end() {
    guarded([&] { return handler_.end(); });
    if (--depth_ == 0 && !stopped_) {
      done_ = true;
      stop(nullptr);  // what follows the first root element is nobody's
    }
  }
  void text(std::string_view s) {
    guarded([&] { return handler_.text(s); });
  }
  void gap() {
    guarded([&] { return handler_.gap(); });
  }
  void skipped(const char* name) {
    for (const HtmlEntity& e : kHtml)
      if (e.name == name) return text(e.text);
    guarded([&] { return handler_.text("&" + std::string{name} + ";"); });
  }

  Handler& handler_;
  XML_Parser parser_;
  std::vector<Attribute> attributes_;
  uint32_t depth_ = 0;
  bool done_ = false, stopped_ = false;
  const char* wrong_ = nullptr;
};

bool refuse(std::string* why, std::string text) {
  *why = std::move(text);
  return false;
}

}  // namespace

bool local_name(std::string_view name, std::string_view* prefix, std::string_view* local) {
  size_t colon = name.find(':');
  *prefix = {};
  *local = name;
  if (colon == name.npos) return true;
  if (name.find(':', colon + 1) != name.npos) return false;
  if (colon == 0 || colon + 1 == name.size()) return true;  // no prefix, or nothing behind it: the name is the whole
  *prefix = name.substr(0, colon);
  *local = name.substr(colon + 1);
  return true;
}

size_t skip_prolog(std::string_view text, std::string_view* label) {
  *label = {};
  for (size_t i = text.find('<'); i != text.npos; i = i < text.size() ? text.find('<', i) : text.npos) {
    std::string_view rest = text.substr(i);
    size_t end = text.npos;
    if (rest.starts_with("<?")) {
      end = text.find("?>", i + 2);
      if (end == text.npos) return text.size();
      if (rest.starts_with("<?xml") && rest.size() > 5 && blank(rest[5])) *label = declared_charset(text.substr(i + 5, end - i - 5));
      i = end + 2;
    } else if (rest.starts_with("<!--")) {
      end = text.find("-->", i + 4);
      if (end == text.npos) return text.size();
      i = end + 3;
    } else if (rest.starts_with("<!")) {
      i = skip_directive(text, i);
    } else {
      return i;
    }
  }
  return text.size();
}

bool parse(std::string_view body, Entities entities, Handler& handler, std::string* why) {
  std::string converted;
  bool by_mark = body.starts_with("\xff\xfe") || body.starts_with("\xfe\xff");
  if (by_mark) {
    to_utf8(body[0] == '\xff' ? "utf-16le" : "utf-16be", body.substr(2), &converted);
    body = converted;
  }
  std::string_view label;
  size_t root = skip_prolog(body, &label);
  if (root == body.size()) return refuse(why, body.empty() ? "the body is empty" : "the body has no XML element");
  body.remove_prefix(root);
  if (!by_mark && !label.empty()) {
    switch (to_utf8(label, body, &converted)) {
      case Charset::unknown: return refuse(why, "the body's character set is unknown: \"" + std::string{label.substr(0, 64)} + '"');
      case Charset::converted: body = converted; break;
      case Charset::already_utf8: break;
    }
  }
  if (body.size() > kMaxText) return refuse(why, "the body is too big");

  std::unique_ptr<XML_ParserStruct, void (*)(XML_Parser)> parser{XML_ParserCreate("UTF-8"), XML_ParserFree};
  if (!parser) return refuse(why, "no memory for the document");
  Run run{handler, parser.get()};
  if (entities == Entities::lenient) run.lenient();
  XML_Parse(parser.get(), body.data(), static_cast<int>(body.size()), XML_TRUE);
  if (run.done()) return true;
  const char* wrong = run.wrong() ? run.wrong() : XML_ErrorString(XML_GetErrorCode(parser.get()));
  auto at = XML_GetCurrentByteIndex(parser.get());
  if (entities == Entities::lenient) at -= static_cast<XML_Index>(kUnreadDtd.size());
  return refuse(why, "invalid XML at byte " + std::to_string(at < 0 ? 0 : at) + " of the root element: " + (wrong ? wrong : "unclosed"));
}

}  // namespace sluice::xml
