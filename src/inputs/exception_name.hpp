// The class of the exception that a Python traceback ends with. Knows nothing of records.
#pragma once

#include <string_view>

namespace logboom::inputs {

/// "ZeroDivisionError", "app.errors.Missing"; empty where the text shows none. Borrows from the text.
std::string_view exception_name(std::string_view traceback) noexcept;

}  // namespace logboom::inputs
