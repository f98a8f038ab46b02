#include "dom.h"

#include <algorithm>

#include "../xml/sax.h"

namespace sluice::rss {

namespace {

struct Space {
  std::string_view uri, prefix;
};
// Namespaces under the prefix that everybody means, whatever a document binds to them.
constexpr Space kSpaces[] = {
    {"http://purl.org/rss/1.0/", ""},
    {"http://purl.org/net/rss1.1#", ""},
    {"http://my.netscape.com/rdf/simple/0.9/", ""},
    {"http://backend.userland.com/rss2", ""},
    {"http://www.w3.org/1999/02/22-rdf-syntax-ns#", "rdf"},
    {"http://purl.org/rss/1.0/modules/content/", "content"},
    {"http://purl.org/dc/elements/1.1/", "dc"},
    {"http://purl.org/dc/elements/1.0/", "dc"},
    {"http://purl.org/dc/terms/", "dcterms"},
    {"http://www.itunes.com/dtds/podcast-1.0.dtd", "itunes"},
    {"http://search.yahoo.com/mrss/", "media"},
    {"http://search.yahoo.com/mrss", "media"},
    {"http://purl.org/rss/1.0/modules/slash/", "slash"},
    {"http://purl.org/rss/1.0/modules/syndication/", "sy"},
    {"http://purl.org/syndication/thread/1.0", "thr"},
    {"http://wellformedweb.org/commentapi/", "wfw"},
    {"http://www.georss.org/georss", "georss"},
    {"http://www.w3.org/2003/01/geo/wgs84_pos#", "geo"},
    {"http://xmlns.com/foaf/0.1/", "foaf"},
    {"https://podcastindex.org/namespace/1.0", "podcast"},
};
constexpr std::string_view kAtom[] = {"http://www.w3.org/2005/atom", "http://purl.org/atom/ns#"};

std::string lower(std::string_view s) {
  std::string out{s};
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

class Reader : public xml::Handler {
 public:
  bool start(std::string_view name, std::span<const xml::Attribute> attributes) override {
    if (open_.size() == kMaxDepth) return refusal_ = "nested too deep", false;
    std::string_view prefix, local;
    if (!xml::local_name(name, &prefix, &local)) return refusal_ = "a name with two colons", false;
    auto e = std::make_unique<Element>();
    e->written = name, e->name = lower(local);
    size_t before = bound_.size();
    for (const xml::Attribute& a : attributes) {
      std::string_view p, l;
      if (!xml::local_name(a.name, &p, &l)) return refusal_ = "a name with two colons", false;
      if (p == "xmlns" || a.name == "xmlns") bound_.push_back({std::string{p.empty() ? p : l}, lower(xml_trim(a.value))});
      e->attributes.emplace_back(p == "xml" ? a.name : l, a.value);
    }
    scopes_.push_back(before);
    e->prefix = canonical(prefix);
    if (open_.empty()) {
      // In a feed whose root belongs to Atom, that is the language everything is in.
      root_prefix_ = std::exchange(e->prefix, {});
      root_ = std::move(e);
      open_.push_back(root_.get());
      return true;
    }
    if (e->prefix == root_prefix_) e->prefix.clear();
    Element& parent = *open_.back();
    parent.pieces.push_back({{}, parent.children.size()});
    parent.children.push_back(std::move(e));
    open_.push_back(parent.children.back().get());
    return true;
  }
  bool end() override {
    open_.pop_back();
    bound_.resize(scopes_.back());
    scopes_.pop_back();
    return true;
  }
  bool text(std::string_view s) override {
    auto& pieces = open_.back()->pieces;
    if (pieces.empty() || pieces.back().child != SIZE_MAX) pieces.emplace_back();
    pieces.back().text += s;
    return true;
  }
  const char* refusal() const override { return refusal_; }
  std::unique_ptr<Element> take() { return std::move(root_); }

 private:
  struct Binding {
    std::string prefix, uri;
  };
  static std::string_view xml_trim(std::string_view s) { return trimmed(s); }
  std::string canonical(std::string_view prefix) const {
    auto found = std::find_if(bound_.rbegin(), bound_.rend(), [&](const Binding& b) { return b.prefix == prefix; });
    if (found != bound_.rend())
      for (const Space& s : kSpaces)
        if (s.uri == found->uri) return std::string{s.prefix};
    // Atom's own elements have no prefix where they are the default, and "atom" elsewhere.
    bool atom = found != bound_.rend() && std::find(std::begin(kAtom), std::end(kAtom), found->uri) != std::end(kAtom);
    return atom && !prefix.empty() ? "atom" : std::string{prefix};
  }

  std::unique_ptr<Element> root_;
  std::vector<Element*> open_;
  std::vector<Binding> bound_;
  std::vector<size_t> scopes_;
  std::string root_prefix_;
  const char* refusal_ = "the document is refused";
};

void put_inner(std::string& out, const Element& e) {
  for (const Element::Piece& p : e.pieces) {
    if (p.child == SIZE_MAX) {
      out += p.text;
      continue;
    }
    const Element& c = *e.children[p.child];
    out += '<' + c.written;
    for (const auto& [name, value] : c.attributes) {
      if (name == "xmlns") continue;
      out += ' ' + name + "=\"";
      for (char ch : value) {
        if (ch == '"') out += "&quot;";
        else out += ch;
      }
      out += '"';
    }
    if (c.pieces.empty()) {
      out += "/>";
      continue;
    }
    out += '>';
    put_inner(out, c);
    out += "</" + c.written + '>';
  }
}

}  // namespace

std::string_view trimmed(std::string_view s) {
  constexpr std::string_view kBlanks = " \t\r\n";
  size_t begin = s.find_first_not_of(kBlanks);
  return begin == s.npos ? std::string_view{} : s.substr(begin, s.find_last_not_of(kBlanks) - begin + 1);
}

std::string_view Element::attribute(std::string_view wanted) const {
  for (const auto& [n, value] : attributes)
    if (n == wanted) return value;
  return {};
}

std::string Element::text() const {
  std::string out;
  put_inner(out, *this);
  return std::string{trimmed(out)};
}

std::unique_ptr<Element> read(std::string_view body, std::string* why) {
  Reader reader;
  if (!xml::parse(body, xml::Entities::lenient, reader, why)) return nullptr;
  return reader.take();
}

}  // namespace sluice::rss
