#include "core/pipeline/account_fields.h"

#include <algorithm>
#include <functional>
#include <unordered_map>

#include "core/document/write.h"

namespace sluice::pipeline {
namespace {

using document::Kind;
using document::Node;

uint64_t hash_of(std::string_view text) { return std::hash<std::string_view>{}(text); }

// Is `path` this one, or below it?
bool is_at(std::string_view path, std::string_view place) {
  return path == place || (path.size() > place.size() && path.starts_with(place) && path[place.size()] == '.');
}

std::string below(std::string_view place, std::string_view path) {
  if (place.empty()) return std::string{path};
  return std::string{place} + (path.empty() ? "" : ".") + std::string{path};
}

using Index = std::unordered_map<std::string_view, size_t>;
Index index_of(const std::vector<Field>& fields) {
  Index out;
  for (size_t i = 0; i < fields.size(); ++i) out.emplace(fields[i].path, i);
  return out;
}

void add_rule(Field& f, std::string_view rule) {
  for (Origin& o : f.from) o.rules.emplace_back(rule);
}

}  // namespace

std::string Ledger::name_of(AccountDepth depth, std::string_view key) {
  std::string out{key};
  if (depth == AccountDepth::top) return out;  // keys are paths, and nothing comes behind them
  for (size_t at = 0; (at = out.find_first_of(".\\", at)) != out.npos; at += 2) out.insert(at, 1, '\\');
  return out;
}

std::vector<Field> Ledger::collect(Node& data) {
  std::vector<Field> out;
  cut_ = false;
  if (data.kind == Kind::object) {
    std::string path;
    const uint32_t n = document::count(*arena_, data);
    for (uint32_t i = 0; i < n && !cut_; ++i) {
      std::string_view key;
      Node* value = document::at(arena_, data, i, &key);
      path = name_of(depth_, key);
      collect(*value, path, path.size(), 1, out);
    }
  }
  truncated_ = truncated_ || cut_;
  return out;
}

void Ledger::collect(Node& n, std::string& path, size_t top, uint32_t depth, std::vector<Field>& out) {
  if (out.size() >= kMaxFields) {
    cut_ = true;
    return;
  }
  if (depth_ == AccountDepth::nested && n.kind == Kind::object && depth < kMaxDepth) {
    if (const uint32_t members = document::count(*arena_, n)) {
      const size_t before = path.size();
      for (uint32_t i = 0; i < members && !cut_; ++i) {
        std::string_view key;
        Node* value = document::at(arena_, n, i, &key);
        (path += '.') += name_of(depth_, key);
        collect(*value, path, top, depth + 1, out);
        path.resize(before);
      }
      return;
    }
  }
  out.push_back({path, top, hash_of(document::to_json(*arena_, n)), {}});
}

void Ledger::lose(const Field& f, std::string_view why) {
  if (truncated_) return;
  for (const Origin& o : f.from) {
    if (missing_.size() >= kMaxFields) {
      full_ = true;
      return;
    }
    missing_.push_back({o, std::string{why}});
  }
}

void Ledger::settle(std::vector<Field>&& now, std::string_view rule) {
  Index known = index_of(fields_);
  for (Field& f : now) {
    if (!f.from.empty()) continue;
    if (auto it = known.find(f.path); it != known.end()) f.from = fields_[it->second].from;
    else if (!truncated_) f.from.push_back({Origin::kNobody, "", {std::string{rule}}});
  }
  fields_ = std::move(now);
}

void Ledger::decoded(int32_t backend, Node& data, const document::Shape::Options& options, bool collection) {
  backend_ = backend;
  target_ = options.target, group_ = name_of(depth_, options.group);
  missing_.clear();
  fields_ = collect(data);
  for (Field& f : fields_) {
    if (collection) f.from.push_back({backend, "", {"is_collection"}});
    else f.from.push_back({backend, f.path, {}});
  }
}

void Ledger::renamed(std::string_view from, std::string_view to) {
  renames_.emplace_back(name_of(depth_, from), name_of(depth_, to));
}

void Ledger::applied(Rule rule, Node& data) {
  std::vector<Field> now = collect(data);
  switch (rule) {
    case Rule::target: {
      const std::string why = "outside of target \"" + target_ + "\"", first = target_.substr(0, target_.find('.'));
      for (const Field& f : fields_) {
        const bool kept = depth_ == AccountDepth::nested ? is_at(f.path, target_) && f.path != target_ : f.top_key() == first && !now.empty();
        if (!kept) lose(f, why);
      }
      for (Field& f : now) f.from.push_back({backend_, below(target_, f.path), {"target"}});
      break;
    }
    case Rule::flatmap: return changed(data, "flatmap_filter");
    case Rule::allow:
    case Rule::deny: {
      const std::string_view name = rule == Rule::allow ? "allow" : "deny";
      Index there = index_of(now);
      for (Field& f : fields_) {
        auto it = there.find(f.path);
        // What a list inside left of it is a part of it.
        if (it == there.end()) lose(f, rule == Rule::allow ? "not in allow" : "deny");
        else if (now[it->second].value != f.value) add_rule(f, name);
      }
      break;
    }
    case Rule::mapping:
      for (const auto& [from, to] : renames_) {
        std::vector<Field> rest;
        for (Field& f : fields_) {
          if (f.top_key() == from) {
            if (from == to) lose(f, "mapping \"" + from + "\" to itself");
          } else if (f.top_key() == to) {
            lose(f, "replaced by mapping \"" + from + "\" to \"" + to + "\"");
            continue;
          }
          if (f.top_key() != from) rest.push_back(std::move(f));
          else if (from != to) {
            f.path = to + f.path.substr(f.top);
            f.top = to.size();
            add_rule(f, "mapping \"" + from + "\" to \"" + to + "\"");
            rest.push_back(std::move(f));
          }
        }
        fields_ = std::move(rest);
      }
      renames_.clear();
      break;
    case Rule::group:
      if (depth_ == AccountDepth::top) {
        Field whole{group_, group_.size(), now.empty() ? 0 : now[0].value, {}};
        whole.from.push_back({backend_, target_, {"group"}});
        fields_ = {std::move(whole)};
      } else if (fields_.empty()) {
        fields_.push_back({group_, group_.size(), 0, {{Origin::kNobody, "", {"group"}}}});  // of nothing
      } else {
        for (Field& f : fields_) {
          f.path = below(group_, f.path);
          f.top = group_.size();
          add_rule(f, "group");
        }
      }
      break;
  }
  settle(std::move(now), "the backend's rules");
}

void Ledger::changed(Node& data, std::string_view rule) {
  std::vector<Field> now = collect(data);
  Index before = index_of(fields_), there = index_of(now);
  // What has gone from its place may stand somewhere else.
  std::unordered_multimap<uint64_t, size_t> gone;
  for (size_t i = 0; i < fields_.size(); ++i)
    if (!there.contains(fields_[i].path)) gone.emplace(fields_[i].value, i);
  for (Field& f : now) {
    if (auto it = before.find(f.path); it != before.end()) {
      f.from = fields_[it->second].from;
      if (fields_[it->second].value != f.value) add_rule(f, rule);
    } else if (auto moved = gone.find(f.value); moved != gone.end()) {
      f.from = fields_[moved->second].from;
      add_rule(f, rule);
      gone.erase(moved);
    } else if (!truncated_) {
      f.from.push_back({Origin::kNobody, "", {std::string{rule}}});
    }
  }
  std::vector<size_t> lost;
  for (const auto& [value, i] : gone) lost.push_back(i);
  std::sort(lost.begin(), lost.end());
  for (size_t i : lost) lose(fields_[i], rule);
  fields_ = std::move(now);
}

void Ledger::overlaid(const Node& extra, Node& data, std::string_view rule) {
  std::vector<Field> now = collect(data);
  auto covered = [&](const Field& f) {
    if (extra.kind != Kind::object || extra.deferred) return false;
    for (uint32_t i = 0; i < extra.count; ++i)
      if (name_of(depth_, extra.members[i].key) == f.top_key()) return true;
    return false;
  };
  for (const Field& f : fields_)
    if (covered(f)) lose(f, "overwritten by " + std::string{rule});
  for (Field& f : now)
    if (covered(f)) f.from.push_back({Origin::kNobody, "", {std::string{rule}}});
  settle(std::move(now), rule);
}

void Ledger::take(Ledger& only) {
  fields_ = only.fields_;
  missing_ = only.missing_;
  truncated_ = only.truncated_, full_ = only.full_;
}

void Ledger::take_missing(std::span<Ledger* const> parts) {
  for (Ledger* p : parts) {
    missing_.insert(missing_.end(), p->missing_.begin(), p->missing_.end());
    truncated_ = truncated_ || p->truncated_;
    full_ = full_ || p->full_;
  }
}

void Ledger::merged(std::span<Ledger* const> parts, std::span<const std::string> labels, Node& data) {
  std::vector<Field> now = collect(data);
  take_missing(parts);
  std::unordered_map<std::string_view, size_t> owner;  // of a key of the top level: the last part that has it
  for (size_t i = 0; i < parts.size(); ++i)
    for (const Field& f : parts[i]->fields_) owner[f.top_key()] = i;
  for (size_t i = 0; i < parts.size(); ++i) {
    Index own = index_of(parts[i]->fields_);
    for (const Field& f : parts[i]->fields_)
      if (size_t winner = owner[f.top_key()]; winner != i) lose(f, "overwritten by " + labels[winner]);
    for (Field& f : now)
      if (auto it = owner.find(f.top_key()); it != owner.end() && it->second == i)
        if (auto at = own.find(f.path); at != own.end()) f.from = parts[i]->fields_[at->second].from;
  }
  settle(std::move(now), "merge");
}

void Ledger::combined(std::span<Ledger* const> parts, std::span<const std::string> labels, std::span<const Word> words, Node& data) {
  std::vector<Field> now = collect(data);
  take_missing(parts);
  std::vector<Index> own;
  std::vector<std::vector<bool>> used;
  for (Ledger* p : parts) own.push_back(index_of(p->fields_)), used.emplace_back(p->fields_.size());
  std::unordered_map<std::string_view, std::vector<const Word*>> said;
  for (const Word& w : words) said[w.path].push_back(&w);
  auto take = [&](Field& f, size_t part, std::string_view rule) {
    auto at = own[part].find(f.path);
    if (at == own[part].end()) return false;
    used[part][at->second] = true;
    for (Origin o : parts[part]->fields_[at->second].from) {
      if (!rule.empty()) o.rules.emplace_back(rule);
      f.from.push_back(std::move(o));
    }
    return true;
  };
  for (Field& f : now) {
    // The words about this very place, or about the nearest one above it.
    std::string_view place = f.path;
    auto it = said.find(place);
    for (size_t dot; it == said.end() && (dot = place.rfind('.')) != place.npos && dot >= f.top; it = said.find(place)) place = place.substr(0, dot);
    if (it == said.end()) continue;
    const std::vector<const Word*>& list = it->second;
    if (place.size() == f.path.size()) {
      size_t first = list.size() - 1;  // the word that began the present value
      while (first > 0 && list[first]->of_both) --first;
      for (size_t i = first; i < list.size(); ++i) take(f, list[i]->part, first + 1 < list.size() ? document::to_string(list[i]->strategy) : "");
    } else if (!list.back()->of_both) {
      take(f, list.back()->part, "");  // it came with the whole value above it
    } else {
      for (size_t i = parts.size(); i-- > 0;)
        if (take(f, i, "")) break;
    }
  }
  for (size_t i = 0; i < parts.size(); ++i)
    for (size_t k = 0; k < used[i].size(); ++k) {
      if (used[i][k]) continue;
      const Field& f = parts[i]->fields_[k];
      auto it = said.find(f.top_key());
      const Word* last = it == said.end() ? nullptr : it->second.back();
      lose(f, !last || last->part == i ? std::string{"the merge rules"}
              : last->part < i         ? "that of " + labels[last->part] + " stays (" + std::string{document::to_string(last->strategy)} + ")"
                                       : "overwritten by " + labels[last->part]);
    }
  settle(std::move(now), "merge");
}

}  // namespace sluice::pipeline
