// What arrives on the PULL socket becomes blocks: batches by way of the ledger, plain records as they are, everything else counted.
// Must not know sockets, threads or the store.
#pragma once

#include "collector/own_log.hpp"
#include "collector/publisher_table.hpp"
#include "delivery/receiver_ledger.hpp"
#include "record/block.hpp"
#include "record/forward.hpp"
#include "record/wire.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace logboom::collector {

class Reception {
 public:
  // A block is handed over when it holds this much: large enough to be cheap, small enough that the bound of the queue is kept closely.
  static constexpr std::size_t kBlockEntries = 2'000;
  static constexpr std::size_t kBlockBytes = 512U << 10U;

  /// Tells the publisher of a batch why it is refused.
  using Refuse = std::function<void(PublisherId const&, std::string const& reason)>;

  Reception(delivery::ReceiverLedger& ledger, PublisherTable& publishers, OwnLog& log, Refuse refuse);

  /// As these this collector forwards records itself: what comes back under their ids is its own.
  void set_own(std::vector<PublisherId> own) { own_ = std::move(own); }

  /// One frame. Never throws for what is in it. @param wall ns since the epoch, @param now monotonic ms
  void take(std::span<std::byte const> frame, std::string_view peer_host, std::int64_t wall, std::int64_t now);
  /// A topic and a text from a PUB socket. @param wall ns since the epoch
  void take_published(std::string_view topic, std::string_view text, std::string_view peer_host,
                      std::int64_t wall);
  /// A message that is not one frame, or other trouble found by the socket's owner.
  void refuse_frame(std::string_view reason);

  /// @param most_bytes of frames, where kBlockBytes is too many
  bool block_full(std::size_t most_bytes = kBlockBytes) const noexcept;
  /// What was taken since the last time, with the collector's own records; nothing if there is nothing.
  std::unique_ptr<Block> hand_over();

  /// Whether something was taken that was not handed over.
  bool open() const noexcept { return block_ != nullptr; }

  std::uint64_t bad_frames() const noexcept { return bad_frames_; }
  std::uint64_t duplicates() const noexcept { return duplicates_; }

 private:
  void refuse_oversized(std::span<std::byte const> frame);
  void take_batch(std::span<std::byte const> frame, std::int64_t wall, std::int64_t now);
  void take_part(wire::StreamPart const& part, std::int64_t wall, std::int64_t now);
  void take_new(wire::StreamPart const& part, delivery::ReceiverLedger::Verdict const& verdict);
  void take_forward(std::span<std::byte const> frame, std::int64_t wall, std::int64_t now);
  std::uint64_t take_spans(std::int64_t wall);
  void admit(std::size_t span, std::vector<wire::ForwardDecoder::Admitted>& admitted, std::int64_t wall);
  void give_up(Span const& span, std::int64_t wall);
  Block& block();

  delivery::ReceiverLedger& ledger_;
  PublisherTable& publishers_;
  OwnLog& log_;
  Refuse const refuse_;
  wire::BatchDecoder decoder_;
  wire::ForwardDecoder forward_;
  std::vector<PublisherId> own_;
  std::unique_ptr<Block> block_;
  std::size_t taken_bytes_ = 0;  // of frames in the open block
  std::uint64_t bad_frames_ = 0;
  std::uint64_t duplicates_ = 0;
};

}  // namespace logboom::collector
