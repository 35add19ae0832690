// See exception_name.hpp.
#include "inputs/exception_name.hpp"

#include <algorithm>
#include <cstddef>

namespace logboom::inputs {
namespace {

std::string_view take_line(std::string_view& text) noexcept {
  std::size_t const end = text.find('\n');
  auto const line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

bool is_name(std::string_view text) noexcept {
  // Beyond ASCII a name may hold any letter.
  auto const fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '<' || c == '>' || static_cast<unsigned char>(c) >= 0x80;
  };
  return !text.empty() && std::all_of(text.begin(), text.end(), fits);
}

}  // namespace

std::string_view exception_name(std::string_view text) noexcept {
  constexpr std::string_view kHead = "Traceback (most recent call last):";
  // The last one is that of the exception caught; those before it led to it. Below it come indented frames, then the exception.
  if (std::size_t const at = text.rfind(kHead); at != std::string_view::npos) {
    text.remove_prefix(at);
    (void)take_line(text);
  }
  while (text.starts_with(' ')) (void)take_line(text);
  auto const line = take_line(text);
  auto const name = line.substr(0, line.find(':'));
  return is_name(name) ? name : std::string_view();
}

}  // namespace logboom::inputs
