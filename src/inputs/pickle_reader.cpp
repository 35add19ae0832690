// Opcodes to nodes: see pickle_reader.hpp. What stands for a call is in pickle_reduce.cpp.
#include "inputs/pickle_reader.hpp"

#include "inputs/pickle_escapes.hpp"
#include "inputs/pickle_opcodes.hpp"
#include "record/wire.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <system_error>

namespace logboom::inputs::pickle {
namespace {

std::string_view refused(unsigned char code) noexcept {
  switch (code) {
    case 'P':
    case 'Q': return "a persistent id, which only its sender can resolve";
    case 0x82:
    case 0x83:
    case 0x84: return "an extension code, which only its sender can resolve";
    case 0x97:
    case 0x98: return "a buffer that is not in it";
    default: return {};
  }
}

bool is_integer_text(std::string_view text) noexcept {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

Ref Reader::read(std::span<std::byte const> pickle) {
  graph_.clear();
  stack_.clear();
  marks_.clear();
  memoized_ = 0;
  work_left_ = 2 * pickle.size();
  if (++generation_ == 0) {
    memo_.clear();
    generation_ = 1;
  }
  begin_ = at_ = reinterpret_cast<unsigned char const*>(pickle.data());
  end_ = begin_ + pickle.size();
  for (;;) {
    // What nearly all of a record consists of; the rest has time.
    switch (unsigned char const code = byte()) {
      case kStop: return pop();
      case kBinPut: remember(byte()); break;
      case kMemoize: remember(memoized_++); break;
      case kBinGet: recall(byte()); break;
      case kBinUnicode: push_text(Kind::kText, take(number<std::uint32_t>())); break;
      case kShortBinUnicode: push_text(Kind::kText, take(byte())); break;
      case kShortBinString: push_text(Kind::kOldText, take(byte())); break;
      case kNone: push(Graph::kNone); break;
      case kBinInt1: push_integer(byte()); break;
      case kBinInt2: push_integer(number<std::uint16_t>()); break;
      case kBinInt: push_integer(number<std::int32_t>()); break;
      default: rare(code);
    }
  }
}

void Reader::fail(std::string_view why) const {
  throw wire::FrameError(fmt::format("pickle: {} (at byte {})", why, at_ - begin_));
}

void Reader::rare(unsigned char code) {
  if (memory(code) || text(code) || scalar(code) || container(code) || call(code)) return;
  if (auto const why = refused(code); !why.empty()) fail(why);
  fail(fmt::format("opcode 0x{:02x} is unknown", code));
}

void Reader::too_many() const { fail(fmt::format("more than {} values", kMaxNodes)); }

bool Reader::memory(unsigned char code) {
  switch (code) {
    case kLongBinPut: remember(number<std::uint32_t>()); return true;
    case kPut: remember(memo_key(line())); return true;
    case kLongBinGet: recall(number<std::uint32_t>()); return true;
    case kGet: recall(memo_key(line())); return true;
    default: return false;
  }
}

bool Reader::text(unsigned char code) {
  switch (code) {
    case kBinUnicode8: push_text(Kind::kText, take(number<std::uint64_t>())); return true;
    case kBinString: push_text(Kind::kOldText, take(number<std::uint32_t>())); return true;
    case kString: push_quoted(); return true;
    case kUnicode: push_raw_unicode(); return true;
    case kShortBinBytes: push_text(Kind::kBytes, take(byte())); return true;
    case kBinBytes: push_text(Kind::kBytes, take(number<std::uint32_t>())); return true;
    case kBinBytes8: push_text(Kind::kBytes, take(number<std::uint64_t>())); return true;
    case kByteArray8:
      push_text(Kind::kBytes, take(number<std::uint64_t>()), Flavour::kByteArray);
      return true;
    default: return false;
  }
}

bool Reader::scalar(unsigned char code) {
  switch (code) {
    case kNewTrue: push(Graph::kTrue); return true;
    case kNewFalse: push(Graph::kFalse); return true;
    case kInt: push_line_integer(); return true;
    case kLong: {
      auto digits = line();
      if (digits.ends_with('L')) digits.remove_suffix(1);
      push_decimal(digits);
      return true;
    }
    case kLong1: push_binary(take(byte())); return true;
    case kLong4: push_binary(take(number<std::uint32_t>())); return true;
    case kFloatLine: push_float_line(); return true;
    case kBinFloat: {
      Node node;
      node.kind = Kind::kFloat;
      node.number = std::bit_cast<double>(__builtin_bswap64(number<std::uint64_t>()));
      push(node);
      return true;
    }
    default: return false;
  }
}

bool Reader::container(unsigned char code) {
  switch (code) {
    case kMark: marks_.push_back(stack_.size()); return true;
    case kEmptyDict: push(container_node(Kind::kDict)); return true;
    case kEmptyList: push(container_node(Kind::kArray)); return true;
    case kEmptyTuple: push(container_node(Kind::kArray, Flavour::kTuple)); return true;
    case kEmptySet: push(container_node(Kind::kArray, Flavour::kSet)); return true;
    case kTuple: push_array(Flavour::kTuple, stack_.size() - pop_mark()); return true;
    case kTuple1: push_array(Flavour::kTuple, 1); return true;
    case kTuple2: push_array(Flavour::kTuple, 2); return true;
    case kTuple3: push_array(Flavour::kTuple, 3); return true;
    case kList: push_array(Flavour::kPlain, stack_.size() - pop_mark()); return true;
    case kFrozenSet: push_array(Flavour::kFrozenSet, stack_.size() - pop_mark()); return true;
    case kDict: {
      std::size_t const first = pop_mark();
      push(container_node(Kind::kDict));
      std::rotate(stack_.begin() + static_cast<std::ptrdiff_t>(first), stack_.end() - 1, stack_.end());
      set_from(first + 1);
      return true;
    }
    case kSetItems: set_from(pop_mark()); return true;
    case kSetItem:
      if (stack_.size() < floor() + 3) fail("the stack is empty");
      set_from(stack_.size() - 2);
      return true;
    case kAppends: append_from(pop_mark()); return true;
    case kAppend:
      if (stack_.size() < floor() + 2) fail("the stack is empty");
      append_from(stack_.size() - 1);
      return true;
    case kAddItems: append_from(pop_mark()); return true;
    case kPop:
      if (stack_.size() > floor()) {
        stack_.pop_back();
      } else {
        (void)pop_mark();
      }
      return true;
    case kPopMark: stack_.resize(pop_mark()); return true;
    case kDup: push(top()); return true;
    default: return false;
  }
}

bool Reader::call(unsigned char code) {
  switch (code) {
    case kProto:
      if (byte() > 5) fail("a protocol above 5");
      return true;
    case kFrame:
      if (number<std::uint64_t>() > static_cast<std::uint64_t>(end_ - at_)) fail("a frame that is cut short");
      return true;
    case kGlobal: {
      auto const module = line();
      push_global(module, line());
      return true;
    }
    case kStackGlobal: {
      Node const name = graph_[pop()];
      Node const module = graph_[pop()];
      if (name.kind != Kind::kText || module.kind != Kind::kText) fail("a name that is no text");
      push_global(module.text(), name.text());
      return true;
    }
    case kReduce: {
      Ref const args = pop();
      reduce(pop(), args);
      return true;
    }
    case kNewObj: {
      Ref const args = pop();
      push_call({.callable = pop(), .args = args});
      return true;
    }
    case kNewObjEx: {
      Ref const named = pop();
      Ref const args = pop();
      push_call({.callable = pop(), .args = args, .entries = named});
      return true;
    }
    case kInst: {
      std::size_t const first = pop_mark();
      push_array(Flavour::kTuple, stack_.size() - first);
      Ref const args = pop();
      auto const module = line();
      push_global(module, line());
      push_call({.callable = pop(), .args = args});
      return true;
    }
    case kObj: {
      std::size_t const first = pop_mark();
      if (stack_.size() == first) fail("the stack is empty");
      push_array(Flavour::kTuple, stack_.size() - first - 1);
      Ref const args = pop();
      push_call({.callable = pop(), .args = args});
      return true;
    }
    case kBuild: build(); return true;
    default: return false;
  }
}

std::string_view Reader::line() {
  auto const* const stop =
      static_cast<unsigned char const*>(std::memchr(at_, '\n', static_cast<std::size_t>(end_ - at_)));
  if (stop == nullptr) fail("cut short");
  std::string_view const taken(reinterpret_cast<char const*>(at_), static_cast<std::size_t>(stop - at_));
  at_ = stop + 1;
  return taken;
}

void Reader::push_decimal(std::string_view digits) {
  if (!is_integer_text(digits)) fail("an integer that is none");
  Node node;
  char const* const end = digits.data() + digits.size();
  if (std::from_chars(digits.data(), end, node.integer).ec == std::errc{}) {
    node.kind = Kind::kInt;
  } else if (std::from_chars(digits.data(), end, node.natural).ec == std::errc{}) {
    node.kind = Kind::kUint;
  } else {
    bool const negative = digits.starts_with('-');
    auto const significant = digits.find_first_not_of('0', negative ? 1 : 0);
    if (significant != (negative ? 1U : 0U)) fail("an integer that begins with a zero");
    return push_text(Kind::kDecimal, digits);
  }
  push(node);
}

void Reader::push_binary(std::string_view bytes) {
  bool const negative = !bytes.empty() && (static_cast<unsigned char>(bytes.back()) & 0x80U) != 0;
  std::uint64_t value = negative ? ~std::uint64_t{0} : 0;
  if (bytes.size() > 9 || (bytes.size() == 9 && bytes.back() != 0)) return push_text(Kind::kBinary, bytes);
  for (std::size_t i = 0; i < std::min<std::size_t>(bytes.size(), 8); ++i) {
    auto const shift = 8 * i;
    value = (value & ~(std::uint64_t{0xff} << shift)) | std::uint64_t{static_cast<unsigned char>(bytes[i])}
                                                            << shift;
  }
  if (bytes.size() < 9 || value >> 63U == 0) return push_integer(static_cast<std::int64_t>(value));
  Node node;
  node.kind = Kind::kUint;
  node.natural = value;
  push(node);
}

// Protocols 0 and 1 write True as `I01`.
void Reader::push_line_integer() {
  auto const digits = line();
  if (digits == "01") return push(Graph::kTrue);
  if (digits == "00") return push(Graph::kFalse);
  push_decimal(digits);
}

void Reader::push_float_line() {
  auto const digits = line();
  Node node;
  node.kind = Kind::kFloat;
  auto const [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), node.number);
  // Out of range: what Python reads there is an infinity or a zero, and never writes.
  if (error != std::errc{} || stop != digits.data() + digits.size()) fail("a number that is none");
  push(node);
}

void Reader::push_quoted() {
  auto const quoted = line();
  if (quoted.size() < 2 || quoted.front() != quoted.back() || (quoted.front() != '\'' && quoted.front() != '"'))
    fail("a text without quotes");
  push_text(Kind::kOldText, graph_.keep(unescape_string(quoted.substr(1, quoted.size() - 2))));
}

void Reader::push_raw_unicode() {
  auto const escaped = line();
  push_text(Kind::kText, graph_.keep(unescape_unicode(escaped)));
}

void Reader::push_array(Flavour flavour, std::size_t count) {
  if (stack_.size() < floor() + count) fail("the stack is empty");
  room();
  Ref const made = graph_.add(container_node(Kind::kArray, flavour));
  graph_.append(made, stack_.data() + stack_.size() - count, count);
  stack_.resize(stack_.size() - count);
  push(made);
}

Ref Reader::pop() {
  Ref const ref = top();
  stack_.pop_back();
  return ref;
}

std::size_t Reader::pop_mark() {
  if (marks_.empty()) fail("no mark");
  std::size_t const at = marks_.back();
  marks_.pop_back();
  return at;
}

// An honest pickle makes each value once; one that makes the same long one over and over would cost the square of its size.
void Reader::spend(std::size_t work) {
  if (work > work_left_) fail("the same value made over and over");
  work_left_ -= work;
}

void Reader::append_from(std::size_t first) {
  if (first <= floor()) fail("nothing to append to");
  Ref into = stack_[first - 1];
  if (graph_[into].kind == Kind::kCall) {
    auto& made = graph_.call(graph_[into]);
    if (made.items == kNothing) {
      room();
      made.items = graph_.add(container_node(Kind::kArray));
    }
    into = made.items;
  }
  if (graph_[into].kind != Kind::kArray) fail("items appended to what is no list");
  graph_.append(into, stack_.data() + first, stack_.size() - first);
  stack_.resize(first);
}

void Reader::set_from(std::size_t first) {
  if (first <= floor()) fail("nothing to set items of");
  if ((stack_.size() - first) % 2 != 0) fail("a key without a value");
  Ref into = stack_[first - 1];
  if (graph_[into].kind == Kind::kCall) {
    auto& made = graph_.call(graph_[into]);
    if (made.entries == kNothing) {
      room();
      made.entries = graph_.add(container_node(Kind::kDict));
    }
    into = made.entries;
  }
  if (graph_[into].kind != Kind::kDict) fail("items set of what is no dictionary");
  graph_.append(into, stack_.data() + first, stack_.size() - first);
  stack_.resize(first);
}

std::uint64_t Reader::memo_key(std::string_view digits) const {
  std::uint64_t key = 0;
  auto const [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), key);
  if (error != std::errc{} || stop != digits.data() + digits.size()) fail("a memo number that is none");
  return key;
}

void Reader::grow_memo(std::uint64_t key) {
  if (key >= kMaxMemo) fail(fmt::format("a memo of more than {} values", kMaxMemo));
  memo_.resize(std::max<std::size_t>(64, std::bit_ceil(key + 1)));
}

}  // namespace logboom::inputs::pickle
