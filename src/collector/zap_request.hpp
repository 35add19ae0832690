// A question of libzmq whether a peer is to be let in (RFC 27, ZAP), and the answer, as frames. Must not know who is let in, nor sockets.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace logboom::collector {

/// Points into the frames that it was read from.
struct ZapRequest {
  static constexpr std::size_t kMostFrames = 16;

  std::string_view id;
  std::string_view domain;     // which socket is meant
  std::string_view address;    // of the peer
  std::string_view mechanism;  // "NULL", "CURVE"
  std::string_view key;        // CURVE: 32 bytes
};

/// Nothing for what is no request of version 1.0.
std::optional<ZapRequest> parse_zap(std::span<std::string const> frames);

/// Version, id, code ("200": let in, "400": not), text, user id, metadata (none).
std::array<std::string, 6> zap_reply(std::string_view id, bool admitted, std::string const& user);

}  // namespace logboom::collector
