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

// Members whose keys hold no escapes, handed over many at a time.
slc_status put_plain_members(std::string_view text, const Members& members, slc_builder* builder) {
  constexpr size_t kMany = 64;
  slc_member_range ranges[kMany];
  for (size_t i = 0; i < members.size();) {
    uint32_t n = 0;
    for (; n < kMany && i < members.size(); ++n, ++i) {
      const MemberRange& m = members[i];
      ranges[n] = {m.key - 1, m.key, m.key_end, m.value, m.value_end, kind_of(text[m.value])};
    }
    if (slc_status status = document().deferred_members(builder, str(text), ranges, n); status != SLC_OK) return status;
  }
  return SLC_OK;
}

slc_status put_object(std::string_view text, const Members& members, bool escapes, slc_builder* builder) {
  const slc_document_api& doc = document();
  slc_status status = doc.begin(builder, SLC_OBJECT);
  if (status == SLC_OK && !escapes) {
    status = put_plain_members(text, members, builder);
  } else {
    for (size_t i = 0; status == SLC_OK && i < members.size(); ++i) status = put_member(text, members[i], builder);
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

// Finds the first value and (unless it is to stay whole) its members, with bad UTF-8 replaced: *text may become a copy.
slc_status validate(Workspace* workspace, slc_builder* builder, std::string_view* text, Members& members, bool whole, Scan* found,
                    bool* escapes, slc_str* why) {
  char first = (*text)[found->begin];
  bool container = first == '{' || first == '[';
  if (workspace && container && workspace->index.build(*text) &&
      walk(*text, workspace->index, whole ? nullptr : &members, &found->begin, &found->end, escapes))
    return SLC_OK;
  *escapes = true;
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

  bool whole = first == '{' && document().whole(builder), escapes = true;
  slc_status status = validate(workspace, builder, &text, members, whole, &found, &escapes, why);
  if (status == SLC_OK) {
    std::string_view value = text.substr(found.begin, found.end - found.begin);
    if (whole)
      status = document().deferred(builder, SLC_OBJECT, str(value));
    else if (first == '{')
      status = put_object(text, members, escapes, builder);
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

namespace {

// Expands one level; and more where one level each time would take quadratic time: a deep document whose innermost value is
// big would be read once per level. A child that nests deep and takes more than half of the text is expanded with it, down
// to where its text is no more than half, so that no byte is read more than a few times log2(size).
class Expansion {
 public:
  Expansion(std::string_view text, slc_builder* builder)
      : begin_{text.data()}, p_{text.data()}, end_{text.data() + text.size()}, builder_{builder} {}

  slc_status run() {
    slc_status status = open();
    for (uint32_t level = 0; status == SLC_OK;) {
      p_ = skip_blanks(p_, end_);
      if (p_ == end_) return SLC_EINVAL;
      if (*p_ == '}' || *p_ == ']') {
        ++p_;
        status = doc_.end(builder_);
        if (status != SLC_OK || level == 0) return status;
        --level;
        next();
        continue;
      }
      MemberRange m{};
      bool named = *p_ == '"' && object(level);
      if (object(level) != named) return SLC_EINVAL;
      if (named) {
        m.key = offset(++p_);
        p_ = skip_string(p_, end_), m.key_end = offset(p_) - 1;
        p_ = skip_blanks(p_, end_);
        if (p_ == end_ || *p_ != ':') return SLC_EINVAL;
        p_ = skip_blanks(p_ + 1, end_);
        if (p_ == end_) return SLC_EINVAL;
      }
      m.value = offset(p_);
      if (level + 1 < path_size_ && m.value == path_base_ + path_[level]) {
        ++level;
        status = descend(m, named);
        continue;
      }
      uint32_t deepest = 0;
      const char* behind = skip_value(p_, end_, &deepest);
      m.value_end = offset(behind);
      if (!path_size_ && deepest > kDeep && (m.value_end - m.value) > static_cast<size_t>(end_ - begin_) / 2) {
        status = find_path(m, deepest);
        continue;  // the same member once more; its key is read again
      }
      if (behind == p_) return SLC_EINVAL;
      p_ = behind;
      status = named ? put_member({begin_, static_cast<size_t>(end_ - begin_)}, m, builder_)
                     : doc_.deferred(builder_, kind_of(begin_[m.value]), str({begin_ + m.value, m.value_end - m.value}));
      next();
    }
    return status;
  }

 private:
  static constexpr uint32_t kDeep = 64;

  uint32_t offset(const char* p) const { return static_cast<uint32_t>(p - begin_); }
  // path_ lists the containers inside the outermost one; level 0 is the outermost.
  bool object(uint32_t level) const { return (level ? begin_[path_base_ + path_[level - 1]] : *begin_) == '{'; }
  slc_status open() { return doc_.begin(builder_, kind_of(*p_++)); }
  void next() {
    p_ = skip_blanks(p_, end_);
    if (p_ != end_ && *p_ == ',') ++p_;
  }
  slc_status descend(const MemberRange& m, bool named) {
    slc_str key;
    if (named) {
      if (!characters({begin_ + m.key, m.key_end - m.key}, builder_, &key)) return SLC_ENOMEM;
      if (slc_status status = doc_.key(builder_, key); status != SLC_OK) return status;
    }
    return open();
  }
  slc_status find_path(const MemberRange& m, uint32_t deepest) {
    path_ = static_cast<uint32_t*>(doc_.alloc(builder_, deepest * sizeof(uint32_t) + alignof(uint32_t)));
    if (!path_) return SLC_ENOMEM;
    // The arena aligns to one byte.
    path_ = reinterpret_cast<uint32_t*>((reinterpret_cast<uintptr_t>(path_) + alignof(uint32_t) - 1) & ~(alignof(uint32_t) - 1));
    path_base_ = m.value;
    path_size_ = 1 + heavy_path({begin_ + m.value, m.value_end - m.value}, path_);
    p_ = m.key ? begin_ + m.key - 1 : p_;
    return path_size_ > 1 ? SLC_OK : SLC_EINVAL;
  }

  const slc_document_api& doc_ = document();
  const char *begin_, *p_, *end_;
  slc_builder* builder_;
  uint32_t* path_ = nullptr;
  uint32_t path_base_ = 0, path_size_ = 0;
};

}  // namespace

slc_status expand(slc_str deferred, slc_builder* builder) noexcept {
  const slc_document_api& doc = document();
  std::string_view text = view(deferred);
  if (text.empty()) return SLC_EINVAL;
  switch (text[0]) {
    case '{':
    case '[': return Expansion{text, builder}.run();
    case '"': {
      slc_str decoded;
      if (text.size() < 2) return SLC_EINVAL;
      if (!characters(text.substr(1, text.size() - 2), builder, &decoded)) return SLC_ENOMEM;
      return doc.string_stable(builder, decoded);
    }
    case 't': return doc.literal(builder, SLC_BOOL, 1);
    case 'f': return doc.literal(builder, SLC_BOOL, 0);
    case 'n': return doc.literal(builder, SLC_NULL, 0);
    default: return doc.number_text(builder, deferred);
  }
}

}  // namespace sluice::json
