// JSON objects that Python's logging libraries make of a record: logbook's ZeroMQHandler (LogRecord.to_dict()) and the ZeroMQ handlers of module logging's
// cookbook (LogRecord.__dict__). What becomes of each key: docs/inputs.md. Must not know sockets.
#pragma once

#include "record/block.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace logboom::inputs {

/// Adds the frame's record to the block. `arrival` ns is its time when it has none, `peer_host` its host. @return false: no such library's; the block is as it was.
/// @throws wire::FrameError for what is no JSON; the block is as it was.
bool take_library_json(std::span<std::byte const> frame, std::int64_t arrival, std::string_view peer_host,
                       Block& block);

/// The same of a text on a PUB socket, as pyzmq's PUBHandler sends it: the topic is `[ROOT.]LEVEL[.SUBTOPIC]`, the text what its formatter made.
void take_published(std::string_view topic, std::string_view text, std::int64_t arrival,
                    std::string_view peer_host, Block& block);

}  // namespace logboom::inputs
