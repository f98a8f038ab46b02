// Which language a body is in, and the document it becomes.
#include "dates.h"
#include "decode.h"
#include "feed.h"

namespace sluice::rss {

namespace {

class Writer {
 public:
  explicit Writer(Builder& out) : out_{out} {}

  // Keys in the order that sorting gives; the items' members have one of their own.
  void feed(const Feed& f) {
    out_.begin_object();
    out_.key("author");
    if (f.author.empty()) out_.null();
    else person(f.author);
    out_.key("categories");
    if (f.categories.empty()) out_.null();
    else texts(f.categories);
    out_.key("copyright").string(f.copyright);
    out_.key("custom");
    if (f.custom.empty()) out_.null();
    else custom(f.custom);
    out_.key("description").string(f.description);
    if (f.has_image) out_.key("img_url").string(f.image_url);
    out_.key("items").begin_array();
    for (const Item& i : f.items) item(i);
    out_.end();
    out_.key("language").string(f.language);
    out_.key("published").string(f.published);
    out_.key("title").string(f.title);
    out_.key("type").string(f.type);
    out_.key("updated").string(f.updated);
    out_.end();
  }

 private:
  void member(std::string_view key, std::string_view value) {
    if (!value.empty()) out_.key(key).string(value);
  }
  void date(std::string_view key, std::string_view parsed_key, const std::string& value) {
    member(key, value);
    member(parsed_key, to_rfc3339(value));
  }
  void texts(const Texts& list) {
    out_.begin_array();
    for (const std::string& s : list) out_.string(s);
    out_.end();
  }
  void custom(const Custom& members) {
    out_.begin_object();
    for (const auto& [key, value] : members) out_.key(key).string(value);
    out_.end();
  }
  void person(const Person& p) {
    out_.begin_object();
    member("name", p.name);
    member("email", p.email);
    out_.end();
  }
  void item(const Item& i) {
    out_.begin_object();
    member("title", i.title);
    member("description", i.description);
    member("content", i.content);
    member("link", i.link);
    if (!i.links.empty()) out_.key("links"), texts(i.links);
    date("updated", "updatedParsed", i.updated);
    date("published", "publishedParsed", i.published);
    if (!i.authors.empty()) {
      out_.key("author"), person(i.authors.front());
      out_.key("authors").begin_array();
      for (const Person& p : i.authors) person(p);
      out_.end();
    }
    member("guid", i.guid);
    if (!i.image_url.empty()) {
      out_.key("image").begin_object();
      member("url", i.image_url);
      member("title", i.image_title);
      out_.end();
    }
    if (!i.categories.empty()) out_.key("categories"), texts(i.categories);
    if (!i.enclosures.empty()) enclosures(i.enclosures);
    if (!i.dublin_core.empty()) {
      out_.key("dcExt").begin_object();
      for (const auto& [key, values] : i.dublin_core) out_.key(key), texts(values);
      out_.end();
    }
    if (!i.itunes.empty()) {
      out_.key("itunesExt").begin_object();
      for (const auto& [key, value] : i.itunes) member(key, value);
      out_.end();
    }
    if (!i.extensions.empty()) extensions(i.extensions);
    if (!i.custom.empty()) out_.key("custom"), custom(i.custom);
    out_.end();
  }
  void enclosures(const std::vector<Enclosure>& list) {
    out_.key("enclosures").begin_array();
    for (const Enclosure& e : list) {
      out_.begin_object();
      member("url", e.url);
      member("length", e.length);
      member("type", e.type);
      out_.end();
    }
    out_.end();
  }
  void extensions(const Extensions& all) {
    out_.key("extensions").begin_object();
    for (const auto& [prefix, names] : all) {
      out_.key(prefix).begin_object();
      for (const auto& [name, elements] : names) {
        out_.key(name).begin_array();
        for (const Element* e : elements) element(*e);
        out_.end();
      }
      out_.end();
    }
    out_.end();
  }
  // Recursion: the tree is at most kMaxDepth deep.
  void element(const Element& e) {
    std::map<std::string_view, std::vector<const Element*>> children;
    for (const auto& c : e.children) children[c->name].push_back(c.get());
    std::string own;
    for (const Element::Piece& p : e.pieces) own += p.text;
    out_.begin_object();
    out_.key("name").string(e.name);
    out_.key("value").string(trimmed(own));
    out_.key("attrs").begin_object();
    for (const auto& [name, value] : e.attributes) out_.key(name).string(value);
    out_.end();
    out_.key("children").begin_object();
    for (const auto& [name, list] : children) {
      out_.key(name).begin_array();
      for (const Element* c : list) element(*c);
      out_.end();
    }
    out_.end().end();
  }

  Builder& out_;
};

}  // namespace

bool decode(std::string_view body, Builder& out, std::string* why) {
  // A byte order mark of UTF-8 and blanks may stand in front.
  std::string_view start = body;
  if (start.starts_with("\xef\xbb\xbf")) start.remove_prefix(3);
  start = trimmed(start);
  Feed feed;
  if (start.starts_with('{')) {
    if (!from_json(start, feed, why)) return false;
  } else {
    feed.tree = read(body, why);
    if (!feed.tree) return false;
    const std::string& root = feed.tree->name;
    if (root == "rss" || root == "rdf") from_rss(*feed.tree, feed);
    else if (root == "feed") from_atom(*feed.tree, feed);
    else return *why = "the body is XML, but no feed: its root is <" + feed.tree->written.substr(0, 64) + '>', false;
  }
  Writer{out}.feed(feed);
  if (out.ok()) return true;
  *why = "the document cannot be built";
  return false;
}

}  // namespace sluice::rss
