// A feed in whatever language, as encodings.md §6 lists it.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dom.h"

namespace sluice::rss {

struct Person {
  std::string name, email;
  bool empty() const { return name.empty() && email.empty(); }
};

struct Enclosure {
  std::string url, length, type;
};

using Texts = std::vector<std::string>;
using Custom = std::map<std::string, std::string>;
// prefix → name → elements; they live in the feed's tree
using Extensions = std::map<std::string, std::map<std::string, std::vector<const Element*>>>;

struct Item {
  std::string title, description, content, link;
  Texts links;
  std::string updated, published;
  std::vector<Person> authors;
  std::string guid, image_url, image_title;
  Texts categories;
  std::vector<Enclosure> enclosures;
  std::vector<std::pair<std::string, Texts>> dublin_core;
  std::vector<std::pair<std::string, std::string>> itunes;
  Extensions extensions;
  Custom custom;
};

struct Feed {
  std::string title, description, copyright, language, published, updated, image_url;
  bool has_image = false;
  const char* type = "rss";
  Person author;
  Texts categories;
  Custom custom;
  std::vector<Item> items;
  std::unique_ptr<Element> tree;  // what the extensions point into
};

void from_rss(const Element& root, Feed&);   // 0.9x, 1.0, 2.0
void from_atom(const Element& root, Feed&);  // 0.3, 1.0
bool from_json(std::string_view body, Feed&, std::string* why);

// ---- what the languages share ----

// "me@x.org (Me)", "Me (me@x.org)", "Me <me@x.org>", or one of both alone.
Person person(std::string_view);

// Files an element with a prefix among the extensions. False: it is one of the feed's own.
bool extension(const Element&, Extensions&);
// The first non-empty text of an extension, or "".
std::string first(const Extensions&, std::string_view prefix, std::string_view name);
Texts all(const Extensions&, std::string_view prefix, std::string_view name);
std::string itunes_image(const Extensions&);
void fill_known(Item&);  // dublin_core and itunes of the extensions
void add_split(Texts&, std::string_view list);  // "a, b"

}  // namespace sluice::rss
