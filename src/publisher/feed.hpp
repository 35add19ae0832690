// What a spool has to send: its overflow, then its rings, made into batches from wherever the window's cursors stand. Of a live publisher it also
// moves the oldest part of a crowded ring to the overflow. Must not know sockets; what may be sent and forgotten is the window's to say.
#pragma once

#include "delivery/outgoing.hpp"
#include "delivery/sender_window.hpp"
#include "record/wire.hpp"
#include "spool/spool.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace logboom::publisher {

/// One thread. The spool (or what is given of it) outlives it.
class Feed final : public delivery::Outgoing {
 public:
  enum class Kind { kLive, kDead };

  /// `catalogue` names call sites and loggers: the process's own, or the one read from the spool.
  Feed(spool::Spool& spool, wire::Catalogue const& catalogue, Kind kind)
      : Feed(spool.publisher(), spool.overflow(), spool.clock(), catalogue, kind) {}
  Feed(wire::Publisher const& publisher, spool::Overflow& overflow, spool::ClockFile const& clock,
       wire::Catalogue const& catalogue, Kind kind);

  void add_ring(std::shared_ptr<spool::RingFile> ring);
  void open_streams(delivery::SenderWindow& window) override;
  /// @throws std::system_error when the overflow cannot be read now (no file descriptor, no memory): nothing is given up, try again later
  Batch next(delivery::SenderWindow const& window) override;
  void rewind() override;
  void release(delivery::SenderWindow const& window, std::int64_t now) override;
  /// Puts the check into what came into the rings of a live publisher: without it a restart of the machine costs the records, sent or not.
  void seal() noexcept;
  /// Moves the oldest parts of rings that are more than three eighths full, and get no acks, to the overflow: of each a megabyte at most. @return how many records; if any, there may be more
  std::uint64_t relieve(std::int64_t now);
  /// relieve() is to be called again soon.
  bool crowded() const noexcept;
  /// Moves all of a ring that nobody writes any more to the overflow, as far as that has room, so that it may serve another thread. @return how many records
  std::uint64_t empty(spool::RingFile const& ring, std::int64_t now);

  /// For each stream the number after its last record as of now, drops that nobody has declared included.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ends() const;
  bool drained(delivery::SenderWindow const& window) const override;
  std::uint64_t gaps() const noexcept {
    return gaps_;
  }  // records declared lost in batches, each counted once

 private:
  struct Mark {
    std::uint64_t next = 0, position = 0;
  };  // records before `next` end at `position`
  struct Ring {
    std::shared_ptr<spool::RingFile> file;
    std::uint64_t position = 0;  // made into batches up to here
    std::deque<Mark> marks;      // ascending
    std::int64_t released_at = 0;
  };
  /// The entry of one stream in the batch being made; begun with its first record.
  struct Part {
    std::uint64_t stream = 0, base = 0, first = 0;
    std::uint64_t next = 0;  // number of the next record to add
    std::uint64_t tid = 0;
    std::string_view thread_name;
    bool begun = false;
  };

  struct Held {
    std::uint64_t first = 0, end = 0;
  };
  std::map<std::uint64_t, Held> held() const;
  Part part_of(delivery::SenderWindow const& window, std::uint64_t stream, std::uint64_t tid,
               std::string_view thread_name) const;
  bool full() const noexcept { return builder_.bytes() >= batch_bytes_; }
  void begin(Part& part);
  void take(Part& part, spool::RingFile::Frame const& frame);
  void lose(Part& part, std::uint64_t up_to, std::int64_t time, std::string_view reason);
  bool finish(Part const& part);
  static bool crowded(Ring const& ring);
  bool add_chunk(delivery::SenderWindow const& window);
  bool add_chunk_part(delivery::SenderWindow const& window, spool::Overflow::Info const& chunk);
  void add_rings(delivery::SenderWindow const& window);
  void add_ring_part(delivery::SenderWindow const& window, Ring& ring);
  void declare_drops(Part& part, spool::RingFile const& ring);
  std::optional<std::uint64_t> spill(Ring& ring);
  std::int64_t time_of(spool::RingFile::Frame const& frame) const;
  static std::uint64_t end_of(spool::RingFile const& ring);

  wire::Publisher const* publisher_;
  spool::Overflow* overflow_;
  spool::ClockFile const* clock_;
  Kind kind_;
  wire::BatchBuilder builder_;
  std::size_t batch_bytes_ = 0;  // it is full past so many
  std::vector<delivery::SenderWindow::Range> ranges_;
  std::vector<Ring> rings_;
  std::size_t turn_ = 0;  // the ring that is asked first, so that a busy one does not starve the others
  std::uint64_t next_chunk_ = 0;  // chunks with lower numbers are made into batches
  std::uint64_t loaded_chunk_ = UINT64_MAX;
  std::vector<std::byte> chunk_;                         // its bytes; empty: damaged
  std::size_t chunk_offset_ = 0;                         // made into batches up to here
  std::vector<std::byte> spilled_;                       // buffer
  std::int64_t spill_again_ = 0;                         // not before: the overflow had no room
  std::map<std::uint64_t, std::uint64_t> gaps_counted_;  // by stream: lost records below are in gaps_
  std::uint64_t gaps_ = 0;
  std::int64_t last_time_ = 0;  // of the last frame: the best guess for a damaged one
};

}  // namespace logboom::publisher
