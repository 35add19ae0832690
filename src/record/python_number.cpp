// Floating-point numbers as CPython writes them: see python_number.hpp.
#include "record/python_number.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace logboom::python {
namespace {

// 0.<digits> × 10^point, without trailing zeros.
struct Decimal {
  std::string digits;
  int point = 0;
};

Decimal split(std::string_view scientific) {
  std::size_t const e = scientific.find('e');
  Decimal decimal;
  for (char const c : scientific.substr(0, e)) {
    if (c != '.') decimal.digits += c;
  }
  decimal.digits.erase(std::min(decimal.digits.find_last_not_of('0') + 1, decimal.digits.size()));
  if (decimal.digits.empty()) decimal.digits = "0";
  std::string_view exponent = scientific.substr(e + 1);
  if (exponent.starts_with('+')) exponent.remove_prefix(1);
  (void)std::from_chars(exponent.data(), exponent.data() + exponent.size(), decimal.point);
  ++decimal.point;
  return decimal;
}

std::string print(char const* format, int precision, double value) {
  int const size = std::snprintf(nullptr, 0, format, precision, value);
  std::string text(static_cast<std::size_t>(size), '\0');
  (void)std::snprintf(text.data(), text.size() + 1, format, precision, value);
  return text;
}

Decimal shortest(double magnitude) {
  char buffer[40];
  auto const end = std::to_chars(buffer, buffer + sizeof buffer, magnitude, std::chars_format::scientific).ptr;
  return split({buffer, static_cast<std::size_t>(end - buffer)});
}

// CPython's format_float_short for 'r' and for 'g' that keeps its point.
std::string assemble(Decimal decimal, bool exponential, DoubleForm form, std::size_t least_digits) {
  int const exponent = decimal.point - 1;
  if (exponential) decimal.point = 1;
  std::string& digits = decimal.digits;
  if (digits.size() < least_digits) digits.resize(least_digits, '0');
  int const whole = std::max(decimal.point, 0);
  auto const needed = static_cast<std::size_t>(whole) + (!exponential && form.keep_point ? 1U : 0U);
  if (digits.size() < needed) digits.resize(needed, '0');

  std::string text;
  if (decimal.point <= 0) {
    text = "0." + std::string(static_cast<std::size_t>(-decimal.point), '0') + digits;
  } else {
    text = digits.substr(0, static_cast<std::size_t>(whole)) + '.' +
           digits.substr(static_cast<std::size_t>(whole));
  }
  if (text.back() == '.' && !form.alternate) text.pop_back();
  if (exponential) text += fmt::format("e{}{:02}", exponent < 0 ? '-' : '+', std::abs(exponent));
  return text;
}

std::string finite(double magnitude, DoubleForm form) {
  switch (form.type) {
    case 'e': return print(form.alternate ? "%#.*e" : "%.*e", form.precision, magnitude);
    case 'f': return print(form.alternate ? "%#.*f" : "%.*f", form.precision, magnitude);
    case 'g': {
      if (!form.keep_point) return print(form.alternate ? "%#.*g" : "%.*g", form.precision, magnitude);
      int const precision = std::max(form.precision, 1);
      Decimal decimal = split(print("%.*e", precision - 1, magnitude));
      bool const exponential = decimal.point <= -4 || decimal.point > precision - 1;
      return assemble(std::move(decimal), exponential, form,
                      form.alternate ? static_cast<std::size_t>(precision) : 0);
    }
    default: {
      Decimal decimal = shortest(magnitude);
      bool const exponential = decimal.point <= -4 || decimal.point > 16;
      return assemble(std::move(decimal), exponential, form, 0);
    }
  }
}

}  // namespace

std::string format_double(double value, DoubleForm form) {
  bool const capitals = form.type == 'E' || form.type == 'F' || form.type == 'G';
  if (capitals) form.type = static_cast<char>(form.type - 'A' + 'a');
  std::string text;
  if (std::isnan(value)) {
    text = "nan";
  } else {
    if (std::signbit(value)) text = "-";
    text += std::isinf(value) ? "inf" : finite(std::fabs(value), form);
  }
  if (capitals) {
    for (char& c : text) {
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
  }
  return text;
}

}  // namespace logboom::python
