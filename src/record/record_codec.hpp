// Records, fields and counters in msgpack and JSON: the live messages of docs/protocol.md, "Live", and what the store keeps of fields.
// Must not know sockets, SQLite or how records are shown.
#pragma once

#include "record/wire.hpp"

#include <logboom/record.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace logboom {

/// Bounds of everything decoded here. More is a wire::FrameError.
inline constexpr std::size_t kMaxLiveFrame = 4U << 20U;  // bytes of one live message, or of one map of fields
inline constexpr std::size_t kMaxLiveValues = 256U << 10U;  // values in it, nested ones and keys counted
inline constexpr std::size_t kMaxLiveDepth = wire::kMaxDepth + 4;
inline constexpr std::size_t kMaxSyncCounters = 4096;
inline constexpr std::size_t kMaxTopic = 512;  // bytes; so that all counters of a sync fit a live message

/// One msgpack value, or a map as fields. Texts become valid UTF-8 (`\xNN` for what is not). A duration (ext 1) becomes its nanoseconds, a time stamp (ext −1) its
/// ISO 8601 text in UTC, a character (ext 2) its text, any other ext its bytes, a float32 the double of its shortest text. Keys that are not text become their JSON text.
/// @throws wire::FrameError: truncated, too deep, too much, something after the value, (decode_fields) not a map.
Value decode_value(std::string_view msgpack);
Fields decode_fields(std::string_view msgpack_map);

/// A JSON object as fields, as the store keeps them. Empty text: no fields. @throws wire::FrameError
Fields parse_fields_json(std::string_view json_object);

/// Appends the value as msgpack: shortest integers, float64.
void encode_value(Value const& value, std::string& out);
void encode_fields(Fields const& fields, std::string& out);

/// "3net.http.": what a live record is published under. Of a longer name the first kMaxTopic bytes.
void live_topic(Level level, std::string_view logger, std::string& out);

/// The live map of an entry, in place of what `out` held (reuse it). `n` is the topic's counter. The entry's id is block.first_id + index.
void encode_live(Block const& block, std::size_t index, std::uint64_t n, std::string& out);

/// Reads a live map from anywhere. Unknown keys are ignored; absent ones leave Record's defaults. @throws wire::FrameError
Record decode_live(std::span<std::byte const> frame, std::uint64_t* n = nullptr);

/// Who publishes, as the collector sees it (docs/protocol.md, "Live").
struct LivePresence {
  static constexpr std::size_t kMaxWho = 16;
  std::uint64_t joined = 0;   // publishers that came in this epoch
  std::uint64_t present = 0;  // those of them that have not left
  std::int64_t settled =
      0;  // ms since anybody came or left; 0: just now, or spools of dead publishers are still being looked for
  std::vector<std::pair<std::string, std::uint64_t>> who;  // host and pid of those present; at most kMaxWho of them
};

/// The map of a tick (topic `T`) and of the answer to a sync (topic `S<nonce>`).
struct LiveCounters {
  std::uint64_t epoch = 0;
  std::int64_t since = 0;  // tick only: `counters` are complete for what moved after it
  std::int64_t id = 0;
  std::vector<std::pair<std::string, std::uint64_t>> counters;  // topic, n
  std::optional<LivePresence> presence;                         // nothing: the collector does not say
  bool wants_missed = false;  // the collector wants to hear of what a viewer missed for good
};

void encode_counters(LiveCounters const& counters, std::string& out);
/// @throws wire::FrameError, also for more than kMaxSyncCounters counters.
LiveCounters decode_counters(std::span<std::byte const> frame);

}  // namespace logboom
