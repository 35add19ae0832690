// Texts of protocol 0, which writes bytes as a Python literal and Unicode with `\uXXXX`. Knows nothing of pickles.
#pragma once

#include <string>
#include <string_view>

namespace logboom::inputs::pickle {

/// The bytes of a Python string literal without its quotes; an escape that is none is taken as it stands.
std::string unescape_string(std::string_view literal);

/// UTF-8 of the codec raw-unicode-escape: Latin-1 with `\uXXXX` and `\UXXXXXXXX`; surrogates pass.
std::string unescape_unicode(std::string_view escaped);

}  // namespace logboom::inputs::pickle
