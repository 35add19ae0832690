// Any text as a configuration file: refused with places, or a configuration that is printed as a text that is read as the same.
#include "config/config_file.hpp"
#include "config/config_text.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace logboom::config;
  std::string_view const text(reinterpret_cast<char const*>(data), size);
  try {
    auto const config = read_config(text, "x");
    auto const printed = config_text(config);
    require(config_text(read_config(printed, "printed")) == printed);
  } catch (ConfigError const& error) {
    require(!error.lines().empty());
    for (auto const& line : error.lines()) require(line.find('\n') == std::string::npos);
  }
  return 0;
}
