// See zap_request.hpp.
#include "collector/zap_request.hpp"

namespace logboom::collector {
namespace {

constexpr std::string_view kVersion = "1.0";
constexpr std::size_t kFrames =
    6;  // before the credentials: version, id, domain, address, routing id, mechanism
constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kMaxText = 255;

}  // namespace

std::optional<ZapRequest> parse_zap(std::span<std::string const> frames) {
  if (frames.size() < kFrames || frames.size() > ZapRequest::kMostFrames || frames[0] != kVersion)
    return std::nullopt;
  for (auto const& frame : frames.first(kFrames)) {
    if (frame.size() > kMaxText) return std::nullopt;
  }
  ZapRequest request{frames[1], frames[2], frames[3], frames[5], {}};
  if (request.mechanism == "CURVE") {
    if (frames.size() != kFrames + 1 || frames[kFrames].size() != kKeyBytes) return std::nullopt;
    request.key = frames[kFrames];
  }
  return request;
}

std::array<std::string, 6> zap_reply(std::string_view id, bool admitted, std::string const& user) {
  return {std::string(kVersion),           std::string(id),
          admitted ? "200" : "400",        admitted ? "OK" : "not admitted",
          admitted ? user : std::string(), {}};
}

}  // namespace logboom::collector
