// The sender's window: what is known of the collector's state, stream by stream, and what follows from it.
// Must not know sockets, clocks, threads or where records are kept.
#include "delivery/sender_window.hpp"

#include <algorithm>

namespace logboom::delivery {

bool SenderWindow::open_stream(std::uint64_t stream, std::uint64_t base) {
  if (streams_.contains(stream)) return true;
  if (streams_.size() >= wire::kMaxStreams) return false;
  auto& added = streams_[stream];
  added.committed = std::max<std::uint64_t>(base, 1) - 1;
  added.cursor = added.sent_end = added.committed + 1;
  return true;
}

bool SenderWindow::close_stream(std::uint64_t stream) {
  auto const at = streams_.find(stream);
  if (at == streams_.end()) return true;
  if (at->second.end() > at->second.committed + 1) return false;
  // A batch of several streams may be in flight for the others' sake.
  auto const of_stream = [&](Range const& range) { return range.stream == stream; };
  for (auto const& batch : in_flight_) {
    if (std::any_of(batch.ranges.begin(), batch.ranges.end(), of_stream)) return false;
  }
  streams_.erase(at);
  return true;
}

std::uint64_t SenderWindow::cursor(std::uint64_t stream) const { return streams_.at(stream).cursor; }
std::uint64_t SenderWindow::committed(std::uint64_t stream) const { return streams_.at(stream).committed; }
bool SenderWindow::refused(std::uint64_t stream) const { return streams_.at(stream).refused; }

void SenderWindow::connected(std::int64_t now) {
  connected_ = hello_now_ = suspicious_ = true;
  welcomed_ = false;
  unanswered_ = 0;
  last_hello_ = now;
}

void SenderWindow::disconnected() {
  connected_ = false;
  welcomed_ = false;
  suspicious_ = true;
}

void SenderWindow::change_collector() {
  disconnected();
  for (auto& [number, stream] : streams_) stream.expected = 0;
  window_ = 0;
  epoch_ = 0;
}

void SenderWindow::said_hello(std::int64_t now) {
  hello_now_ = false;
  last_hello_ = now;
  ++unanswered_;
}

std::int64_t SenderWindow::hello_interval() const {
  auto const doubled = kHelloEvery << std::min(unanswered_ > 0 ? unanswered_ - 1 : 0U, 4U);
  return std::min(doubled, kHelloAtMost);
}

bool SenderWindow::hello_due(std::int64_t now) const {
  if (!connected_) return false;
  if (hello_now_) return true;
  if (last_hello_ != kNever && now - last_hello_ < hello_interval()) return false;
  // A window of 0 and a refusal end without a word to us if nothing of ours is in flight.
  if (!welcomed_ || window_ == 0) return true;
  // Whoever does not answer a bye may have forgotten where the streams began.
  if (last_bye_ != kNever && now - last_bye_ >= kHelloEvery) return true;
  return std::any_of(streams_.begin(), streams_.end(),
                     [&](auto const& entry) { return entry.second.refused || entry.second.stalled(now); });
}

std::vector<Hello::Stream> SenderWindow::hello_streams() const {
  std::vector<Hello::Stream> list;
  list.reserve(streams_.size());
  for (auto const& [number, stream] : streams_) list.push_back({number, stream.committed + 1, stream.end()});
  return list;
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> SenderWindow::last() const {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> list;
  list.reserve(streams_.size());
  for (auto const& [number, stream] : streams_)
    list.emplace_back(number, std::max(stream.end() - 1, stream.committed));
  return list;
}

void SenderWindow::learn(StreamState const& state, std::int64_t now) {
  auto const at = streams_.find(state.stream);
  if (at == streams_.end()) return;
  Stream& stream = at->second;
  stream.refused = state.expected == 0;
  if (stream.refused) return;
  if (state.committed > stream.committed || state.expected > stream.expected) {
    // With hundreds of publishers it may take a collector seconds to come to one's batches, and what is sent again then makes it later still.
    auto const took = stream.pending() ? now - stream.progressed : 0;
    stream.stall = std::clamp(took * kPatience, kStall, kStallAtMost);
    stream.progressed = now;
    stream.struck = kNever;
  }
  if (state.committed > stream.committed) acked_ += state.committed - stream.committed;
  stream.committed = std::max(stream.committed, state.committed);
  stream.expected = state.expected;
  stream.cursor = std::max(stream.cursor, stream.committed + 1);
}

/// A welcome shows the same number below what was sent, twice, a patience apart: what lies between is not on its way any more.
bool SenderWindow::stands_still(Stream& stream, std::int64_t now) const {
  if (!stream.stalled(now) || stream.expected >= stream.cursor || window_ == 0) {
    stream.struck = kNever;
    return false;
  }
  if (stream.struck == kNever) {
    stream.struck = now;
    return false;
  }
  return now - stream.struck >= stream.stall;
}

void SenderWindow::welcome(Welcome const& message, std::int64_t now) {
  bool const must_rewind = suspicious_ || message.epoch != epoch_;
  connected_ = welcomed_ = true;
  suspicious_ = hello_now_ = false;
  unanswered_ = 0;
  epoch_ = message.epoch;
  window_ = message.window;
  if (must_rewind) {
    for (auto& [number, stream] : streams_) {
      stream.expected = 0;
      stream.progressed = now;  // it was away: that says nothing of how busy it is
    }
  }
  for (auto const& state : message.streams) learn(state, now);
  retire();
  if (must_rewind) {
    rewind(now);
    return;
  }
  bool still = false;
  for (auto& [number, stream] : streams_) {
    if (!stands_still(stream, now)) continue;
    stream.stall = std::min(stream.stall * 2, kStallAtMost);
    still = true;
  }
  if (still) rewind(now);
}

void SenderWindow::ack(Ack const& message, std::int64_t now) {
  if (!welcomed_ || message.epoch != epoch_) {
    hello_now_ = connected_;  // a collector that was started anew: its welcome tells what to send again
    return;
  }
  window_ = message.window;
  for (auto const& state : message.streams) learn(state, now);
  retire();
}

void SenderWindow::resend(Resend const& message, std::int64_t now) {
  if (!welcomed_ || message.epoch != epoch_) {
    hello_now_ = connected_;
    return;
  }
  if (last_rewind_ != kNever && now - last_rewind_ < kGrace) return;
  bool asked = false;
  for (auto const& [number, expected] : message.expected) {
    auto const at = streams_.find(number);
    if (at == streams_.end() || expected == 0 || expected >= at->second.cursor) continue;
    at->second.expected = expected;
    asked = true;
  }
  if (asked) rewind(now);
}

/// Everything not known to be taken is sent again. PUSH keeps the batches of all streams in one queue, so that all go back together.
void SenderWindow::rewind(std::int64_t now) {
  for (auto& [number, stream] : streams_) {
    stream.cursor = std::max(stream.expected, stream.committed + 1);
    stream.progressed = now;
    stream.struck = kNever;
  }
  // What was taken and waits for its commit stays in flight.
  auto const taken = [&](Batch const& batch) {
    return std::all_of(batch.ranges.begin(), batch.ranges.end(),
                       [&](Range const& range) { return range.end <= streams_.at(range.stream).cursor; });
  };
  in_flight_.erase(
      std::remove_if(in_flight_.begin(), in_flight_.end(), [&](Batch const& batch) { return !taken(batch); }),
      in_flight_.end());
  in_flight_bytes_ = 0;
  for (auto const& batch : in_flight_) in_flight_bytes_ += batch.bytes;

  moved_ = true;
  if (!sent_since_rewind_) return;  // a PUSH socket that was not used needs not be opened again
  last_rewind_ = now;
  ++rewinds_;
  rewound_ = true;
  sent_since_rewind_ = false;
}

void SenderWindow::retire() {
  auto const committed = [&](Batch const& batch) {
    return std::all_of(batch.ranges.begin(), batch.ranges.end(), [&](Range const& range) {
      return range.end <= streams_.at(range.stream).committed + 1;
    });
  };
  auto const keep = std::remove_if(in_flight_.begin(), in_flight_.end(), [&](Batch const& batch) {
    if (!committed(batch)) return false;
    in_flight_bytes_ -= batch.bytes;
    return true;
  });
  in_flight_.erase(keep, in_flight_.end());
}

bool SenderWindow::may_send() const {
  return welcomed_ && window_ > 0 && in_flight_.size() < kMaxBatches && in_flight_bytes_ < window_;
}

void SenderWindow::sent(std::span<Range const> ranges, std::size_t bytes, std::int64_t now) {
  for (auto const& range : ranges) {
    Stream& stream = streams_.at(range.stream);
    if (!stream.pending()) stream.progressed = now;
    if (range.first < stream.sent_end) resent_ += std::min(stream.sent_end, range.end) - range.first;
    stream.cursor = std::max(stream.cursor, range.end);
    stream.sent_end = std::max(stream.sent_end, range.end);
  }
  sent_since_rewind_ = true;
  // Made before an ack came for it, which somebody else's sending had brought about: no other may come.
  if (outdated(ranges)) return;
  in_flight_.push_back({{ranges.begin(), ranges.end()}, bytes});
  in_flight_bytes_ += bytes;
}

bool SenderWindow::outdated(std::span<Range const> ranges) const {
  return std::all_of(ranges.begin(), ranges.end(), [&](Range const& range) {
    auto const at = streams_.find(range.stream);
    return at == streams_.end() || range.end <= at->second.committed + 1;
  });
}

bool SenderWindow::all_committed() const {
  return std::none_of(streams_.begin(), streams_.end(),
                      [](auto const& entry) { return entry.second.end() > entry.second.committed + 1; });
}

}  // namespace logboom::delivery
