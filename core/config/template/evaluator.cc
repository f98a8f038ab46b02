#include "core/config/template/evaluator.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/config/report.h"
#include "core/config/template/format.h"

namespace sluice::config::tmpl {
namespace {

using K = Value::Kind;

std::string type_name(char type) {
  switch (type) {
    case 's': return "a text";
    case 'i': return "a whole number";
    case 'f': return "a float";
    case 'b': return "true or false";
    case 'l': return "a list";
    case 'm': return "an object";
    case 't': return "a time";
    default: return "a value";
  }
}

// What would make the value fit.
std::string_view remedy(char type, const Value& v) {
  if (type == 's' && v.number()) return "; (toString …) makes a text of it";
  if (type == 'i' && (v.is(K::real) || v.is(K::text))) return "; numbers of the settings are floats: (int …) makes a whole number of them";
  if (type == 'f' && (v.whole() || v.is(K::text))) return "; (float64 …) makes a float of it";
  return "";
}

class Evaluator {
 public:
  Evaluator(const Trees& trees, const Services& services, Rendered& out, std::vector<Fault>& remarks, Fault& fault)
      : trees_{trees}, services_{services}, out_{out}, remarks_{remarks}, fault_{fault} {}

  bool run(const std::string& name, const Value& data) {
    auto it = trees_.find(name);
    if (it == trees_.end()) return false;
    file_ = it->second.file;
    variables_.push_back({"$", data});
    return list(it->second.nodes, data) != Flow::failed;
  }

 private:
  enum class Flow : uint8_t { on, leave, next, failed };
  struct Variable {
    std::string_view name;
    Value value;
  };
  // One more level of blocks, templates or parentheses.
  struct Level {
    explicit Level(size_t& d) : depth{d} { ++depth; }
    ~Level() { --depth; }
    size_t& depth;
  };

  bool fail(size_t at, std::string message) {
    if (!failed_) fault_ = {file_, at, std::move(message)};
    failed_ = true;
    return false;
  }
  bool step(size_t at) {
    if (++steps_ > services_.max_steps)
      return fail(at, "the template takes more than " + std::to_string(services_.max_steps) + " steps: is there a loop that is far too long?");
    if (!out_.heap.within()) return fail(at, "the template makes more than " + std::to_string(Heap::kMost >> 20) + " MiB of values");
    if (out_.text.size() > kMaxOutput) return fail(at, "the result is larger than " + std::to_string(kMaxOutput >> 20) + " MiB");
    if (depth_ > kMaxLevels)
      return fail(at, "templates and blocks are more than " + std::to_string(kMaxLevels) + " levels deep: does a template call itself without end?");
    return true;
  }

  Flow list(const std::vector<Node>& nodes, const Value& dot) {
    Level level{depth_};
    for (const Node& n : nodes) {
      Flow flow = node(n, dot);
      if (flow != Flow::on) return flow;
    }
    return Flow::on;
  }

  Flow node(const Node& n, const Value& dot) {
    if (!step(n.at)) return Flow::failed;
    switch (n.kind) {
      case Node::Kind::text:
        out_.heap.charge(48);  // of the map
        out_.map.text(out_.text.size(), file_, n.at);
        out_.text.append(file_->text, n.at, n.end - n.at);
        return Flow::on;
      case Node::Kind::action: {
        reads_.clear();
        Value v;
        if (!pipeline(n.pipe, dot, v)) return Flow::failed;
        if (n.pipe.variables.empty() && !write(n, v)) return Flow::failed;
        return Flow::on;
      }
      case Node::Kind::branch_if:
      case Node::Kind::branch_with: return branch(n, dot);
      case Node::Kind::range: return range(n, dot);
      case Node::Kind::call: return call(n, dot) ? Flow::on : Flow::failed;
      case Node::Kind::leave: return Flow::leave;
      case Node::Kind::next: return Flow::next;
    }
    return Flow::failed;
  }

  bool write(const Node& n, const Value& v) {
    size_t before = out_.text.size();
    if (v.none()) {
      if (v.origin && v.origin->kind == Origin::Kind::missing_file) return fail(n.pipe.at, missing(*v.origin));
      if (remarks_.size() < kMaxRemarks)
        remarks_.push_back(
            {file_, n.pipe.at, "this prints \"<no value>\"" + (v.origin ? ": " + missing(*v.origin) : std::string{": there is nothing to print"})});
      out_.text += "<no value>";
    } else {
      append_text(out_.text, v);
    }
    if (out_.text.size() == before) return true;
    out_.heap.charge(64);
    const File* partial = v.is(K::text) ? partial_of(v) : nullptr;
    if (partial) out_.map.text(before, partial, 0);
    else out_.map.value(before, file_, n.at, reads_);
    return true;
  }

  // The partial whose whole text this is.
  const File* partial_of(const Value& v) const {
    if (!v.origin || v.origin->kind != Origin::Kind::partial) return nullptr;
    for (const File& f : out_.files)
      if (f.text.data() == v.text.data() && f.text.size() == v.text.size()) return &f;
    return nullptr;
  }

  static std::string missing(const Origin& o) {
    std::string name{o.pointer.substr(o.pointer.rfind('/') + 1)}, near = o.near.empty() ? "" : " (did you mean " + go_quote(o.near) + "?)";
    if (o.kind == Origin::Kind::missing_file)
      return "there are no settings " + go_quote(name) + ": " +
             (o.file.empty() ? std::string{"FC_SETTINGS names no folder"} : "no file " + name + ".json in " + std::string{o.file}) + near;
    return "the settings in " + std::string{o.file} + " have no " + std::string{o.pointer} + near;
  }

  Flow branch(const Node& n, const Value& dot) {
    size_t mark = variables_.size();
    reads_.clear();
    Value v;
    if (!pipeline(n.pipe, dot, v)) return Flow::failed;
    Flow flow = Flow::on;
    if (truth(v)) flow = list(n.body, n.kind == Node::Kind::branch_with ? v : dot);
    else if (n.has_otherwise) flow = list(n.otherwise, dot);
    variables_.resize(mark);
    return flow;
  }

  Flow range(const Node& n, const Value& dot) {
    size_t mark = variables_.size();
    reads_.clear();
    Value v;
    // The variables are those of each turn; the pipeline's own value is none of theirs.
    if (!pipeline(n.pipe, dot, v, false)) return Flow::failed;
    size_t turns = 0;
    Flow flow = Flow::on;
    auto turn = [&](const Value& key, const Value& item) {
      if (!step(n.at)) return false;
      ++turns;
      const auto& names = n.pipe.variables;
      for (size_t i = 0; i < names.size(); ++i) {
        const Value& value = names.size() == 2 && i == 0 ? key : item;
        if (!n.pipe.assigns) variables_.push_back({names[i], value});
        else assign(names[i], value);
      }
      flow = list(n.body, item);
      variables_.resize(mark);
      if (flow == Flow::next) flow = Flow::on;
      return flow == Flow::on;
    };
    switch (v.kind) {
      case K::list: {
        // A copy of the reference: `set` may change maps while they are walked, and lists never change.
        for (size_t i = 0; i < v.list->items.size(); ++i)
          if (!turn(integer(static_cast<int64_t>(i)), v.list->items[i])) break;
        break;
      }
      case K::map: {
        std::vector<std::string_view> keys;
        out_.heap.charge(v.map->members.size() * 16);
        for (const auto& member : v.map->members) keys.push_back(out_.heap.keep(member.first));
        for (std::string_view key : keys) {
          auto it = v.map->members.find(key);
          if (it != v.map->members.end() && !turn(view(key), Value{it->second})) break;
        }
        break;
      }
      case K::integer:
      case K::integer64:
        for (int64_t i = 0; i < v.integer; ++i)
          if (!turn(integer(i), integer(i))) break;
        break;
      case K::none:
        if (v.origin && v.origin->kind == Origin::Kind::missing_file && !n.has_otherwise) {
          fail(n.pipe.at, missing(*v.origin));
          return Flow::failed;
        }
        break;
      default: fail(n.pipe.at, "range goes over lists, objects and whole numbers; this is " + described(v)); return Flow::failed;
    }
    if (failed_ || flow == Flow::failed) return Flow::failed;
    if (turns == 0 && n.has_otherwise) flow = list(n.otherwise, dot);
    else if (flow == Flow::leave) flow = Flow::on;
    variables_.resize(mark);
    return flow;
  }

  bool call(const Node& n, const Value& dot) {
    auto it = trees_.find(n.name);
    if (it == trees_.end()) {
      std::vector<std::string> names;
      for (const auto& [name, tree] : trees_) names.push_back(name);
      std::string_view near = nearest(n.name, names);
      return fail(n.at, "no template " + go_quote(n.name) + (near.empty() ? "" : " (did you mean " + go_quote(near) + "?)") +
                            "; templates are the *.tmpl files in FC_TEMPLATES, and what {{define}} defines");
    }
    Value data;
    reads_.clear();
    if (!n.pipe.commands.empty() && !pipeline(n.pipe, dot, data)) return false;
    std::vector<Variable> before = std::exchange(variables_, {{"$", data}});
    const File* file = std::exchange(file_, it->second.file);
    out_.heap.charge(32);
    uint32_t frame = out_.map.enter(file, n.at);
    Flow flow = list(it->second.nodes, data);
    out_.map.leave(frame);
    if (flow != Flow::failed) file_ = file;
    variables_ = std::move(before);
    return flow != Flow::failed;
  }

  void assign(std::string_view name, const Value& v) {
    for (auto it = variables_.rbegin(); it != variables_.rend(); ++it) {
      if (it->name != name) continue;
      it->value = v;
      return;
    }
  }

  bool pipeline(const Pipe& p, const Value& dot, Value& out, bool declare = true) {
    Level level{depth_};
    if (!step(p.at)) return false;
    const Value* final = nullptr;
    Value value;
    for (const Command& c : p.commands) {
      Value next;
      if (!command(c, dot, final, next)) return false;
      value = next;
      final = &value;
    }
    if (declare)
      for (const std::string& name : p.variables) {
        if (p.assigns) assign(name, value);
        else variables_.push_back({name, value});
      }
    out = value;
    return true;
  }

  bool command(const Command& c, const Value& dot, const Value* final, Value& out) {
    const Arg& first = c.args[0];
    if (first.kind == Arg::Kind::function) {
      if (first.text == "and" || first.text == "or") {
        if (!logic(c, dot, final, out)) return false;
      } else if (!function(c, dot, final, out)) {
        return false;
      }
      return fields(out, first, out);
    }
    if (c.args.size() > 1 || final)
      return fail(first.at,
                  "only functions take arguments, and this is a value" + std::string{first.fields.empty() ? "" : "; is a \"|\" or a function's name missing?"});
    if (first.kind == Arg::Kind::nil) return fail(first.at, "nil alone is no value of a pipeline");
    return operand(first, dot, 'v', out);
  }

  // An argument as a value of the type wanted; the type itself is checked by the caller.
  bool operand(const Arg& a, const Value& dot, char type, Value& out) {
    switch (a.kind) {
      case Arg::Kind::nil: out = {}; return true;
      case Arg::Kind::boolean: out = boolean(a.boolean); return true;
      case Arg::Kind::text: out = view(a.text); return true;
      case Arg::Kind::number:
        // Constants take the type that is wanted, as in Go.
        if (type == 'i' && a.integer) out = integer(*a.integer);
        else if (type == 'f' || a.is_real || !a.integer) out = real(a.real);
        else out = integer(*a.integer);
        return true;
      case Arg::Kind::dot:
        out = dot;
        if (!fields(dot, a, out)) return false;
        break;
      case Arg::Kind::variable: {
        auto it = std::find_if(variables_.rbegin(), variables_.rend(), [&](const Variable& v) { return v.name == a.text; });
        if (it == variables_.rend()) return fail(a.at, "no variable " + a.text);
        out = it->value;
        if (!fields(it->value, a, out)) return false;
        break;
      }
      case Arg::Kind::pipe: {
        Value v;
        size_t mark = variables_.size();
        if (!pipeline(*a.pipe, dot, v)) return false;
        variables_.resize(mark);
        if (!fields(v, a, out)) return false;
        break;
      }
      case Arg::Kind::function: {
        // A function's name among arguments is its call without any.
        const Function* f = find_function(a.text);
        Value v;
        if (!f || a.text == "and" || a.text == "or") return fail(a.at, go_quote(a.text) + " needs arguments: put them and the name in parentheses");
        if (!apply(*f, a.at, {}, {}, v) || !fields(v, a, out)) return false;
        break;
      }
    }
    if (out.origin && out.origin->kind <= Origin::Kind::partial && reads_.size() < 64) reads_.push_back(out.origin);
    return true;
  }

  bool fields(Value v, const Arg& a, Value& out) {
    for (const std::string& name : a.fields) {
      if (v.none()) {
        if (v.origin && v.origin->kind == Origin::Kind::missing_file) return fail(a.at, missing(*v.origin));
        continue;  // a field of what is missing is missing
      }
      if (!v.is(K::map)) return fail(a.at, "there is no field ." + name + " in " + described(v));
      Map& m = *v.map;
      auto it = m.members.find(name);
      if (it != m.members.end()) {
        v = it->second;
        continue;
      }
      v = {};
      if (m.root || !m.settings.empty()) {
        std::vector<std::string> names;
        for (const auto& member : m.members) names.push_back(member.first);
        v.origin = m.root ? out_.heap.origin(Origin::Kind::missing_file, m.settings, out_.heap.keep(name), out_.heap.keep(std::string{nearest(name, names)}))
                          : out_.heap.origin(Origin::Kind::missing_key, m.settings, out_.heap.keep(join(m.pointer, name)),
                                             out_.heap.keep(std::string{nearest(name, names)}));
      }
    }
    out = v;
    return true;
  }

  // and, or: arguments are evaluated until one decides.
  bool logic(const Command& c, const Value& dot, const Value* final, Value& out) {
    bool stops_at = c.args[0].text == "or";
    if (c.args.size() == 1 && !final) return fail(c.at, c.args[0].text + " needs at least one argument");
    for (size_t i = 1; i < c.args.size(); ++i) {
      if (!operand(c.args[i], dot, 'v', out)) return false;
      if (truth(out) == stops_at) return true;
    }
    if (final) out = *final;
    return true;
  }

  bool function(const Command& c, const Value& dot, const Value* final, Value& out) {
    const Arg& first = c.args[0];
    const Function* f = find_function(first.text);
    if (!f) return fail(first.at, "no function " + go_quote(first.text));
    std::vector<Value> args;
    std::vector<size_t> at;
    for (size_t i = 1; i < c.args.size(); ++i) {
      Value v;
      if (!operand(c.args[i], dot, type_of_parameter(*f, i - 1), v)) return false;
      args.push_back(v);
      at.push_back(c.args[i].at);
    }
    if (final) args.push_back(*final), at.push_back(first.at);
    return apply(*f, first.at, args, at, out);
  }

  static char type_of_parameter(const Function& f, size_t i) {
    std::string_view s = f.signature;
    if (s.ends_with('*')) s.remove_suffix(1);
    return s.empty() ? 'v' : s[std::min(i, s.size() - 1)];
  }

  bool apply(const Function& f, size_t at, const std::vector<Value>& args, const std::vector<size_t>& places, Value& out) {
    bool variadic = f.signature.ends_with('*');
    size_t least = variadic ? f.signature.size() - 2 : f.signature.size();
    if (args.size() < least || (!variadic && args.size() > least))
      return fail(at, std::string{f.name} + " takes " + (variadic ? "at least " : "") + std::to_string(least) + (least == 1 ? " argument" : " arguments") +
                          ", here are " + std::to_string(args.size()) + " (what stands before \"|\" is the last)");
    std::vector<Value> fitting{args};
    for (size_t i = 0; i < fitting.size(); ++i) {
      Value& v = fitting[i];
      char type = type_of_parameter(f, i);
      if (v.none() && v.origin && v.origin->kind == Origin::Kind::missing_file && !f.tolerant) return fail(places[i], missing(*v.origin));
      if (type == 'm' && v.none()) v = of(out_.heap.map());  // a nil map of Go's: empty
      if (fits(type, v)) continue;
      std::string what = v.none() && v.origin && v.origin->kind == Origin::Kind::missing_key ? "nothing: " + missing(*v.origin) : described(v);
      return fail(places[i], std::string{f.name} + " takes " + type_name(type) + " as argument " + std::to_string(i + 1) + ", found " + what +
                                 std::string{remedy(type, v)});
    }
    // Most functions give no more than they take; those that do ask for room themselves.
    size_t taken = 0;
    for (const Value& v : fitting) taken += v.is(K::text) ? v.text.size() : 0;
    if (!out_.heap.fits(taken)) return fail(at, "the template makes more than " + std::to_string(Heap::kMost >> 20) + " MiB of values");
    Call c{fitting, out_.heap, services_, reads_};
    out = f.call(c);
    if (c.error) return fail(at, std::string{f.name} + ": " + *c.error);
    if (!out.origin)
      for (const Value& v : fitting)
        if (v.origin && v.origin->kind < Origin::Kind::partial) {
          out.origin = v.origin;
          break;
        }
    return step(at);
  }

  static bool fits(char type, const Value& v) {
    switch (type) {
      case 's': return v.is(K::text);
      case 'i': return v.whole();
      case 'f': return v.is(K::real);
      case 'b': return v.is(K::boolean);
      case 'l': return v.is(K::list);
      case 'm': return v.is(K::map);
      case 't': return v.is(K::time);
      default: return true;
    }
  }

  const Trees& trees_;
  const Services& services_;
  Rendered& out_;
  std::vector<Fault>& remarks_;
  Fault& fault_;
  const File* file_ = nullptr;
  std::vector<Variable> variables_;
  std::vector<const Origin*> reads_;
  size_t steps_ = 0, depth_ = 0;
  bool failed_ = false;
};

}  // namespace

bool evaluate(const Trees& trees, const std::string& name, const Value& data, const Services& services, Rendered& out,
              std::vector<Fault>& remarks, Fault& fault) {
  return Evaluator{trees, services, out, remarks, fault}.run(name, data);
}

}  // namespace sluice::config::tmpl
