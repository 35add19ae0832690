// Edit distance (optimal string alignment). Knows nothing of what the names name.
#include "config/nearest_name.hpp"

#include <algorithm>
#include <cstddef>

namespace logboom::config {
namespace {

constexpr std::size_t kLongest = 64;  // of a name that is compared

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);  // the row before the last
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      bool const same = a[i - 1] == b[j - 1];
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      bool const swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

}  // namespace

std::string_view nearest_name(std::string_view written, std::vector<std::string_view> const& names) {
  if (written.size() > kLongest) return {};
  std::string_view nearest;
  std::size_t best = std::clamp<std::size_t>(written.size() / 3, 1, 3) + 1;
  for (auto const name : names) {
    auto const letters = distance(written, name);
    if (letters >= best) continue;
    best = letters;
    nearest = name;
  }
  return nearest;
}

}  // namespace logboom::config
