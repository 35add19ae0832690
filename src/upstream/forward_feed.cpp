// See forward_feed.hpp.
#include "upstream/forward_feed.hpp"

#include "record/forward.hpp"

namespace logboom::upstream {

ForwardFeed::ForwardFeed(ForwardSpool& spool, wire::Publisher const& forwarder)
    : spool_(&spool), forwarder_(&forwarder) {}

void ForwardFeed::open_streams(delivery::SenderWindow& window) {
  auto const held = spool_->oldest();
  if (held.stream == stream_) return;
  if (stream_ != 0 && !window.close_stream(stream_)) return;
  if (window.open_stream(held.stream, held.first)) stream_ = held.stream;
}

ForwardFeed::Batch ForwardFeed::next(delivery::SenderWindow const& window) {
  auto const held = spool_->oldest();
  if (held.stream != stream_ || window.refused(stream_)) return {};
  auto const number = window.cursor(stream_);
  if (number >= held.end) return {};
  auto const read = spool_->read(stream_, number);
  sent_ += read.records;
  // One that cannot be read has its number all the same, or those after it would be waited for in vain.
  std::span<std::byte const> const contents =
      read.contents.empty() ? wire::ForwardBuilder::nothing() : std::span<std::byte const>(read.contents);
  wire::write_forward(*forwarder_, stream_, window.committed(stream_) + 1, number, contents, frame_);
  range_ = {stream_, number, number + 1};
  return {frame_, {&range_, 1}};
}

void ForwardFeed::release(delivery::SenderWindow const& window, std::int64_t) {
  if (stream_ != 0) acked_ += spool_->release(stream_, window.committed(stream_));
}

bool ForwardFeed::drained(delivery::SenderWindow const& window) const {
  auto const held = spool_->oldest();
  return held.first == held.end || (held.stream == stream_ && held.stream == spool_->stream() &&
                                    window.committed(stream_) + 1 >= held.end);
}

}  // namespace logboom::upstream
