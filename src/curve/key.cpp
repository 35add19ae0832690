// libzmq makes and converts keys. Must not know files or sockets.
#include "curve/key.hpp"

#include <zmq.h>

#include <array>
#include <cstdint>

namespace logboom::curve {
namespace {

constexpr std::size_t kKeyBytes = 32;

using Text = std::array<char, kKeyLength + 1>;

[[noreturn]] void unsupported() {
  throw KeyError("this libzmq was built without CURVE; install one with it (Debian's libzmq5 has it)");
}

}  // namespace

bool is_key(std::string_view text) noexcept {
  if (text.size() != kKeyLength || text.find('\0') != std::string_view::npos) return false;
  Text copy{};
  text.copy(copy.data(), kKeyLength);
  std::array<std::uint8_t, kKeyBytes> bytes{};
  return zmq_z85_decode(bytes.data(), copy.data()) != nullptr;
}

std::string key_text(std::string_view bytes) {
  Text text{};
  if (bytes.size() != kKeyBytes ||
      zmq_z85_encode(text.data(), reinterpret_cast<std::uint8_t const*>(bytes.data()), kKeyBytes) == nullptr)
    return {};
  return text.data();
}

KeyPair make_pair() {
  Text open{};
  Text secret{};
  if (zmq_curve_keypair(open.data(), secret.data()) != 0) unsupported();
  return {open.data(), secret.data()};
}

KeyPair pair_of(std::string const& secret_key) {
  if (!is_key(secret_key)) throw KeyError("not a key: give the 40 characters that `logboom keygen` makes");
  Text open{};
  if (zmq_curve_public(open.data(), secret_key.c_str()) != 0) unsupported();
  return {open.data(), secret_key};
}

}  // namespace logboom::curve
