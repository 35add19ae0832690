// Calls in a pickle: nodes that say what would have been called, or at once what is known to come of it. See pickle_reader.hpp.
#include "inputs/pickle_reader.hpp"

#include "inputs/pickle_names.hpp"
#include "record/utf8.hpp"

#include <fmt/format.h>

#include <vector>

namespace logboom::inputs::pickle {

void Reader::push_global(std::string_view module, std::string_view name) {
  if (module.size() > kMaxName || name.size() > kMaxName)
    fail(fmt::format("a name of more than {} bytes", kMaxName));
  room();
  push(graph_.add(Global{module, name, known_name(module, name)}));
}

void Reader::push_call(Call const& made) {
  if (graph_[made.args].kind != Kind::kArray) fail("arguments that are no tuple");
  if (made.entries != kNothing && graph_[made.entries].kind != Kind::kDict)
    fail("named arguments that are no dictionary");
  room();
  push(graph_.add(made));
}

void Reader::reduce(Ref callable, Ref args) {
  if (graph_[args].kind != Kind::kArray) fail("arguments that are no tuple");
  room();
  if (graph_[callable].kind == Kind::kGlobal && reduce_known(callable, graph_[args])) return;
  push_call({.callable = callable, .args = args});
}

/// What stands for a container or bytes becomes one at once: later opcodes add to it. @return false: a call like others
bool Reader::reduce_known(Ref callable, Node args) {
  auto const known = graph_.global(graph_[callable]).known;
  Ref const first = graph_.member(args, 0);
  bool const none = args.size == 0;
  switch (known) {
    case Known::kEncode: return args.size >= 1 && reduce_encoded(first, Flavour::kPlain);
    case Known::kBytes: return reduce_bytes(Flavour::kPlain, args);
    case Known::kByteArray: return reduce_bytes(Flavour::kByteArray, args);
    case Known::kList: return copy_as(first, Kind::kArray, Flavour::kPlain);
    case Known::kTuple: return copy_as(first, Kind::kArray, Flavour::kTuple);
    case Known::kSet: return copy_as(first, Kind::kArray, Flavour::kSet);
    case Known::kFrozenSet: return copy_as(first, Kind::kArray, Flavour::kFrozenSet);
    case Known::kDeque: return copy_as(first, Kind::kArray, Flavour::kDeque);
    case Known::kDict: return copy_as(first, Kind::kDict, Flavour::kPlain);
    case Known::kOrderedDict:
      return none ? copy_as(kNothing, Kind::kDict, Flavour::kOrderedDict) : reduce_ordered(args);
    case Known::kDefaultDict: return copy_as(graph_.member(args, 1), Kind::kDict, Flavour::kDefaultDict);
    case Known::kReconstructor:
    case Known::kNewObject:
    case Known::kNewObjectEx: return reduce_class(args, known);
    default: return false;
  }
}

/// A container with the members of another one, or of nothing.
bool Reader::copy_as(Ref of, Kind kind, Flavour flavour) {
  if (of != kNothing && graph_[of].kind != kind) return false;
  Node node = of == kNothing ? container_node(kind) : graph_[of];
  node.flavour = flavour;
  push(node);
  return true;
}

bool Reader::reduce_bytes(Flavour flavour, Node args) {
  if (args.size == 0) {
    push_text(Kind::kBytes, "", flavour);
    return true;
  }
  Ref const first = graph_.member(args, 0);
  Node node = graph_[first];
  if (node.kind == Kind::kText) return reduce_encoded(first, flavour);
  if (node.kind != Kind::kBytes && node.kind != Kind::kLatin1 && node.kind != Kind::kOldText) return false;
  if (node.kind == Kind::kOldText) node.kind = Kind::kBytes;
  node.flavour = flavour;
  push(node);
  return true;
}

bool Reader::reduce_encoded(Ref of, Flavour flavour) {
  Node node = graph_[of];
  if (node.kind != Kind::kText) return false;
  auto const text = node.text();
  spend(text.size());
  for (std::size_t at = 0; at < text.size();) {
    auto const c = decode_utf8(text, at);
    if (!c.valid || c.code > 0xff) return false;
    at += c.size;
  }
  node.kind = Kind::kLatin1;
  node.flavour = flavour;
  push(node);
  return true;
}

/// Python 2's OrderedDict: one list of pairs.
bool Reader::reduce_ordered(Node args) {
  Ref const first = graph_.member(args, 0);
  if (args.size != 1 || graph_[first].kind != Kind::kArray) return false;
  std::vector<Ref> entries;
  bool pairs = true;
  Node const list = graph_[first];
  spend(2 * list.size);
  graph_.each(list, [&](Ref ref) {
    Node const& pair = graph_[ref];
    pairs = pair.kind == Kind::kArray && pair.size == 2;
    if (pairs) entries.insert(entries.end(), {graph_.member(pair, 0), graph_.member(pair, 1)});
    return pairs;
  });
  if (!pairs) return false;
  Ref const made = graph_.add(container_node(Kind::kDict, Flavour::kOrderedDict));
  graph_.append(made, entries.data(), entries.size());
  push(made);
  return true;
}

/// `_reconstructor(class, base, value of the base)`, `__newobj__(class, *args)`: the class is what is called.
bool Reader::reduce_class(Node args, Known how) {
  std::vector<Ref> parts;
  spend(args.size);
  graph_.each(args, [&](Ref ref) {
    parts.push_back(ref);
    return true;
  });
  if (parts.empty() || (how != Known::kNewObject && parts.size() != 3)) return false;
  Call made{.callable = parts[0]};
  if (how == Known::kNewObjectEx) {
    if (graph_[parts[1]].kind != Kind::kArray || graph_[parts[2]].kind != Kind::kDict) return false;
    made.args = parts[1];
    made.entries = parts[2];
    push_call(made);
    return true;
  }
  std::size_t skipped = 1;
  if (how == Known::kReconstructor) {
    Node const& base = graph_[parts[1]];
    bool const plain = base.kind == Kind::kGlobal && graph_.global(base).known == Known::kObject;
    skipped = plain ? 3 : 2;
  }
  made.args = graph_.add(container_node(Kind::kArray, Flavour::kTuple));
  graph_.append(made.args, parts.data() + skipped, parts.size() - skipped);
  push_call(made);
  return true;
}

/// The state of what is no inert object (an OrderedDict's attributes) says nothing of its value.
void Reader::build() {
  Ref const state = pop();
  Node const& of = graph_[top()];
  if (of.kind == Kind::kCall) graph_.call(of).state = state;
}

}  // namespace logboom::inputs::pickle
