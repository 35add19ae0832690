// The live publisher: committed records to viewers, by topic (docs/protocol.md, "Live"). Renders nothing that nobody listens for.
// Must not know sockets: messages go out through a function that never blocks. Slow viewers lose what they do not take, and see by `n` that they did.
#pragma once

#include "record/block.hpp"
#include "record/record_codec.hpp"
#include "sinks/subscriptions.hpp"
#include "sinks/topic_counters.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace logboom::sinks {

class LivePublisher final {
 public:
  using Send = std::function<void(std::string_view topic, std::string_view message)>;
  using Presence = std::function<LivePresence()>;
  static constexpr std::size_t kLongestSync = 64;       // bytes of `S<nonce>`
  static constexpr std::size_t kMaxSent = 256U << 10U;  // bytes of a record: 256 of them may wait for one viewer

  /// @param presence what ticks and syncs say of the publishers; not set: they say nothing of them
  LivePublisher(std::uint64_t epoch, std::int64_t last_id, Send send, Presence presence = {});

  /// A committed block, in order of id.
  void take(std::shared_ptr<Block const> const& block);
  /// A message of a viewer: its first byte 1 subscribes, 0 ends it. `S<nonce>` is answered at once: @return whether it was.
  bool on_subscription(std::string_view message);
  /// Once a second, and when the last publisher has left: the counters that moved. Says nothing when none did and publishers are about.
  void tick();
  /// The next record's id is last_id + 1, and topics are counted from 1.
  void start_epoch(std::uint64_t epoch, std::int64_t last_id);
  std::int64_t last_id() const noexcept { return last_id_; }

 private:
  bool wanted(TopicCounters::Topic& topic);
  TopicCounters::Topic& touch(Site const& site);
  void send_counters(std::string_view topic, std::int64_t since, TopicCounters::Counters counters,
                     std::optional<LivePresence> presence);
  std::optional<LivePresence> presence() const;

  std::uint64_t epoch_;
  std::int64_t last_id_;
  std::int64_t last_tick_ = 0;  // last_id_ of the tick before
  Send const send_;
  Presence const presence_;
  Subscriptions subscriptions_;
  TopicCounters counters_;
  std::vector<TopicCounters::Topic*> topics_;  // of the block's sites; kept to reuse its memory, as the two below
  std::string topic_;
  std::string message_;
};

}  // namespace logboom::sinks
