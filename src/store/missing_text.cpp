#include "store/missing_text.hpp"

#include <fmt/format.h>

#include <charconv>
#include <iterator>

namespace logboom::store {

std::string write_missing(std::span<Missing const> ranges) {
  std::string text;
  for (auto const& range : ranges) {
    fmt::format_to(std::back_inserter(text), "{}{}-{}{}", text.empty() ? "" : ",", range.first, range.last,
                   range.declared ? "!" : "");
  }
  return text;
}

std::vector<Missing> read_missing(std::string_view text) {
  std::vector<Missing> ranges;
  char const* at = text.data();
  char const* const end = at + text.size();
  while (at != end) {
    Missing range;
    auto const first = std::from_chars(at, end, range.first);
    if (first.ec != std::errc() || first.ptr == end || *first.ptr != '-') break;
    auto const last = std::from_chars(first.ptr + 1, end, range.last);
    if (last.ec != std::errc() || range.first == 0 || range.last < range.first) break;
    at = last.ptr;
    range.declared = at != end && *at == '!';
    if (range.declared) ++at;
    if (at != end && *at == ',') ++at;
    ranges.push_back(range);
  }
  return ranges;
}

}  // namespace logboom::store
