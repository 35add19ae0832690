// Files of one secret key, which are nobody's but their owner's. Must not know sockets.
#pragma once

#include "curve/key.hpp"

#include <string>

namespace logboom::curve {

/// Text: lines `secret KEY` and, for people, `public KEY`; those that begin with `#` are comments. A key alone on its line is the secret one.
/// @throws KeyError when it cannot be read, holds no key, is of another user (but root), or others may read or write it
KeyPair read_secret_file(std::string const& path);

/// Makes it with mode 0600. @throws KeyError; where there is a file already, it is left as it is
void write_secret_file(std::string const& path, KeyPair const& pair);

}  // namespace logboom::curve
