// What Python's module logging derives from the rest of a record, so that it need not be kept twice. Knows nothing of records or pickles.
#pragma once

#include <string_view>

namespace logboom::inputs {

/// os.path.basename(path), of a path with this separator.
std::string_view base_name(std::string_view path, char separator = '/') noexcept;
/// os.path.splitext(name)[0]: points that a name begins with are no extension.
std::string_view stem(std::string_view name) noexcept;
/// Whether Python would have worked out `msecs` from this time in seconds: the part of a second in ms, whole in Python 3.
bool follows(double msecs, double created) noexcept;

}  // namespace logboom::inputs
