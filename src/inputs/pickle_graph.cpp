// See pickle_graph.hpp.
#include "inputs/pickle_graph.hpp"

#include "inputs/pickle_names.hpp"

namespace logboom::inputs::pickle {

void Graph::clear() {
  nodes_.clear();
  globals_.clear();
  calls_.clear();
  segments_.clear();
  members_.clear();
  if (!texts_.empty()) texts_.clear();
  Node node;
  nodes_.push_back(node);
  node.kind = Kind::kBool;
  nodes_.push_back(node);
  node.integer = 1;
  nodes_.push_back(node);
}

Ref Graph::add(Global const& global) {
  Node node;
  node.kind = Kind::kGlobal;
  node.index = static_cast<std::uint32_t>(globals_.size());
  globals_.push_back(global);
  return add(node);
}

Ref Graph::add(Call const& call) {
  Node node;
  node.kind = Kind::kCall;
  node.index = static_cast<std::uint32_t>(calls_.size());
  calls_.push_back(call);
  return add(node);
}

void Graph::append(Ref container, Ref const* refs, std::size_t count) {
  if (count == 0) return;
  Node& node = nodes_[container];
  auto const begin = static_cast<std::uint32_t>(members_.size());
  members_.insert(members_.end(), refs, refs + count);
  auto const made = static_cast<std::uint32_t>(segments_.size());
  // The segment grows where it is still at the end of all: one SETITEM or APPEND after the other makes one segment.
  if (node.size > 0) {
    Segment& last = segments_[node.chain.last];
    if (last.begin + last.count == begin) {
      last.count += static_cast<std::uint32_t>(count);
      node.size += static_cast<std::uint32_t>(count);
      return;
    }
    last.next = made;
  } else {
    node.chain.first = made;
  }
  segments_.push_back({begin, static_cast<std::uint32_t>(count), kNothing});
  node.chain.last = made;
  node.size += static_cast<std::uint32_t>(count);
}

Ref Graph::member(Node const& container, std::size_t n) const {
  Ref found = kNothing;
  if (n >= container.size) return found;
  each(container, [&](Ref ref) {
    found = ref;
    return n-- > 0;
  });
  return found;
}

}  // namespace logboom::inputs::pickle
