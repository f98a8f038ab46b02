#include "core/pipeline/compile_bindings.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/plugin/module.h"

namespace sluice::pipeline {
namespace {

using config::join;

std::string scopes_text(uint32_t scopes) {
  std::string out;
  auto add = [&](uint32_t bit, const char* text) {
    if (scopes & bit) out += (out.empty() ? "" : ", ") + std::string{text};
  };
  add(SLC_AT_SERVICE, "the root");
  add(SLC_AT_ENDPOINT | SLC_AT_PROXY, "endpoints");
  add(SLC_AT_BACKEND, "backends");
  return out.empty() ? "no level" : out;
}

std::string suggestion(const std::string& name, const std::vector<std::string>& names) {
  std::string_view near = nearest(name, names);
  return near.empty() ? std::string{} : "; did you mean \"" + std::string{near} + "\"?";
}

}  // namespace

std::vector<Bindings::Found> Bindings::find(const config::Element& at, int32_t scope, const plugin::Context& place) {
  std::vector<Found> all;
  for (const Found& f : find_blocks(at, scope)) {
    if (f.binding->interface_id != SLC_IFACE_SELECTOR) {
      all.push_back(f);
      continue;
    }
    for (const Found& chosen : select(f, place)) all.push_back(chosen);
  }
  return all;
}

std::vector<Bindings::Found> Bindings::select(const Found& by, plugin::Context place) {
  std::vector<Found> found;
  place.scope = static_cast<int32_t>(by.scopes);
  auto object = g_.factory->make(*by.binding, by.block, place);
  if (!object) return found;
  // Those that must see answers in the order of choosing are a group. What looks at answers only stands outside of the others,
  // whose replies it sees.
  std::vector<Found> answers;
  const uint32_t group = ++groups_;
  uint32_t position = 0;
  for (Choice& choice : choices_of(*by.binding, *object, *by.block, report_)) {
    const config::Block& block = chosen_blocks_.emplace_back(std::move(choice.block));
    const plugin::Binding* binding = g_.registry->find_namespace(block.name, nullptr, by.scopes);
    if (!binding) {
      unknown(block);
    } else if (std::string why = unfit(*binding, choice, by.scopes); !why.empty()) {
      misplaced(block, "\"" + block.name + "\" is left out: " + why);
    } else {
      const bool in_order = choice.flags & SLC_CHOOSE_ANSWERS_IN_ORDER;
      (in_order && looks_at_answers_only(*binding) ? answers : found)
          .push_back({binding, &block, by.stage, by.scopes & binding->spec->scopes, in_order ? group : 0, position++, true});
    }
  }
  found.insert(found.begin(), answers.rbegin(), answers.rend());
  return found;
}

std::string Bindings::unfit(const plugin::Binding& b, const Choice& choice, uint32_t scopes) const {
  const std::string who = "plugin " + b.plugin_id + " serves it ";
  if (!fits(b, choice)) return who + "as " + b.interface_id + ", which does not belong here";
  return b.spec->scopes & scopes ? std::string{} : who + "at " + scopes_text(all_scopes(b));
}

void Bindings::misplaced(const config::Block& b, std::string text) {
  if (options_.strict || (!options_.lenient && plugin::must_not_fail_open(b.name)))
    report_.error(b.pointer, std::move(text));
  else
    report_.warning(b.pointer, std::move(text));
}

std::vector<Bindings::Found> Bindings::find_blocks(const config::Element& at, int32_t scope) {
  std::vector<Found> found;
  std::vector<bool> by_alias;
  for (const config::Block& b : at.extra) {
    bool alias = false;
    const plugin::Binding* binding = g_.registry->find_namespace(b.name, &alias, static_cast<uint32_t>(scope));
    if (!binding) {
      unknown(b);
      continue;
    }
    if (!(binding->spec->scopes & static_cast<uint32_t>(scope))) {
      misplaced(b, "\"" + b.name + "\" has no effect here: plugin " + binding->plugin_id + " serves it at " +
                       scopes_text(all_scopes(*binding)));
      continue;
    }
    auto same = std::find_if(found.begin(), found.end(), [&](const Found& f) { return f.binding == binding; });
    if (same == found.end()) {
      found.push_back({binding, &b, binding->spec->stage, binding->spec->scopes & static_cast<uint32_t>(scope)});
      by_alias.push_back(alias);
    } else if (auto i = static_cast<size_t>(same - found.begin()); by_alias[i] && !alias) {
      same->block = &b;
      by_alias[i] = false;
    }
  }
  return found;
}

uint32_t Bindings::all_scopes(const plugin::Binding& of) const {
  uint32_t scopes = 0;
  for (const plugin::Binding* b : g_.registry->bindings())
    if (b->module == of.module && b->name == of.name) scopes |= b->spec->scopes;
  return scopes;
}

void Bindings::unknown(const config::Block& b) {
  std::string text = "no plugin provides \"" + b.name + "\"" + suggestion(b.name, g_.registry->names(""));
  bool refuse = options_.strict || (!options_.lenient && plugin::must_not_fail_open(b.name));
  if (const plugin::Binding* lost = options_.before ? options_.before->registry->find_namespace(b.name, nullptr) : nullptr; lost && !refuse) {
    refuse = !options_.lenient;
    text += "; plugin " + lost->plugin_id + " (" + lost->module->file() + ") did until now";
  } else if (refuse && !options_.strict) {
    if (!text.ends_with('?')) text += '.';
    text += " It belongs to a family that must not be switched off by a missing plugin; --lenient starts without it.";
  }
  if (refuse)
    report_.error(b.pointer, text);
  else
    report_.warning(b.pointer, text);
}

void Bindings::check_order() {
  const auto& names = g_.config->plugin_order;
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string pointer = "/plugin/order/" + std::to_string(i);
    const plugin::Binding* b = g_.registry->find_namespace(names[i], nullptr);
    if (!b)
      report_.warning(pointer, "no plugin provides \"" + names[i] + "\"" + suggestion(names[i], g_.registry->names("")));
    else if (b->name != names[i])
      report_.warning(pointer, "\"" + names[i] + "\" is another name of \"" + b->name + "\": the order needs that one");
    else if (b->interface_id != SLC_IFACE_MIDDLEWARE && b->interface_id != SLC_IFACE_AROUND)
      report_.warning(pointer, "\"" + names[i] + "\" stands in no chain, so there is nothing to put in order");
  }
}

void Bindings::exact(const plugin::Binding& b, const std::string& written, const std::string& pointer) {
  if (written == b.name || !iequals(written, b.name)) return;
  report_.error(pointer, "the encoding that passes bytes on is spelt \"" + b.name + "\", in this letter case; found \"" + written +
                             "\" (did you mean \"" + b.name + "\"?)");
}

void Bindings::unknown_name(const std::string& pointer, const char* key, const std::string& name, const char* kind) {
  if (name.empty()) {
    report_.error(pointer, std::string{"no plugin provides a default "} + key + "; is the plugins folder complete?");
    return;
  }
  std::string text = std::string{"no plugin provides the "} + key + " \"" + name + "\"";
  auto names = g_.registry->names(kind);
  text += suggestion(name, names);
  std::sort(names.begin(), names.end());
  text += " (known:";
  for (const std::string& n : names) text += " " + n;
  report_.error(join(pointer, key), text + ")");
}

}  // namespace sluice::pipeline
