// msgpack and JSON read into a TokenTape by msgpack-c and nlohmann-json, both without recursion.
#include "record/token_tape.hpp"

#include "record/clean_text.hpp"
#include "record/wire.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include <msgpack.hpp>
#include <nlohmann/json.hpp>

namespace logboom::wire {

/// What both readers do: append tokens, close containers. Depth is bounded here, lengths by what really comes.
class TokenTape::Builder {
 public:
  explicit Builder(std::vector<Token>& tokens) : tokens_(tokens) {}

  bool nil() {
    next(Kind::kNil);
    return true;
  }
  bool integer(std::int64_t value) {
    next(Kind::kInt).integer = value;
    return true;
  }
  bool natural(std::uint64_t value) {
    constexpr auto kLargest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (value <= kLargest) return integer(static_cast<std::int64_t>(value));
    next(Kind::kUint).natural = value;
    return true;
  }
  bool boolean(bool value) {
    next(Kind::kBool).integer = value ? 1 : 0;
    return true;
  }
  bool number(Kind kind, double value) {
    next(kind).number = value;
    return true;
  }
  bool bytes(Kind kind, char const* data, std::uint32_t size, std::int8_t extension = 0) {
    Token& token = next(kind);
    token.extension = extension;
    token.size = size;
    token.data = size == 0 ? "" : data;
    return true;
  }
  bool open(Kind kind, std::uint32_t size) {
    if (depth_ == kDeepest) {
      too_deep_ = true;
      return false;
    }
    open_[depth_++] = size_;
    next(kind).size = size;
    return true;
  }
  Token& close() {
    std::size_t const at = open_[--depth_];
    tokens_[at].skip = size_ - at;
    return tokens_[at];
  }
  bool too_deep() const noexcept { return too_deep_; }

 private:
  // Filled in place: a token made elsewhere and copied costs more than reading its bytes.
  Token& next(Kind kind) {
    if (size_ == tokens_.size()) grow();
    Token& token = tokens_[size_++];
    token.kind = kind;
    return token;
  }
  void grow() { tokens_.resize(std::max<std::size_t>(256, tokens_.size() * 2)); }

  std::vector<Token>& tokens_;  // the first size_ of them are this document's
  std::size_t size_ = 0;
  std::array<std::size_t, kDeepest> open_{};
  std::size_t depth_ = 0;
  bool too_deep_ = false;
};

class TokenTape::MsgpackVisitor : public msgpack::null_visitor {
 public:
  explicit MsgpackVisitor(Builder& builder) : builder_(builder) {}

  bool visit_nil() { return builder_.nil(); }
  bool visit_boolean(bool value) { return builder_.boolean(value); }
  bool visit_positive_integer(std::uint64_t value) { return builder_.natural(value); }
  bool visit_negative_integer(std::int64_t value) { return builder_.integer(value); }
  bool visit_float32(float value) { return builder_.number(Kind::kFloat32, static_cast<double>(value)); }
  bool visit_float64(double value) { return builder_.number(Kind::kFloat64, value); }
  bool visit_str(char const* data, std::uint32_t size) { return builder_.bytes(Kind::kText, data, size); }
  bool visit_bin(char const* data, std::uint32_t size) { return builder_.bytes(Kind::kBytes, data, size); }
  bool visit_ext(char const* data, std::uint32_t size) {
    return builder_.bytes(Kind::kExtension, data + 1, size - 1, static_cast<std::int8_t>(*data));
  }
  bool start_array(std::uint32_t size) { return builder_.open(Kind::kArray, size); }
  bool start_map(std::uint32_t size) { return builder_.open(Kind::kMap, size); }
  bool end_array() { return close(); }
  bool end_map() { return close(); }
  void insufficient_bytes(std::size_t /*parsed*/, std::size_t /*at*/) { cut_short_ = true; }
  bool cut_short() const noexcept { return cut_short_; }

 private:
  bool close() {
    builder_.close();
    return true;
  }

  Builder& builder_;
  bool cut_short_ = false;
};

void TokenTape::read_msgpack(std::span<std::byte const> document) {
  Builder builder(tokens_);
  MsgpackVisitor visitor(builder);
  std::size_t offset = 0;
  bool whole = false;
  try {
    whole = msgpack::parse(reinterpret_cast<char const*>(document.data()), document.size(), offset, visitor);
  } catch (msgpack::unpack_error const& error) {
    throw FrameError(error.what());
  }
  if (builder.too_deep()) throw FrameError("nested deeper than " + std::to_string(kDeepest) + " levels");
  if (visitor.cut_short()) throw FrameError("cut short after " + std::to_string(document.size()) + " bytes");
  if (!whole) throw FrameError("not msgpack at byte " + std::to_string(offset));
  if (offset != document.size())
    throw FrameError(std::to_string(document.size() - offset) + " bytes left over after its end");
}

/// Sizes of JSON's containers are known at their end only.
class TokenTape::JsonHandler {
 public:
  // the names and types are nlohmann-json's
  using number_integer_t = nlohmann::json::number_integer_t;
  using number_unsigned_t = nlohmann::json::number_unsigned_t;
  using number_float_t = nlohmann::json::number_float_t;
  using string_t = nlohmann::json::string_t;
  using binary_t = nlohmann::json::binary_t;

  JsonHandler(Builder& builder, std::deque<std::string>& texts) : builder_(builder), texts_(texts) {
    texts_.clear();
  }

  bool null() { return count() && builder_.nil(); }
  bool boolean(bool value) { return count() && builder_.boolean(value); }
  bool number_integer(number_integer_t value) { return count() && builder_.integer(value); }
  bool number_unsigned(number_unsigned_t value) { return count() && builder_.natural(value); }
  bool number_float(number_float_t value, string_t const& /*text*/) {
    return count() && builder_.number(Kind::kFloat64, value);
  }
  bool string(string_t& value) { return count() && text(value); }
  bool binary(binary_t& /*value*/) { return false; }  // JSON has none
  bool key(string_t& value) { return text(value); }
  bool start_object(std::size_t /*size*/) { return count() && open(Kind::kMap); }
  bool start_array(std::size_t /*size*/) { return count() && open(Kind::kArray); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool parse_error(std::size_t position, std::string const& /*token*/,
                   nlohmann::json::exception const& /*error*/) {
    failed_at_ = position;
    return false;
  }
  std::size_t failed_at() const noexcept { return failed_at_; }

 private:
  bool text(string_t& value) {
    std::string const& kept = texts_.emplace_back(std::move(value));
    return builder_.bytes(Kind::kText, kept.data(), static_cast<std::uint32_t>(kept.size()));
  }
  bool count() {
    if (depth_ > 0) ++sizes_[depth_ - 1];
    return true;
  }
  bool open(Kind kind) {
    if (!builder_.open(kind, 0)) return false;
    sizes_[depth_++] = 0;
    return true;
  }
  bool close() {
    builder_.close().size = sizes_[--depth_];
    return true;
  }

  Builder& builder_;
  std::deque<std::string>& texts_;
  std::array<std::uint32_t, kDeepest> sizes_{};
  std::size_t depth_ = 0;
  std::size_t failed_at_ = 0;
};

void TokenTape::read_json(std::string_view document) {
  Builder builder(tokens_);
  JsonHandler handler(builder, texts_);
  std::string const mended = needs_mending(document) ? mend_json(document) : std::string();
  std::string_view const text = mended.empty() ? document : std::string_view(mended);
  bool const whole = nlohmann::json::sax_parse(text.begin(), text.end(), &handler);
  if (builder.too_deep()) throw FrameError("nested deeper than " + std::to_string(kDeepest) + " levels");
  if (!whole) throw FrameError("not JSON at byte " + std::to_string(handler.failed_at()));
}

}  // namespace logboom::wire
