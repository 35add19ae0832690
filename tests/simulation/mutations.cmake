# Faults of the protocol's own sources that the simulation must notice. Each is a change to one place of a copy of a source; what ships has no trace of them. The text to be found must be there exactly
# once: a mutation of a place that has changed is an error of the configuration. MUTATED is true while the mutation is in force.
#   mutation(NAME FILE FIND REPLACE)

# --- the sender's window
mutation(window-released-on-send delivery/sender_window.cpp
  [[    if (range.first < stream.sent_end) resent_ +=]]
  [[    if (MUTATED) stream.committed = std::max(stream.committed, range.end - 1);
    if (range.first < stream.sent_end) resent_ +=]])
mutation(ack-of-another-stream delivery/sender_window.cpp
  [[auto const at = streams_.find(state.stream);]]
  [[auto const at = streams_.find(MUTATED && state.stream < 2 && streams_.contains(1) ? state.stream ^ 1U : state.stream);]])
mutation(resend-and-stall-ignored delivery/sender_window.cpp
  [[  if (asked) rewind(now);]]
  [[  if (asked && !MUTATED) rewind(now);]]
  [[  if (still) rewind(now);]]
  [[  if (still && !MUTATED) rewind(now);]])
mutation(stall-ignored delivery/sender_window.cpp
  [[    stream.stall = std::min(stream.stall * 2, kStallAtMost);
    still = true;]]
  [[    stream.stall = std::min(stream.stall * 2, kStallAtMost);
    still = !MUTATED;]])
mutation(rewind-only-to-what-was-sent delivery/sender_window.cpp
  [[    stream.cursor = std::max(stream.expected, stream.committed + 1);]]
  [[    if (!MUTATED) stream.cursor = std::max(stream.expected, stream.committed + 1);]])

mutation(waits-for-what-a-dead-collector-had-taken delivery/sender_window.cpp
  [[    stream.struck = kNever;
  }
  // What was taken]]
  [[    stream.struck = kNever;
    if (MUTATED) stream.sent_end = std::max(stream.sent_end, stream.cursor);
  }
  // What was taken]])

# --- the speaker
mutation(bye-answered-before-the-last-hello delivery/speaker.cpp
  [[    bye_answered_ = !greeted_;]]
  [[    bye_answered_ = MUTATED || !greeted_;]])
mutation(release-that-failed-not-repeated delivery/speaker.cpp
  [[  release_due_ = release_due_ || heard;]]
  [[  release_due_ = (release_due_ && !MUTATED) || heard;]])
mutation(bye-before-drained delivery/speaker.cpp
  [[  if (!drained()) {
    bye_answered_ = false;]]
  [[  if (!drained() && !MUTATED) {
    bye_answered_ = false;]])
mutation(flushed-when-sent delivery/speaker.cpp
  [[window_.committed(end.first) + 1 >= end.second]]
  [[(MUTATED ? window_.cursor(end.first) : window_.committed(end.first) + 1) >= end.second]])
mutation(feed-not-rewound delivery/speaker.cpp
  [[    feed_->rewind();]]
  [[    if (!MUTATED) feed_->rewind();]])

# --- the receiver's ledger
mutation(resend-without-dedup delivery/receiver_ledger.cpp
  [[verdict.from = std::max(first, row->expected);]]
  [[verdict.from = MUTATED ? first : std::max(first, row->expected);]])
mutation(batch-with-a-hole-taken delivery/receiver_ledger.cpp
  [[    if (first > start) {]]
  [[    if (first > start && !MUTATED) {]])
mutation(forgotten-stream-begins-anew delivery/receiver_ledger.cpp
  [[if (!incomplete || !lookup) return std::nullopt;]]
  [[if (!incomplete || !lookup || MUTATED) return std::nullopt;]])
mutation(bye-waits-for-what-another-has delivery/receiver_ledger.cpp
  [[return (at != impl_->rows.end() && last < at->second.base) ||]]
  [[return (!MUTATED && at != impl_->rows.end() && last < at->second.base) ||]])
mutation(span-admitted-twice delivery/receiver_ledger.cpp
  [[  fill(*row, first, last, admission);]]
  [[  if (MUTATED && first < row->expected) admission.take.push_back({first, std::min(last, row->expected - 1)});
  else fill(*row, first, last, admission);]])

# --- reception
mutation(gap-declared-twice collector/reception.cpp
  [[      if (verdict.lost) {
        auto const& lost = *verdict.lost;]]
  [[      if (verdict.lost && MUTATED)
        decoder_.declare_lost(part, verdict.lost->first, verdict.lost->last, wall, "lost", block());
      if (verdict.lost) {
        auto const& lost = *verdict.lost;]])

# --- the feed of a spool
mutation(ring-before-overflow publisher/feed.cpp
  [[  if (!add_chunk(window)) add_rings(window);]]
  [[  if (MUTATED) add_rings(window);
  if (ranges_.empty() && !add_chunk(window)) add_rings(window);]])
mutation(ring-released-before-overflow-is-written publisher/feed.cpp
  [[  if (!overflow_->append(chunk, spilled_)) return std::nullopt;]]
  [[  if (MUTATED) file.release(position, chunk.end);
  if (!overflow_->append(chunk, spilled_)) return std::nullopt;]])
mutation(ring-released-too-far publisher/feed.cpp
  [[ring.marks.front().next <= committed + 1)]]
  [[ring.marks.front().next <= committed + (MUTATED ? 8 : 1))]])
mutation(drops-not-declared publisher/feed.cpp
  [[  if (drops.count > 0 && drops.first <= part.next && end > part.next) {]]
  [[  if (!MUTATED && drops.count > 0 && drops.first <= part.next && end > part.next) {]])
mutation(gap-too-long publisher/feed.cpp
  [[return lose(part, frame.next, time, kDropped);]]
  [[return lose(part, frame.next + (MUTATED ? 1 : 0), time, kDropped);]])
mutation(released-overflow-held publisher/feed.cpp
  [[if (whole && first > at->second.end)]]
  [[if (!MUTATED && whole && first > at->second.end)]])

# --- from collector to collector
mutation(frame-numbers-used-again upstream/forward_spool.cpp
  [[  if (stream_ <= last) stream_ += 2;]]
  [[  if (stream_ <= last) stream_ += 2;
  if (MUTATED) stream_ = 2;]])
mutation(frames-released-when-sent upstream/forward_feed.cpp
  [[spool_->release(stream_, window.committed(stream_))]]
  [[spool_->release(stream_, MUTATED ? window.cursor(stream_) - 1 : window.committed(stream_))]])
mutation(frames-of-no-transaction-sent upstream/appender.cpp
  [[    if (row.publisher == spool_.id()) spool_.forget_after]]
  [[    if (row.publisher == spool_.id() && !MUTATED) spool_.forget_after]])
