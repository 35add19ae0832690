// Texts that a log call has to make: cut ones, formatted arguments, error codes, exceptions. Off the straight path.
// Must not know rings.
#include <logboom/detail/attributes.hpp>
#include <logboom/detail/encode.hpp>
#include <logboom/detail/values.hpp>

#include <fmt/format.h>

#include <cxxabi.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <typeinfo>
#include <vector>

namespace logboom::detail {
namespace {

// The longest prefix of at most `limit` bytes that ends between two characters.
std::size_t cut_at(std::string_view text, std::size_t limit) noexcept {
  std::size_t at = std::min(limit, text.size());
  if (at == text.size()) return at;
  std::size_t const shortest = at > 3 ? at - 3 : 0;
  for (std::size_t i = at; i > shortest; --i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0U) != 0x80U) return i;
  }
  return (static_cast<unsigned char>(text[shortest]) & 0xc0U) != 0x80U ? shortest
                                                                       : at;  // not UTF-8: anywhere is right
}

std::string demangled(char const* name) {
  int status = 0;
  std::unique_ptr<char, void (*)(void*)> const text(abi::__cxa_demangle(name, nullptr, nullptr, &status),
                                                    &std::free);
  return text != nullptr ? text.get() : name;
}

std::string type_name(std::type_info const& type) {
  std::string name = demangled(type.name());
  if (name.size() > ExceptionText::kMaxType) name.resize(cut_at(name, ExceptionText::kMaxType));
  return name;
}

// Type and text of what is nested in `exception`, if it is a std::nested_exception and holds one.
std::exception_ptr nested_in(std::exception const& exception) noexcept {
  auto const* const outer = dynamic_cast<std::nested_exception const*>(&exception);
  return outer != nullptr ? outer->nested_ptr() : nullptr;
}

constexpr int kMaxNested = 16;

void add_nested(std::exception_ptr nested, std::string& text) {
  for (int depth = 0; nested != nullptr; ++depth) {
    if (depth == kMaxNested) {
      text += "\n…";
      return;
    }
    std::exception_ptr next;
    try {
      std::rethrow_exception(nested);
    } catch (std::exception const& e) {
      text += fmt::format("\ncaused by {}: {}", type_name(typeid(e)), e.what());
      next = nested_in(e);
    } catch (...) {
      text += fmt::format("\ncaused by {}", type_name(*abi::__cxa_current_exception_type()));
    }
    nested = std::move(next);
  }
}

}  // namespace

std::byte* put_cut_text(std::byte* at, std::string_view text, std::size_t limit) noexcept {
  // One that is hardly longer would not get shorter by the note.
  if (text.size() <= limit + kCutRoom) return put(at, text, kNoLimit);
  std::size_t const kept = cut_at(text, limit);
  std::array<char, kCutRoom> end{};
  char* to = end.data();
  auto const add = [&to](std::string_view part) { to = std::copy(part.begin(), part.end(), to); };
  add("…[cut ");
  to = std::to_chars(to, end.data() + end.size(), text.size() - kept).ptr;
  add(" bytes]");
  auto const end_size = static_cast<std::size_t>(to - end.data());
  at = put_text_header(at, kept + end_size);
  std::memcpy(at, text.data(), kept);
  std::memcpy(at + kept, end.data(), end_size);
  return at + kept + end_size;
}

std::size_t text_limit(std::size_t const* lengths, std::size_t count, std::size_t excess) noexcept {
  // The largest limit for which the texts, each above it cut to it and ended by a note, are shorter by `excess`: by bisection, since it is monotonic.
  auto const saved = [&](std::size_t limit) {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (lengths[i] > limit + kCutRoom) sum += lengths[i] - limit - kCutRoom;
    }
    return sum;
  };
  std::size_t low = 0, high = *std::max_element(lengths, lengths + count);
  while (low < high) {
    std::size_t const middle = low + (high - low + 1) / 2;
    if (saved(middle) >= excess) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

namespace {

// Returns the size that it would have in full.
std::size_t format_argument(char* out, std::size_t size, std::string_view spec,
                            fmt::format_args arguments) noexcept {
  try {
    if (spec.empty()) return fmt::vformat_to_n(out, size, "{}", arguments).size;
    std::string format;
    format.reserve(spec.size() + 3);
    format.append("{:").append(spec).append("}");
    return fmt::vformat_to_n(out, size, format, arguments).size;
  } catch (std::exception const& e) {
    std::string_view const parts[] = {"[cannot be formatted: ", e.what(), "]"};
    std::size_t written = 0;
    for (std::string_view const part : parts) written += part.copy(out + written, size - written);
    return written;
  } catch (...) {
    return std::string_view("[cannot be formatted]").copy(out, size);
  }
}

}  // namespace

void FormattedText::format(std::string_view spec, fmt::format_args arguments) noexcept {
  size_ = format_argument(inline_, sizeof inline_, spec, arguments);
  if (size_ <= sizeof inline_) return;
  heap_ = new (std::nothrow) char[size_];
  if (heap_ == nullptr) {
    size_ = sizeof inline_;
    return;
  }
  // A formatter need not give the same text twice.
  size_ = std::min(size_, format_argument(heap_, size_, spec, arguments));
}

std::string error_code_text(char const* category, int value, std::string (*message)(void const*),
                            void const* error) noexcept {
  try {
    return fmt::format("{}:{} {}", category, value, message(error));
  } catch (...) {
    return {};
  }
}

ExceptionText describe(std::exception const& exception) noexcept {
  ExceptionText made;
  try {
    made.type = type_name(typeid(exception));
    made.text = exception.what();
    add_nested(nested_in(exception), made.text);
  } catch (...) {
    // What there is of it by now is shown.
  }
  return made;
}

ExceptionText describe(std::exception_ptr const& exception) noexcept {
  ExceptionText made;
  if (exception == nullptr) return made;
  try {
    std::rethrow_exception(exception);
  } catch (std::exception const& e) {
    return describe(e);
  } catch (...) {
    try {
      made.type = type_name(*abi::__cxa_current_exception_type());
    } catch (...) {
      // No memory: the message alone.
    }
  }
  return made;
}

}  // namespace logboom::detail
