// From frames to blocks. Must not know sockets, threads or the store.
#include "collector/reception.hpp"

#include "inputs/library_json.hpp"

#include <logboom/query.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace logboom::collector {

Reception::Reception(delivery::ReceiverLedger& ledger, PublisherTable& publishers, OwnLog& log, Refuse refuse)
    : ledger_(ledger), publishers_(publishers), log_(log), refuse_(std::move(refuse)) {}

void Reception::take(std::span<std::byte const> frame, std::string_view peer_host, std::int64_t wall,
                     std::int64_t now) {
  try {
    switch (auto const form = wire::form_of(frame)) {
      case wire::Form::kBatch: take_batch(frame, wall, now); break;
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
      duplicates_ += verdict.from - part.first;
      decoder_.take(part, verdict.from, block());
      break;
    case Kind::kDuplicate:
      duplicates_ += part.end - part.first;
      publishers_.owe_ack(id, part.stream);
      break;
    case Kind::kAskAgain: publishers_.owe_resend(id, part.stream, verdict.from); break;
    case Kind::kWait: break;
  }
}

bool Reception::block_full() const noexcept {
  return block_ && (block_->entries.size() >= kBlockEntries || taken_bytes_ >= kBlockBytes);
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
