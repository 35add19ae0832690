// See key_options.hpp.
#include "cli/key_options.hpp"

#include <CLI/CLI.hpp>

namespace logboom::cli {

void add_key_options(CLI::App& command, std::string& server_key, std::string& secret_file) {
  constexpr auto kGroup = "Keys: for a collector with --curve-secret";
  command
      .add_option("--curve-server-key", server_key,
                  "The collector's public key, or a file of it. Default: LOGBOOM_CURVE_SERVER_KEY; without "
                  "one nothing is encrypted")
      ->type_name("KEY")
      ->group(kGroup);
  command
      .add_option(
          "--curve-secret", secret_file,
          "File of one's own secret key, made by `logboom keygen -o FILE`. Default: LOGBOOM_CURVE_SECRET")
      ->type_name("FILE")
      ->group(kGroup);
}

}  // namespace logboom::cli
