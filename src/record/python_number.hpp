// Floating-point numbers as text, digit for digit as CPython's PyOS_double_to_string writes them. Knows nothing of format strings.
#pragma once

#include <string>

namespace logboom::python {

struct DoubleForm {
  char type = 'r';          // e f g E F G, or r: the shortest text that reads back as the same number
  int precision = 6;        // not for r
  bool alternate = false;   // '#': the point stays
  bool keep_point = false;  // at least one digit after the point, unless there is an exponent
};

/// With a leading '-' where negative; "inf", "nan" (capitals for E, F, G).
std::string format_double(double value, DoubleForm form);

/// repr() of a float.
inline std::string repr_double(double value) { return format_double(value, {'r', 0, false, true}); }

}  // namespace logboom::python
