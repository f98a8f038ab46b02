#include "decode.h"

#include <cstdio>
#include <cstring>

namespace sluice::json {

namespace {

int32_t kind_of(char first) {
  switch (first) {
    case '{': return SLC_OBJECT;
    case '[': return SLC_ARRAY;
    case '"': return SLC_STRING;
    case 't': case 'f': return SLC_BOOL;
    case 'n': return SLC_NULL;
    default: return SLC_NUMBER;
  }
}

slc_status refuse(slc_str* why, std::string_view text) {
  *why = str(text);
  return SLC_EDECODE;
}

slc_status refuse(slc_builder* builder, slc_str* why, const Scan& found) {
  constexpr size_t kRoom = 96;
  auto* text = static_cast<char*>(document().alloc(builder, kRoom));
  if (!text) return refuse(why, found.wrong);
  int n = std::snprintf(text, kRoom, "invalid JSON at byte %zu: %s", found.wrong_at, found.wrong);
  return refuse(why, {text, static_cast<size_t>(n)});
}

// The chunks as one piece. False: no memory.
bool join(const slc_str* chunks, uint32_t count, slc_builder* builder, std::string_view* text) {
  *text = {};
  if (count == 1) *text = view(chunks[0]);
  if (count <= 1) return true;
  size_t total = 0;
  for (uint32_t i = 0; i < count; ++i) total += view(chunks[i]).size();
  if (!total) return true;
  auto* whole = static_cast<char*>(document().alloc(builder, total));
  if (!whole) return false;
  size_t at = 0;
  for (uint32_t i = 0; i < count; ++i) {
    std::string_view piece = view(chunks[i]);
    if (!piece.empty()) std::memcpy(whole + at, piece.data(), piece.size());
    at += piece.size();
  }
  *text = {whole, total};
  return true;
}

// Decoded characters of the string between the quotes: itself, or a copy without its escapes. False: no memory.
bool characters(std::string_view inner, slc_builder* builder, slc_str* out) {
  *out = str(inner);
  if (inner.empty() || !std::memchr(inner.data(), '\\', inner.size())) return true;
  auto* decoded = static_cast<char*>(document().alloc(builder, inner.size()));
  if (!decoded) return false;
  *out = {decoded, decode_string(inner, decoded)};
  return true;
}

slc_status put_member(std::string_view text, const MemberRange& m, slc_builder* builder) {
  slc_str key;
  if (!characters(text.substr(m.key, m.key_end - m.key), builder, &key)) return SLC_ENOMEM;
  return document().deferred_member(builder, key, str(text.substr(m.key - 1, m.value_end - m.key + 1)), kind_of(text[m.value]),
                                    str(text.substr(m.value, m.value_end - m.value)));
}

// One value under a key of our own.
slc_status put_under(slc_str key, std::string_view value, slc_builder* builder) {
  const slc_document_api& doc = document();
  slc_status status = doc.begin(builder, SLC_OBJECT);
  if (status == SLC_OK) status = doc.key(builder, key);
  if (status == SLC_OK) status = doc.deferred(builder, kind_of(value[0]), str(value));
  return status == SLC_OK ? doc.end(builder) : status;
}

slc_status put_object(std::string_view text, const Members& members, slc_builder* builder) {
  const slc_document_api& doc = document();
  slc_status status = doc.begin(builder, SLC_OBJECT);
  for (const MemberRange& m : members) {
    if (status != SLC_OK) return status;
    status = put_member(text, m, builder);
  }
  return status == SLC_OK ? doc.end(builder) : status;
}

// Is this kind of value welcome? Says what is expected before the whole text is looked at.
bool welcome(Accept accept, char first, slc_str* why) {
  constexpr std::string_view kNoObject = "the body is no JSON object";
  constexpr std::string_view kArray = "the body is a JSON array, not an object: the backend lacks \"is_collection\": true";
  constexpr std::string_view kNoArray = "the body is no JSON array, as \"is_collection\": true promises";
  if (accept == Accept::anything || first == 'n' || first == (accept == Accept::object ? '{' : '[')) return true;
  *why = str(accept == Accept::collection ? kNoArray : first == '[' ? kArray : kNoObject);
  return false;
}

// Finds the first value and its members, with bad UTF-8 replaced: *text may become a copy.
slc_status validate(Workspace* workspace, slc_builder* builder, std::string_view* text, Members& members, Scan* found, slc_str* why) {
  char first = (*text)[found->begin];
  bool container = first == '{' || first == '[';
  if (workspace && container && workspace->index.build(*text) &&
      walk(*text, workspace->index, members, &found->begin, &found->end))
    return SLC_OK;
  // What the fast way refuses is wrong, holds bad UTF-8, or is followed by something that is: the scanner tells.
  if (!scan(*text, members, found)) return refuse(builder, why, *found);
  std::string_view value = text->substr(found->begin, found->end - found->begin);
  size_t bad = bad_utf8_bytes(value);
  if (!bad) return SLC_OK;
  size_t room = value.size() + 2 * bad;
  if (room > kMaxText) return refuse(why, "the body is too big");
  auto* repaired = static_cast<char*>(document().alloc(builder, room));
  if (!repaired) return SLC_ENOMEM;
  *text = {repaired, repair_utf8(value, repaired)};
  return scan(*text, members, found) ? SLC_OK : refuse(builder, why, *found);
}

}  // namespace

slc_status decode(Workspace* workspace, const slc_str* chunks, uint32_t count, Accept accept, slc_builder* builder, slc_str* why) {
  Members local;
  Members& members = workspace ? workspace->members : local;
  *why = {};
  std::string_view text;
  if (!join(chunks, count, builder, &text)) return refuse(why, "no memory for the body");
  if (text.size() > kMaxText) return refuse(why, "the body is too big");
  Scan found;
  while (found.begin < text.size() && is_blank(text[found.begin])) ++found.begin;
  if (found.begin == text.size()) return refuse(why, "the body is empty");
  char first = text[found.begin];
  if (!welcome(accept, first, why)) return SLC_EDECODE;

  slc_status status = validate(workspace, builder, &text, members, &found, why);
  if (status == SLC_OK) {
    std::string_view value = text.substr(found.begin, found.end - found.begin);
    if (first == '{')
      status = put_object(text, members, builder);
    else if (first == '[' || accept == Accept::collection)
      status = put_under({"collection", 10}, value, builder);
    else if (accept == Accept::anything)
      status = put_under({"content", 7}, value, builder);
    else
      status = document().literal(builder, SLC_NULL, 0);
    if (status != SLC_OK && !why->ptr) *why = str("the document cannot be built");
  }
  if (workspace && text.size() > (4u << 20)) {
    workspace->index.shrink();
    Members{}.swap(members);
  }
  return status;
}

slc_status expand(slc_str deferred, slc_builder* builder) noexcept {
  const slc_document_api& doc = document();
  std::string_view text = view(deferred);
  const char *p = text.data(), *end = p + text.size();
  if (p == end) return SLC_EINVAL;
  slc_status status = SLC_OK;
  switch (*p) {
    case '"': {
      slc_str decoded;
      if (text.size() < 2) return SLC_EINVAL;
      if (!characters(text.substr(1, text.size() - 2), builder, &decoded)) return SLC_ENOMEM;
      return doc.string_stable(builder, decoded);
    }
    case 't': return doc.literal(builder, SLC_BOOL, 1);
    case 'f': return doc.literal(builder, SLC_BOOL, 0);
    case 'n': return doc.literal(builder, SLC_NULL, 0);
    case '[':
      status = doc.begin(builder, SLC_ARRAY);
      p = skip_blanks(p + 1, end);
      while (status == SLC_OK && p != end && *p != ']') {
        const char* from = p;
        p = skip_value(p, end);
        status = doc.deferred(builder, kind_of(*from), str({from, static_cast<size_t>(p - from)}));
        p = skip_blanks(p, end);
        if (p != end && *p == ',') p = skip_blanks(p + 1, end);
        else if (p != end && *p != ']') return SLC_EINVAL;
      }
      break;
    case '{':
      status = doc.begin(builder, SLC_OBJECT);
      p = skip_blanks(p + 1, end);
      while (status == SLC_OK && p != end && *p == '"') {
        MemberRange m{};
        auto offset = [&] { return static_cast<uint32_t>(p - text.data()); };
        ++p, m.key = offset();
        p = skip_string(p, end), m.key_end = offset() - 1;
        p = skip_blanks(p, end);
        if (p == end || *p != ':') return SLC_EINVAL;
        p = skip_blanks(p + 1, end), m.value = offset();
        if (p == end) return SLC_EINVAL;
        p = skip_value(p, end), m.value_end = offset();
        status = put_member(text, m, builder);
        p = skip_blanks(p, end);
        if (p != end && *p == ',') p = skip_blanks(p + 1, end);
      }
      if (p == end || *p != '}') return SLC_EINVAL;
      break;
    default: return doc.number_text(builder, deferred);
  }
  if (status != SLC_OK) return status;
  return p == end ? SLC_EINVAL : doc.end(builder);
}

}  // namespace sluice::json
