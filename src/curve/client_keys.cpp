// Reading a client's keys. Must not know what travels on the socket.
#include "curve/client_keys.hpp"

#include "curve/secret_file.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <string_view>
#include <vector>

namespace logboom::curve {
namespace {

constexpr char const* kServerVariable = "LOGBOOM_CURVE_SERVER_KEY";
constexpr char const* kSecretVariable = "LOGBOOM_CURVE_SECRET";
constexpr std::size_t kLargestFile = 4'096;  // of a public key

std::string given_or(std::string const& given, char const* variable) {
  if (!given.empty()) return given;
  char const* const value = std::getenv(variable);
  return value != nullptr ? value : "";
}

std::vector<std::string_view> parts_of(std::string_view list) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at <= list.size();) {
    auto const comma = std::min(list.find(',', at), list.size());
    parts.push_back(list.substr(at, comma - at));
    at = comma + 1;
  }
  return parts;
}

/// Of a file as `logboom keygen` prints it, or of a line `public KEY`.
std::string key_in_file(std::string const& path) {
  std::ifstream in(path);
  if (!in)
    throw KeyError(
        fmt::format("the collector's key '{}': neither a key (40 characters of Z85) nor a file that can be "
                    "read; give what "
                    "`logboom keygen` printed for the collector",
                    path));
  std::string word;
  for (std::size_t read = 0; read < kLargestFile && in >> word; read += word.size() + 1) {
    if (word == "secret")
      throw KeyError(
          fmt::format("{}: a secret key, where the collector's public one is wanted; give that, and keep "
                      "this to its owner",
                      path));
    if (is_key(word)) return word;
  }
  throw KeyError(fmt::format("{}: there is no key in it; write the collector's public key there", path));
}

std::string server_key(ClientKeys const& keys, std::size_t which) {
  if (keys.server.empty())
    throw KeyError(
        fmt::format("the collector's public key is missing, its own secret key {} is given; set {} (or "
                    "--curve-server-key)",
                    keys.secret_file, kServerVariable));
  auto const parts = parts_of(keys.server);
  if (parts.size() > 1 && which >= parts.size())
    throw KeyError(fmt::format(
        "{} keys for more collectors than that; give one for all, or one for each address", parts.size()));
  std::string const part(parts.size() == 1 ? parts.front() : parts[which]);
  return is_key(part) ? part : key_in_file(part);
}

KeyPair own_pair(ClientKeys const& keys) {
  if (keys.own) return *keys.own;
  if (keys.secret_file.empty())
    throw KeyError(
        fmt::format("the collector's key is given, and no secret key of one's own; set {} (or "
                    "--curve-secret) to a file of `logboom keygen -o`",
                    kSecretVariable));
  return read_secret_file(keys.secret_file);
}

}  // namespace

ClientKeys resolve_client_keys(std::string const& server, std::string const& secret_file) {
  return {given_or(server, kServerVariable), given_or(secret_file, kSecretVariable)};
}

void apply(ClientKeys const& keys, std::size_t which, zmq::socket_t& socket) {
  if (!keys.any()) return;
  auto const server = server_key(keys, which);
  auto const own = own_pair(keys);
  // As texts: 40 characters and the end.
  socket.set(zmq::sockopt::curve_serverkey, server.c_str());
  socket.set(zmq::sockopt::curve_publickey, own.public_key.c_str());
  socket.set(zmq::sockopt::curve_secretkey, own.secret_key.c_str());
}

void check(ClientKeys const& keys, std::size_t addresses) {
  if (!keys.any()) return;
  for (std::size_t i = 0; i < addresses; ++i) (void)server_key(keys, i);
  (void)own_pair(keys);
}

}  // namespace logboom::curve
