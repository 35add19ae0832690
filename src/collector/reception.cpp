// From frames to blocks. Must not know sockets, threads or the store.
#include "collector/reception.hpp"

#include "inputs/library_json.hpp"

#include <logboom/query.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace logboom::collector {
namespace {

constexpr std::string_view kGivenUp =
    "they did not come, and too much else of the stream is missing to wait for them";

}  // namespace

Reception::Reception(delivery::ReceiverLedger& ledger, PublisherTable& publishers, OwnLog& log, Refuse refuse)
    : ledger_(ledger), publishers_(publishers), log_(log), refuse_(std::move(refuse)) {}

void Reception::take(std::span<std::byte const> frame, std::string_view peer_host, std::int64_t wall,
                     std::int64_t now) {
  if (frame.size() > wire::kMaxMessage) return refuse_oversized(frame);
  try {
    switch (auto const form = wire::form_of(frame)) {
      case wire::Form::kBatch: take_batch(frame, wall, now); break;
      case wire::Form::kForward: take_forward(frame, wall, now); break;
      case wire::Form::kPlainJson:
        if (inputs::take_library_json(frame, wall, peer_host, block())) break;
        [[fallthrough]];
      case wire::Form::kPlainMsgpack: wire::take_plain(frame, form, wall, peer_host, block()); break;
      case wire::Form::kUnknown: refuse_frame("neither a batch nor a plain record"); return;
    }
    taken_bytes_ += frame.size();
  } catch (wire::VersionError const& error) {
    refuse_frame(error.what());
    refuse_(error.publisher(), error.what());
  } catch (wire::FrameError const& error) {
    refuse_frame(error.what());
  } catch (StoreError const& error) {
    // The ledger could not look a stream up: nothing of it is taken, so its publisher sends it again.
    log_.note(OwnLog::Kind::kStore, level::kError, error.what());
  }
}

void Reception::take_published(std::string_view topic, std::string_view text, std::string_view peer_host,
                               std::int64_t wall) {
  inputs::take_published(topic, text, wall, peer_host, block());
  taken_bytes_ += topic.size() + text.size();
}

void Reception::refuse_frame(std::string_view reason) {
  ++bad_frames_;
  log_.note(OwnLog::Kind::kBadFrame, level::kWarning, fmt::format("bad frame: {}", reason));
}

void Reception::refuse_oversized(std::span<std::byte const> frame) {
  auto const reason =
      fmt::format("a message of {} bytes, at most {} are taken", frame.size(), wire::kMaxMessage);
  refuse_frame(reason);
  if (wire::form_of(frame) != wire::Form::kBatch) return;
  try {
    decoder_.open(frame);
    refuse_(decoder_.publisher().id, reason);
  } catch (wire::FrameError const&) {
    // Nobody to be told.
  }
}

void Reception::take_batch(std::span<std::byte const> frame, std::int64_t wall, std::int64_t now) {
  decoder_.open(frame);
  for (auto const& part : decoder_.streams()) take_part(part, wall, now);
}

void Reception::take_part(wire::StreamPart const& part, std::int64_t wall, std::int64_t now) {
  using Kind = delivery::ReceiverLedger::Verdict::Kind;
  auto const& id = decoder_.publisher().id;
  auto const verdict = ledger_.offer(id, part.stream, part.base, part.first, part.end, now);
  switch (verdict.kind) {
    case Kind::kTake:
      if (verdict.lost) {
        auto const& lost = *verdict.lost;
        log_.note(
            OwnLog::Kind::kGap, level::kWarning,
            fmt::format("{} records of {} (pid {}), stream {}, are lost: its publisher no longer holds them",
                        lost.last - lost.first + 1, decoder_.publisher().process, decoder_.publisher().pid,
                        part.stream));
        decoder_.declare_lost(part, lost.first, lost.last, wall,
                              "the publisher holds them no longer: acked by another collector, or lost",
                              block());
      }
      if (verdict.given_up)
        decoder_.declare_lost(part, verdict.given_up->first, verdict.given_up->last, wall, kGivenUp, block());
      duplicates_ += verdict.from - part.first;
      take_new(part, verdict);
      break;
    case Kind::kDuplicate:
      duplicates_ += part.end - part.first;
      publishers_.owe_ack(id, part.stream);
      break;
    case Kind::kAskAgain: publishers_.owe_resend(id, part.stream, verdict.from); break;
    case Kind::kWait: break;
  }
}

void Reception::take_new(wire::StreamPart const& part, delivery::ReceiverLedger::Verdict const& verdict) {
  auto& into = block();
  auto const known = into.gaps.size();
  decoder_.take(part, verdict.from, into);
  into.progress.back().missing = ledger_.progress(decoder_.publisher().id, part.stream).missing;
  std::uint64_t gaps = 0;  // numbers of the part that no record has
  for (std::size_t i = known; i < into.gaps.size(); ++i) gaps += into.gaps[i].last - into.gaps[i].first + 1;
  auto lost = gaps;
  for (auto const& range : {verdict.lost, verdict.given_up}) {
    if (range) lost += range->last - range->first + 1;
  }
  publishers_.count(decoder_.publisher().id, part.end - verdict.from - gaps, lost);
}

/// The frame as a whole is taken once, by its own number; of what it holds, what has not come another way.
void Reception::take_forward(std::span<std::byte const> frame, std::int64_t wall, std::int64_t now) {
  forward_.open(frame);
  auto const& forwarder = forward_.forwarder();
  auto const spans = forward_.spans();
  // Before anything is taken: for want of room, or when the store cannot be asked, the forwarder sends it again.
  if (!ledger_.room(spans.size() + 1)) return;
  for (auto const& span : spans) {
    if (!ledger_.know(span.publisher, span.stream)) return;
  }
  auto const verdict = ledger_.offer(forwarder.id, forward_.stream(), forward_.base(), forward_.number(),
                                     forward_.number() + 1, now);
  using Kind = delivery::ReceiverLedger::Verdict::Kind;
  switch (verdict.kind) {
    case Kind::kTake:
      if (verdict.lost) {
        log_.note(OwnLog::Kind::kGap, level::kWarning,
                  fmt::format("{} frames that the collector on {} (pid {}) forwarded were sent to another "
                              "collector, or are lost",
                              verdict.lost->last - verdict.lost->first + 1, forwarder.host, forwarder.pid));
      }
      publishers_.count(forwarder.id, take_spans(wall), 0);
      block().progress.push_back(ledger_.progress(forwarder.id, forward_.stream()));
      break;
    case Kind::kDuplicate: publishers_.owe_ack(forwarder.id, forward_.stream()); break;
    case Kind::kAskAgain: publishers_.owe_resend(forwarder.id, forward_.stream(), verdict.from); break;
    case Kind::kWait: break;
  }
}

/// @return records taken, gaps not counted
std::uint64_t Reception::take_spans(std::int64_t wall) {
  auto const spans = forward_.spans();
  std::vector<wire::ForwardDecoder::Admitted> admitted;
  for (std::size_t i = 0; i < spans.size(); ++i) {
    bool const own = std::find(own_.begin(), own_.end(), spans[i].publisher) != own_.end();
    if (!own) admit(i, admitted, wall);
  }
  auto const gaps_before = block().gaps.size();
  auto const entries_before = block().entries.size();
  forward_.take(admitted, block());
  // Each gap has an entry, too.
  auto const records = block().entries.size() - entries_before - (block().gaps.size() - gaps_before);
  std::vector<Span> given_up;
  for (std::size_t i = gaps_before; i < block().gaps.size(); ++i) {
    auto const& gap = block().gaps[i];
    if (!gap.found) continue;
    if (auto const range = ledger_.lose(gap.publisher, gap.stream, gap.first, gap.last))
      given_up.push_back({gap.publisher, gap.stream, range->first, range->last});
  }
  for (auto const& span : given_up) give_up(span, wall);
  for (std::size_t i = 0; i < admitted.size(); ++i) {
    if (i > 0 && admitted[i].span == admitted[i - 1].span) continue;
    auto const& span = spans[admitted[i].span];
    block().progress.push_back(ledger_.progress(span.publisher, span.stream));
  }
  return records;
}

void Reception::admit(std::size_t index, std::vector<wire::ForwardDecoder::Admitted>& admitted,
                      std::int64_t wall) {
  auto const& span = forward_.spans()[index];
  auto const admission = ledger_.admit(span.publisher, span.stream, span.first, span.last);
  duplicates_ += span.last - span.first + 1;
  for (auto const& range : admission.take) {
    admitted.push_back({index, range.first, range.last});
    duplicates_ -= range.last - range.first + 1;
  }
  for (auto const& range : admission.arrived)
    block().arrivals.push_back({{span.publisher, span.stream, range.first, range.last}, block().gaps.size()});
  if (admission.given_up)
    give_up({span.publisher, span.stream, admission.given_up->first, admission.given_up->last}, wall);
}

void Reception::give_up(Span const& span, std::int64_t wall) {
  forward_.declare_lost(span, wall, kGivenUp, block());
}

bool Reception::block_full(std::size_t most_bytes) const noexcept {
  return block_ &&
         (block_->entries.size() >= kBlockEntries || taken_bytes_ >= std::min(most_bytes, kBlockBytes));
}

std::unique_ptr<Block> Reception::hand_over() {
  if (!log_.empty()) log_.move_into(block());
  taken_bytes_ = 0;
  // Begun for a plain record that could not be read: not open any more, or a flush would wait for it to be committed.
  if (block_ && block_->entries.empty() && block_->progress.empty() && block_->gaps.empty()) block_.reset();
  return std::move(block_);
}

Block& Reception::block() {
  if (!block_) block_ = std::make_unique<Block>();
  return *block_;
}

}  // namespace logboom::collector
