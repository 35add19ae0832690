// What stands in a file of authorised keys: it is read, or refused with its place, and no name that is shown later steers anything.
#include "curve/authorized_keys.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace logboom::curve;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string_view const text(reinterpret_cast<char const*>(data), size);
  AuthorizedKeys keys;
  try {
    keys.add(text, "file");
  } catch (KeyError const& error) {
    if (!std::string_view(error.what()).starts_with("file:")) std::abort();
  }
  for (std::size_t at = 0; at + kKeyLength <= size; ++at) {
    auto const* const known = keys.find(text.substr(at, kKeyLength));
    if (known == nullptr) continue;
    if (!known->rights.any() || known->name.empty() || known->name.size() > AuthorizedKeys::kMaxName + 20)
      std::abort();
    if (parse_rights(to_string(known->rights)) != known->rights) std::abort();
    for (char const c : known->name) {
      if (static_cast<unsigned char>(c) < 0x20) std::abort();
    }
  }
  return 0;
}
