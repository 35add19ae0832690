// The wire form of records that one collector forwards to another (docs/protocol.md, "Forwarding"): blocks made into frames, frames into blocks.
// Must not know sockets, spools or what the ledger decides.
#pragma once

#include "record/block.hpp"
#include "record/wire.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace logboom::wire {

inline constexpr std::uint64_t kForwardVersion = 1;
/// The process name of a collector that forwards, as its hello says it.
inline constexpr std::string_view kForwarderProcess = "logboom.forward";

/// Puts together the part of a frame that says what it holds; the rest is said when it is sent. Reuse it: it keeps its buffers.
class ForwardBuilder {
 public:
  static constexpr std::size_t kTarget = kBatchTarget;        // full past this many bytes
  static constexpr std::size_t kLongestRecord = 640U << 10U;  // of texts and values; the longest of them are cut
  static constexpr std::size_t kLongestTemplate = 64U << 10U;  // as a record's text is cut
  static constexpr std::size_t kLongestName = 4U << 10U;       // of a host, a logger, a file …

  /// A range of numbers in the frame, and how many of them are records, or lost.
  struct Part {
    Span span;
    std::uint64_t count = 0;
  };

  ForwardBuilder();
  ~ForwardBuilder();

  /// A record of the block as number `settled.last` of that publisher and stream, whatever it is in the block; the numbers before it in `settled` were withheld.
  void add(Block const& block, Entry const& entry, Span const& settled);
  /// The gap's numbers are lost; [from, gap.first) was withheld.
  void add_gap(std::shared_ptr<Source const> const& source, Gap const& gap, std::uint64_t from);
  void withhold(Span const& span);

  bool empty() const noexcept;
  bool full() const noexcept;
  std::span<Part const> parts() const noexcept;
  std::uint32_t records() const noexcept;  // gaps not counted
  /// The frame's contents; valid until the next call. Begins a new one.
  std::span<std::byte const> finish();

  /// Contents of a frame that says nothing.
  static std::span<std::byte const> nothing() noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The whole frame, in place of what `out` held. `base`: the lowest number that the forwarder still holds of this stream of frames.
void write_forward(Publisher const& forwarder, std::uint64_t stream, std::uint64_t base, std::uint64_t number,
                   std::span<std::byte const> contents, std::vector<std::byte>& out);

/// Reads one frame. Bounded work and memory whatever the bytes; one at a time, reuse it.
class ForwardDecoder {
 public:
  /// A range of one of spans(), to be taken.
  struct Admitted {
    std::size_t span = 0;  // index
    std::uint64_t first = 0, last = 0;
  };

  ForwardDecoder();
  ~ForwardDecoder();

  /// Checks the whole frame. Borrows it until the next open(). @throws FrameError, VersionError
  void open(std::span<std::byte const> frame);
  Publisher const& forwarder() const noexcept;
  std::uint64_t stream() const noexcept;
  std::uint64_t base() const noexcept;
  std::uint64_t number() const noexcept;
  /// What the frame settles; ranges of one stream do not overlap.
  std::span<Span const> spans() const noexcept;

  /// Adds the records and gaps with numbers in `admitted`, which is in order of spans. Cannot fail but for want of memory.
  void take(std::span<Admitted const> admitted, Block& block);
  /// That part of a stream is given up: adds the Gap and its visible entry.
  void declare_lost(Span const& lost, std::int64_t time, std::string_view reason, Block& block);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace logboom::wire
