// The keys of a publisher or a viewer: whose collector it trusts, and which secret is its own. Must not know what travels on the socket.
#pragma once

#include "curve/key.hpp"

#include <cstddef>
#include <optional>
#include <string>

#include <zmq.hpp>

namespace logboom::curve {

/// Where keys are to be found. Files are read anew for each connection, so that new keys need no restart.
struct ClientKeys {
  std::string server;  // the collector's public key, or a file of it; with several collectors either one for all, or as many as there are addresses, with commas
  std::string secret_file;
  std::optional<KeyPair> own = std::nullopt;  // in place of the file

  /// Whether CURVE is to be spoken.
  bool any() const noexcept { return !server.empty() || !secret_file.empty() || own.has_value(); }
  friend bool operator==(ClientKeys const& left, ClientKeys const& right) {
    return left.server == right.server && left.secret_file == right.secret_file;
  }
};

/// Arguments, then LOGBOOM_CURVE_SERVER_KEY and LOGBOOM_CURVE_SECRET. Nothing is read: there need be no such file yet.
ClientKeys resolve_client_keys(std::string const& server, std::string const& secret_file);

/// Makes the socket speak CURVE, before it connects; with no keys nothing is changed. @param which number of the collector's address
/// @throws KeyError: never is a socket left to speak without CURVE where keys were named
void apply(ClientKeys const& keys, std::size_t which, zmq::socket_t& socket);

/// What apply() would find wrong. @throws KeyError
void check(ClientKeys const& keys, std::size_t addresses);

}  // namespace logboom::curve
