// Reads a pickle, of any protocol from 0 to 5, into a graph. Symbolic: nothing is called, imported or looked up, whatever the bytes ask for.
// Must not know what the values are for.
#pragma once

#include "inputs/pickle_graph.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace logboom::inputs::pickle {

inline constexpr std::size_t kMaxNodes = 256U << 10U;  // values in a pickle
inline constexpr std::size_t kMaxMemo = 128U << 10U;   // numbers in its memo
inline constexpr std::size_t kMaxName = 1024;          // bytes of the name of a module or of a thing in it

/// Reused from pickle to pickle; time and memory are bounded by the size of the pickle (and by the above). One thread.
class Reader {
 public:
  /// The value, in graph(). Borrows `pickle` as long as the graph is used. Bytes after the end of the pickle are not looked at, as in Python.
  /// @throws wire::FrameError: cut short, no pickle, beyond a bound, persistent ids, extension codes, buffers that are not in it
  Ref read(std::span<std::byte const> pickle);

  Graph& graph() noexcept { return graph_; }

 private:
  struct Memo {
    Ref ref = kNothing;
    std::uint32_t generation = 0;
  };

  [[noreturn]] void fail(std::string_view why) const;
  void rare(unsigned char code);
  bool scalar(unsigned char code);
  bool text(unsigned char code);
  bool container(unsigned char code);
  bool call(unsigned char code);
  bool memory(unsigned char code);

  // The bytes.
  std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - at_); }
  unsigned char byte() {
    if (at_ == end_) fail("cut short");
    return *at_++;
  }
  /// Little-endian, as this machine.
  template <typename T>
  T number() {
    T value;
    if (left() < sizeof value) fail("cut short");
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  std::string_view take(std::uint64_t size) {
    if (size > left()) fail("cut short");
    std::string_view const taken(reinterpret_cast<char const*>(at_), size);
    at_ += size;
    return taken;
  }
  std::string_view line();

  // The stack.
  void push(Ref ref) { stack_.push_back(ref); }
  void push(Node const& node) {
    room();
    stack_.push_back(graph_.add(node));
  }
  void push_text(Kind kind, std::string_view text, Flavour flavour = Flavour::kPlain) {
    Node node;
    node.kind = kind;
    node.flavour = flavour;
    node.size = static_cast<std::uint32_t>(text.size());
    node.data = text.data();
    push(node);
  }
  void push_integer(std::int64_t value) {
    Node node;
    node.kind = Kind::kInt;
    node.integer = value;
    push(node);
  }
  void push_decimal(std::string_view digits);
  void push_binary(std::string_view little_endian);
  void push_line_integer();
  void push_float_line();
  void push_quoted();
  void push_raw_unicode();
  void push_array(Flavour flavour, std::size_t count);
  Ref pop();
  Ref& top() {
    if (stack_.size() <= floor()) fail("the stack is empty");
    return stack_.back();
  }
  std::size_t floor() const noexcept { return marks_.empty() ? 0 : marks_.back(); }
  std::size_t pop_mark();
  void spend(std::size_t work);
  void room() const {
    if (graph_.size() >= kMaxNodes) too_many();
  }
  [[noreturn]] void too_many() const;

  // What opcodes do.
  void append_from(std::size_t first);
  void set_from(std::size_t first);
  void push_global(std::string_view module, std::string_view name);
  void push_call(Call const& made);
  void reduce(Ref callable, Ref args);
  bool reduce_known(Ref callable, Node args);
  bool copy_as(Ref of, Kind kind, Flavour flavour);
  bool reduce_bytes(Flavour flavour, Node args);
  bool reduce_encoded(Ref of, Flavour flavour);
  bool reduce_ordered(Node args);
  bool reduce_class(Node args, Known how);
  void build();
  void remember(std::uint64_t key) {
    if (key >= memo_.size()) grow_memo(key);
    memo_[key] = {top(), generation_};
  }
  void recall(std::uint64_t key) {
    if (key >= memo_.size() || memo_[key].generation != generation_) fail("a memo number that was never set");
    push(memo_[key].ref);
  }
  void grow_memo(std::uint64_t key);
  std::uint64_t memo_key(std::string_view digits) const;

  Graph graph_;
  std::vector<Ref> stack_;
  std::vector<std::size_t> marks_;
  std::vector<Memo> memo_;
  std::uint32_t generation_ = 0;
  std::uint64_t memoized_ = 0;  // by MEMOIZE
  std::size_t work_left_ = 0;   // of what is more than a step an opcode
  unsigned char const* begin_ = nullptr;
  unsigned char const* at_ = nullptr;
  unsigned char const* end_ = nullptr;
};

}  // namespace logboom::inputs::pickle
