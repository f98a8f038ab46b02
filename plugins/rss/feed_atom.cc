// Atom 0.3 and 1.0 (RFC 4287).
#include "feed.h"

namespace sluice::rss {

namespace {

Person person_of(const Element& e) {
  Person p;
  for (const auto& c : e.children) {
    if (!c->own()) continue;
    if (c->name == "name") p.name = c->text();
    if (c->name == "email") p.email = c->text();
  }
  return p;
}

std::string category(const Element& e) {
  std::string_view label = e.attribute("label");
  return std::string{label.empty() ? e.attribute("term") : label};
}

void link(const Element& e, Item& item) {
  std::string_view rel = e.attribute("rel"), href = e.attribute("href");
  if (rel.empty() || rel == "alternate") {
    if (!href.empty()) item.links.emplace_back(href);
  } else if (rel == "enclosure") {
    item.enclosures.push_back({std::string{href}, std::string{e.attribute("length")}, std::string{e.attribute("type")}});
  }
}

Item item_of(const Element& entry) {
  Item item;
  for (const auto& c : entry.children) {
    if (extension(*c, item.extensions) || !c->own()) continue;
    const std::string& name = c->name;
    if (name == "title") item.title = c->text();
    else if (name == "summary") item.description = c->text();
    else if (name == "content") item.content = c->attribute("src").empty() ? c->text() : std::string{c->attribute("src")};
    else if (name == "id") item.guid = c->text();
    else if (name == "updated" || name == "modified") item.updated = c->text();
    else if (name == "published" || name == "issued") item.published = c->text();
    else if (name == "link") link(*c, item);
    else if (name == "category") item.categories.push_back(category(*c));
    else if (name == "author") {
      if (Person p = person_of(*c); !p.empty()) item.authors.push_back(std::move(p));
    }
  }
  if (!item.links.empty()) item.link = item.links.front();
  if (item.published.empty()) item.published = item.updated;
  return item;
}

}  // namespace

void from_atom(const Element& root, Feed& feed) {
  feed.type = "atom";
  feed.language = root.attribute("xml:lang");
  for (const auto& c : root.children) {
    if (!c->own()) continue;
    const std::string& name = c->name;
    if (name == "title") feed.title = c->text();
    else if (name == "subtitle" || name == "tagline") feed.description = c->text();
    else if (name == "rights" || name == "copyright") feed.copyright = c->text();
    else if (name == "updated" || name == "modified") feed.updated = c->text();
    else if (name == "logo") feed.has_image = true, feed.image_url = c->text();
    else if (name == "category") feed.categories.push_back(category(*c));
    else if (name == "entry") feed.items.push_back(item_of(*c));
    else if (name == "author" && feed.author.empty()) feed.author = person_of(*c);
  }
}

}  // namespace sluice::rss
