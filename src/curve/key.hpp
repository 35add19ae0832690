// Keys of CURVE (RFC 26) as text: 40 characters of Z85 (RFC 32). Must not know files or sockets.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace logboom::curve {

/// A key, or a file of keys, that cannot be used: one line with the thing, the reason and the mend.
class KeyError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

inline constexpr std::size_t kKeyLength = 40;  // characters

struct KeyPair {
  std::string public_key, secret_key;
};

/// Whether the text is a key: 40 characters that stand for 32 bytes.
bool is_key(std::string_view text) noexcept;
/// The text of 32 bytes, as ZeroMQ hands keys over. "" for another number of bytes.
std::string key_text(std::string_view bytes);
/// @throws KeyError when libzmq was built without CURVE
KeyPair make_pair();
/// @throws KeyError for a text that is no key, or when libzmq was built without CURVE
KeyPair pair_of(std::string const& secret_key);

}  // namespace logboom::curve
