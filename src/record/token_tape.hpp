// One msgpack or JSON document as a flat list of tokens: checked once, then walked without recursion over foreign bytes.
// Must not know what the document means.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace logboom::wire {

enum class Kind : std::uint8_t {
  kNil,
  kBool,
  kInt,
  kUint,
  kFloat32,
  kFloat64,
  kText,
  kBytes,
  kExtension,
  kArray,
  kMap
};

/// A scalar, or the head of an array or map whose elements follow it (keys and values alternate).
struct Token {
  Kind kind = Kind::kNil;
  std::int8_t extension = 0;  // kExtension: its type
  std::uint32_t size = 0;     // bytes of a text, elements of an array, pairs of a map
  union {
    std::int64_t integer = 0;  // kInt; kBool: 0 or 1
    std::uint64_t natural;     // kUint: above the range of int64
    double number;             // kFloat32, kFloat64
    char const* data;          // kText, kBytes, kExtension (without its type byte)
    std::size_t skip;          // kArray, kMap: tokens up to the one after its last element
  };

  bool is_container() const noexcept { return kind >= Kind::kArray; }
  bool is_nil() const noexcept { return kind == Kind::kNil; }
  std::string_view text() const noexcept { return {data, size}; }
};
static_assert(sizeof(Token) == 16);

/// The token after a value and all within it.
inline Token const* after(Token const* token) noexcept {
  return token + (token->is_container() ? token->skip : 1);
}

/// Reused from document to document. Memory: 16 bytes for each byte of the largest document at most, whatever lengths it declares.
class TokenTape {
 public:
  /// Containers within containers; deeper documents are refused. Above kMaxDepth of a value plus the levels of a batch around it.
  static constexpr std::size_t kDeepest = 64;

  /// Texts borrow from the bytes. @throws FrameError: cut short, bytes left over, too deep, not msgpack
  void read_msgpack(std::span<std::byte const> document);
  /// Texts borrow from the tape. Invalid UTF-8 and lone surrogates arrive escaped. @throws FrameError
  void read_json(std::string_view document);

  Token const& root() const noexcept { return tokens_.front(); }

 private:
  class Builder;
  class MsgpackVisitor;
  class JsonHandler;

  std::vector<Token> tokens_;
  std::deque<std::string> texts_;  // of a JSON document: never moved
};

}  // namespace logboom::wire
