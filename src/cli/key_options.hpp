// The options of commands that talk to a collector by CURVE. Must not know what they say to it.
#pragma once

#include "curve/client_keys.hpp"

#include <string>

namespace CLI {
class App;
}

namespace logboom::cli {

/// Adds --curve-server-key and --curve-secret.
void add_key_options(CLI::App& command, std::string& server_key, std::string& secret_file);

struct KeyOptions {
  std::string server_key, secret_file;

  void add_to(CLI::App& command) { add_key_options(command, server_key, secret_file); }
  /// With the environment's.
  curve::ClientKeys keys() const { return curve::resolve_client_keys(server_key, secret_file); }
};

}  // namespace logboom::cli
