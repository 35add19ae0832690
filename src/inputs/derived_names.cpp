// See derived_names.hpp.
#include "inputs/derived_names.hpp"

#include <cmath>

namespace logboom::inputs {

std::string_view base_name(std::string_view path, char separator) noexcept {
  return path.substr(path.rfind(separator) + 1);
}

std::string_view stem(std::string_view name) noexcept {
  std::size_t const first = name.find_first_not_of('.');
  std::size_t const point = name.rfind('.');
  return first == std::string_view::npos || point == std::string_view::npos || point < first
             ? name
             : name.substr(0, point);
}

bool follows(double msecs, double created) noexcept {
  double const exact = (created - std::floor(created)) * 1000;
  double const above = exact - msecs;
  return std::abs(above) < 1e-3 || (msecs == std::floor(msecs) && above > -1e-3 && above < 1);
}

}  // namespace logboom::inputs
