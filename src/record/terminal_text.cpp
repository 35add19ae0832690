// Texts that cannot steer a terminal: see terminal_text.hpp.
#include "record/terminal_text.hpp"

#include "record/utf8.hpp"

#include <fmt/format.h>

#include <iterator>

namespace logboom {
namespace {

template <bool kOneLine>
void append(std::string_view text, std::string& out) {
  std::size_t kept = 0;
  for (std::size_t at = 0; at < text.size();) {
    unsigned char const byte = static_cast<unsigned char>(text[at]);
    if (byte >= 0x20 && byte < 0x7f) {
      ++at;
      continue;
    }
    Utf8Char const c = decode_utf8(text, at);
    bool const newline_or_tab = byte == '\n' || byte == '\t';
    if (c.valid && (!steers_terminal(c.code) || (!kOneLine && newline_or_tab))) {
      at += c.size;
      continue;
    }
    out.append(text, kept, at - kept);
    if (newline_or_tab) {
      out.append(byte == '\n' ? "\\n" : "\\t");
    } else if (c.code < 0x100) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned>(c.code));
    } else {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c.code));
    }
    at += c.size;
    kept = at;
  }
  out.append(text, kept);
}

}  // namespace

void append_harmless(std::string_view text, std::string& out) { append<false>(text, out); }
void append_harmless_line(std::string_view text, std::string& out) { append<true>(text, out); }

}  // namespace logboom
