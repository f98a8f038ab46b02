// JSON Feed 1.0 and 1.1 (https://www.jsonfeed.org/version/1.1/).
#include <simdjson.h>

#include "feed.h"

namespace sluice::rss {

namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

std::string text(object o, std::string_view key) {
  std::string_view s;
  return o[key].get(s) == simdjson::SUCCESS ? std::string{s} : std::string{};
}

// Identifiers and sizes may be numbers.
std::string text_or_number(object o, std::string_view key) {
  element e;
  if (o[key].get(e) != simdjson::SUCCESS) return {};
  if (e.is_string() || e.is_number()) {
    std::string_view s;
    return e.get(s) == simdjson::SUCCESS ? std::string{s} : simdjson::to_string(e);
  }
  return {};
}

template <class F>
void each_object(object o, std::string_view key, F&& call) {
  array list;
  if (o[key].get(list) != simdjson::SUCCESS) return;
  for (element e : list) {
    object one;
    if (e.get(one) == simdjson::SUCCESS) call(one);
  }
}

// 1.0 had one author, 1.1 has several.
std::vector<Person> people(object o) {
  std::vector<Person> out;
  auto add = [&](object one) {
    if (std::string name = text(one, "name"); !name.empty()) out.push_back(person(name));
  };
  each_object(o, "authors", add);
  object one;
  if (out.empty() && o["author"].get(one) == simdjson::SUCCESS) add(one);
  return out;
}

Item item_of(object o) {
  Item item;
  item.title = text(o, "title");
  item.description = text(o, "summary");
  item.content = text(o, "content_html");
  if (item.content.empty()) item.content = text(o, "content_text");
  item.link = text(o, "url");
  for (const char* key : {"url", "external_url"})
    if (std::string link = text(o, key); !link.empty()) item.links.push_back(std::move(link));
  item.updated = text(o, "date_modified");
  item.published = text(o, "date_published");
  item.authors = people(o);
  item.guid = text_or_number(o, "id");
  item.image_url = text(o, "image");
  if (item.image_url.empty()) item.image_url = text(o, "banner_image");
  array tags;
  if (o["tags"].get(tags) == simdjson::SUCCESS)
    for (element e : tags)
      if (std::string_view tag; e.get(tag) == simdjson::SUCCESS) item.categories.emplace_back(tag);
  each_object(o, "attachments", [&](object a) {
    item.enclosures.push_back({text(a, "url"), text_or_number(a, "size_in_bytes"), text(a, "mime_type")});
  });
  return item;
}

}  // namespace

bool from_json(std::string_view body, Feed& feed, std::string* why) {
  simdjson::dom::parser parser;
  object root;
  if (auto error = parser.parse(body.data(), body.size()).get(root); error != simdjson::SUCCESS)
    return *why = "invalid JSON feed: " + std::string{simdjson::error_message(error)}, false;
  if (text(root, "version").find("jsonfeed.org") == std::string::npos) return *why = "the body is JSON, but no JSON feed", false;
  feed.type = "json";
  feed.title = text(root, "title");
  feed.description = text(root, "description");
  feed.language = text(root, "language");
  if (auto authors = people(root); !authors.empty()) feed.author = authors.front();
  feed.image_url = text(root, "icon");
  feed.has_image = !feed.image_url.empty();
  each_object(root, "items", [&](object o) { feed.items.push_back(item_of(o)); });
  // A feed has no dates of its own: those of its newest entry stand for it.
  if (!feed.items.empty()) feed.updated = feed.items.front().updated, feed.published = feed.items.front().published;
  return true;
}

}  // namespace sluice::rss
