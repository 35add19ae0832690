// Foreign bytes made into texts that every reader takes: valid UTF-8 without NUL, and JSON strings.
// What is not valid becomes `\xNN`, NUL becomes `\x00`. Must not know where the bytes come from.
#pragma once

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace logboom::wire {

/// What texts are put together in before they go to an arena.
using TextBuffer = fmt::basic_memory_buffer<char, 1024>;

// Not the buffer's own append: that one is a call out of line for every few bytes.
inline void append(TextBuffer& out, std::string_view text) {
  if (text.empty()) return;
  std::size_t const size = out.size();
  out.resize(size + text.size());
  std::memcpy(out.data() + size, text.data(), text.size());
}

/// Valid UTF-8 (no overlong form, no surrogate) without NUL.
bool is_clean(std::string_view text) noexcept;

/// The text itself, or with what is not clean escaped.
void append_clean(TextBuffer& out, std::string_view text);
std::string clean(std::string_view text);

/// The text, made clean, as a JSON string with its quotes.
void append_json_string(TextBuffer& out, std::string_view text);

/// The longest prefix of at most `size` bytes that does not end within a character. `text` is clean.
std::string_view cut_at_character(std::string_view text, std::size_t size) noexcept;

/// A JSON document that no parser would take because of invalid UTF-8 or of a lone surrogate (`"\ud800"`, which Python writes), and that can be mended:
/// both become text that shows them. Anything else wrong stays wrong.
bool needs_mending(std::string_view json) noexcept;
std::string mend_json(std::string_view json);

}  // namespace logboom::wire
