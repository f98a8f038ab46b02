// What feeds say in other namespaces, and how they write people.
#include "feed.h"

namespace sluice::rss {

Person person(std::string_view s) {
  s = trimmed(s);
  std::string_view a = s, b;
  char closing = s.ends_with(')') ? '(' : s.ends_with('>') ? '<' : '\0';
  if (size_t at = closing ? s.rfind(closing) : s.npos; at != s.npos) {
    a = trimmed(s.substr(0, at));
    b = trimmed(s.substr(at + 1, s.size() - at - 2));
  }
  Person p;
  for (std::string_view part : {a, b})
    if (!part.empty()) (part.find('@') != part.npos ? p.email : p.name) = part;
  return p;
}

bool extension(const Element& e, Extensions& into) {
  if (e.own() || e.prefix == "rss" || e.prefix == "rdf" || e.prefix == "content") return false;
  into[e.prefix][e.name].push_back(&e);
  return true;
}

Texts all(const Extensions& extensions, std::string_view prefix, std::string_view name) {
  Texts out;
  auto space = extensions.find(std::string{prefix});
  if (space == extensions.end()) return out;
  auto found = space->second.find(std::string{name});
  if (found == space->second.end()) return out;
  for (const Element* e : found->second)
    if (std::string text = e->text(); !text.empty()) out.push_back(std::move(text));
  return out;
}

std::string first(const Extensions& extensions, std::string_view prefix, std::string_view name) {
  Texts texts = all(extensions, prefix, name);
  return texts.empty() ? std::string{} : texts.front();
}

std::string itunes_image(const Extensions& extensions) {
  auto space = extensions.find("itunes");
  if (space == extensions.end()) return {};
  auto found = space->second.find("image");
  return found == space->second.end() ? std::string{} : std::string{found->second.front()->attribute("href")};
}

void add_split(Texts& into, std::string_view list) {
  while (!list.empty()) {
    size_t comma = list.find(',');
    if (std::string_view one = trimmed(list.substr(0, comma)); !one.empty()) into.emplace_back(one);
    list = comma == list.npos ? std::string_view{} : list.substr(comma + 1);
  }
}

void fill_known(Item& item) {
  for (const char* name : {"title", "creator", "author", "subject", "description", "publisher", "contributor", "date", "type", "format",
                           "identifier", "source", "language", "relation", "coverage", "rights"})
    if (Texts texts = all(item.extensions, "dc", name); !texts.empty()) item.dublin_core.emplace_back(name, std::move(texts));
  struct Known {
    const char *key, *element;
  };
  for (auto [key, element] : {Known{"author", "author"}, {"block", "block"}, {"duration", "duration"}, {"explicit", "explicit"},
                              {"keywords", "keywords"}, {"subtitle", "subtitle"}, {"summary", "summary"}, {"image", "image"},
                              {"isClosedCaptioned", "isclosedcaptioned"}, {"episode", "episode"}, {"season", "season"}, {"order", "order"},
                              {"episodeType", "episodetype"}}) {
    std::string text = std::string_view{element} == "image" ? itunes_image(item.extensions) : first(item.extensions, "itunes", element);
    if (!text.empty()) item.itunes.emplace_back(key, std::move(text));
  }
}

}  // namespace sluice::rss
