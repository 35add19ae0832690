// What a pickle says, as a graph of nodes: values, containers, names of things and calls that nobody makes.
// Must not know opcodes, nor what becomes of the values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace logboom::inputs::pickle {

using Ref = std::uint32_t;  // index of a node
inline constexpr Ref kNothing = 0xffff'ffffU;

enum class Kind : std::uint8_t {
  kNone,
  kBool,
  kInt,
  kUint,     // above the range of int64
  kDecimal,  // an integer of any size: its digits, with a '-' perhaps
  kBinary,   // an integer of any size: two's complement, little-endian
  kFloat,    //
  kText,     // UTF-8 that may hold surrogates, as Python 3 writes them
  kOldText,  // Python 2's str: bytes of unknown encoding
  kBytes,    //
  kLatin1,   // bytes written as text, one character each (protocols 0 to 2)
  kArray,    // list and its kin
  kDict,     // keys and values alternate
  kGlobal,   // the name of a thing in the sender's program
  kCall      // what such a thing was to make of some arguments
};

/// Python's type, where a kind stands for several.
enum class Flavour : std::uint8_t {
  kPlain,
  kByteArray,
  kTuple,
  kSet,
  kFrozenSet,
  kDeque,
  kOrderedDict,
  kDefaultDict
};

/// Things whose meaning is known (pickle_names.hpp).
enum class Known : std::uint8_t;

struct Node {
  struct Chain {
    std::uint32_t first, last;  // segments
  };

  Kind kind = Kind::kNone;
  Flavour flavour = Flavour::kPlain;
  bool open = false;       // being walked: to meet it again is a cycle
  std::uint32_t size = 0;  // bytes of a text; nodes in a container
  union {
    std::int64_t integer = 0;  // kInt, kBool
    std::uint64_t natural;     // kUint
    double number;             // kFloat
    char const* data;          // texts, bytes, kDecimal, kBinary
    Chain chain;               // containers
    std::uint32_t index;       // kGlobal, kCall
  };

  std::string_view text() const noexcept { return {data, size}; }
};

/// An empty one.
inline Node container_node(Kind kind, Flavour flavour = Flavour::kPlain) {
  Node node;
  node.kind = kind;
  node.flavour = flavour;
  node.chain = {kNothing, kNothing};
  return node;
}
static_assert(sizeof(Node) == 16);

struct Global {
  std::string_view module, name;
  Known known;
};

/// `callable(*args)`, then `state` set on it, then items added.
struct Call {
  Ref callable = kNothing;  // a kGlobal, or anything
  Ref args = kNothing;      // a kArray
  Ref state = kNothing;
  Ref items = kNothing;    // kArray
  Ref entries = kNothing;  // kDict
};

/// Reused from frame to frame: it keeps its memory, which is bounded by the largest frame. Texts borrow from the frame, or live in the graph.
class Graph {
 public:
  // Nodes that are always there.
  static constexpr Ref kNone = 0, kFalse = 1, kTrue = 2;

  Graph() { clear(); }

  void clear();
  Ref add(Node const& node) {
    nodes_.push_back(node);
    return static_cast<Ref>(nodes_.size() - 1);
  }
  Ref add(Global const& global);
  Ref add(Call const& call);
  /// A text of its own.
  std::string_view keep(std::string text) { return texts_.emplace_back(std::move(text)); }

  Node& operator[](Ref ref) noexcept { return nodes_[ref]; }
  Node const& operator[](Ref ref) const noexcept { return nodes_[ref]; }
  Global const& global(Node const& node) const noexcept { return globals_[node.index]; }
  Call& call(Node const& node) noexcept { return calls_[node.index]; }
  Call const& call(Node const& node) const noexcept { return calls_[node.index]; }
  std::size_t size() const noexcept { return nodes_.size(); }

  /// Adds nodes at the end of a container.
  void append(Ref container, Ref const* refs, std::size_t count);

  /// Calls with(ref) for the nodes of a container, in order, until it returns false.
  template <typename With>
  void each(Node const& container, With&& with) const {
    std::uint32_t left = container.size;
    for (std::uint32_t at = left > 0 ? container.chain.first : kNothing; at != kNothing && left > 0;) {
      Segment const& segment = segments_[at];
      for (std::uint32_t i = 0; i < segment.count && left > 0; ++i, --left) {
        if (!with(members_[segment.begin + i])) return;
      }
      at = segment.next;
    }
  }
  /// The nth node of a container, or kNothing.
  Ref member(Node const& container, std::size_t n) const;

 private:
  struct Segment {
    std::uint32_t begin, count, next;
  };

  std::vector<Node> nodes_;
  std::vector<Global> globals_;
  std::vector<Call> calls_;
  std::vector<Segment> segments_;
  std::vector<Ref> members_;
  std::deque<std::string> texts_;
};

}  // namespace logboom::inputs::pickle
