// RSS 0.9x, 1.0 and 2.0.
#include <algorithm>

#include "feed.h"

namespace sluice::rss {

namespace {

template <size_t N>
bool one_of(std::string_view s, const std::string_view (&list)[N]) {
  return std::find(std::begin(list), std::end(list), s) != std::end(list);
}

std::string either(std::string a, std::string b) { return a.empty() ? std::move(b) : std::move(a); }

Person first_person(std::initializer_list<std::string> texts) {
  for (const std::string& text : texts)
    if (Person p = person(text); !p.empty()) return p;
  return {};
}

std::string_view image_of(const Element& image) {
  for (const auto& c : image.children)
    if (c->own() && c->name == "url") return c->name;
  return {};
}

std::string child_text(const Element& e, std::string_view name) {
  for (const auto& c : e.children)
    if (c->own() && c->name == name) return c->text();
  return {};
}

void media_image(Item& item) {
  if (auto media = item.extensions.find("media"); media != item.extensions.end())
    if (auto content = media->second.find("content"); content != media->second.end())
      for (const Element* e : content->second)
        if (e->attribute("type").find("image") != std::string_view::npos || e->attribute("medium") == "image") {
          item.image_url = e->attribute("url");
          return;
        }
  for (const Enclosure& e : item.enclosures)
    if (e.type.starts_with("image/")) {
      item.image_url = e.url;
      return;
    }
}

Item item_of(const Element& e) {
  static constexpr std::string_view kIgnored[] = {"comments", "source"};
  Item item;
  std::string author;
  for (const auto& c : e.children) {
    if (c->prefix == "content" && c->name == "encoded") item.content = c->text();
    if (extension(*c, item.extensions) || !c->own()) continue;
    const std::string& name = c->name;
    if (name == "title") item.title = c->text();
    else if (name == "description") item.description = c->text();
    else if (name == "link") item.links.push_back(c->text());
    else if (name == "pubdate") item.published = c->text();
    else if (name == "author") author = c->text();
    else if (name == "guid") item.guid = c->text();
    else if (name == "category") item.categories.push_back(c->text());
    else if (name == "enclosure")
      item.enclosures.push_back({std::string{c->attribute("url")}, std::string{c->attribute("length")}, std::string{c->attribute("type")}});
    else if (!one_of(name, kIgnored)) item.custom[name] = c->text();
  }
  const Extensions& x = item.extensions;
  std::erase(item.links, "");
  if (!item.links.empty()) item.link = item.links.front();
  item.title = either(std::move(item.title), first(x, "dc", "title"));
  item.description = either(either(std::move(item.description), first(x, "dc", "description")), first(x, "itunes", "summary"));
  item.updated = first(x, "dc", "date");
  item.published = either(std::move(item.published), first(x, "dc", "date"));
  if (Person p = first_person({author, first(x, "dc", "author"), first(x, "dc", "creator"), first(x, "itunes", "author")}); !p.empty())
    item.authors.push_back(std::move(p));
  add_split(item.categories, first(x, "itunes", "keywords"));
  for (std::string& subject : all(x, "dc", "subject")) item.categories.push_back(std::move(subject));
  item.image_url = itunes_image(x);
  if (item.image_url.empty()) media_image(item);
  fill_known(item);
  return item;
}

}  // namespace

void from_rss(const Element& root, Feed& feed) {
  static constexpr std::string_view kIgnored[] = {"link",   "generator", "docs",      "ttl",   "rating", "skiphours",
                                                  "skipdays", "cloud",   "textinput", "items", "item",   "image"};
  feed.type = "rss";
  Extensions x;
  std::string editor, master;
  const Element* channel = nullptr;
  for (const auto& c : root.children)
    if (c->own() && c->name == "channel" && !channel) channel = c.get();
  // RSS 1.0 has items and image beside the channel, 2.0 inside.
  for (const Element* e : {&root, channel}) {
    if (!e) continue;
    for (const auto& c : e->children) {
      if (!c->own()) continue;
      if (c->name == "item") feed.items.push_back(item_of(*c));
      if (c->name == "image" && !feed.has_image && !image_of(*c).empty()) feed.has_image = true, feed.image_url = child_text(*c, "url");
    }
  }
  if (!channel) return;
  for (const auto& c : channel->children) {
    if (extension(*c, x) || !c->own()) continue;
    const std::string& name = c->name;
    if (name == "title") feed.title = c->text();
    else if (name == "description") feed.description = c->text();
    else if (name == "language") feed.language = c->text();
    else if (name == "copyright") feed.copyright = c->text();
    else if (name == "managingeditor") editor = c->text();
    else if (name == "webmaster") master = c->text();
    else if (name == "pubdate") feed.published = c->text();
    else if (name == "lastbuilddate") feed.updated = c->text();
    else if (name == "category") feed.categories.push_back(c->text());
    else if (!one_of(name, kIgnored)) feed.custom[name] = c->text();
  }
  feed.title = either(std::move(feed.title), first(x, "dc", "title"));
  feed.language = either(std::move(feed.language), first(x, "dc", "language"));
  feed.copyright = either(std::move(feed.copyright), first(x, "dc", "rights"));
  feed.updated = either(std::move(feed.updated), first(x, "dc", "date"));
  feed.author = first_person({editor, master, first(x, "dc", "author"), first(x, "dc", "creator"), first(x, "itunes", "author")});
  add_split(feed.categories, first(x, "itunes", "keywords"));
  for (std::string& subject : all(x, "dc", "subject")) feed.categories.push_back(std::move(subject));
  if (!feed.has_image && !itunes_image(x).empty()) feed.has_image = true, feed.image_url = itunes_image(x);
}

}  // namespace sluice::rss
