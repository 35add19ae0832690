// What a publisher's ticks are in time: pairs of both, taken about once a second, kept in a mapped file that outlives the process.
// Must not know records. One thread at a time.
#pragma once

#include "spool/mapped_file.hpp"

#include <logboom/detail/clock.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

namespace logboom::spool {

/// At `ticks` the wall clock said `realtime`; from there on a tick takes `rate` nanoseconds, until the next point.
struct SyncPoint {
  std::int64_t ticks = 0;
  std::int64_t realtime = 0;  // ns since the Unix epoch
  double rate = 1.0;
  bool step = false;  // the wall clock was set since the point before
};

inline constexpr std::size_t kMaxSyncPoints =
    256;  // then the older half loses every second one: recent time is known finely, old time well enough

class ClockFile {
 public:
  /// Takes the first points: some 0.3 ms, once a process. @throws std::system_error
  static ClockFile create(std::filesystem::path const& path);
  /// What a dead process left. Damaged points are left out; without any, every time is `started`. @throws std::system_error
  static ClockFile load(std::filesystem::path path, std::int64_t started);
  /// Where there is none to load: every time is `started`.
  static ClockFile unknown(std::int64_t started) noexcept;
  /// As create(), with points of one's own: no look at the machine's clocks. @throws std::system_error
  static ClockFile create_empty(std::filesystem::path const& path, detail::TickSource source);

  /// Nanoseconds since the Unix epoch. Between two points it is interpolated; never more than a day away from what the points span.
  std::int64_t nanoseconds(std::int64_t ticks) const noexcept;

  /// Takes a point when it is time for one: after 2 ms, 4 ms, … 1 s, then every second. A call between costs some nanoseconds.
  void sync() noexcept;
  /// Of the owner: takes in one pair of readings: finds out the rate, and whether the wall clock was set.
  void add(std::int64_t ticks, std::int64_t realtime) noexcept;

  std::vector<SyncPoint> points() const;
  detail::TickSource source() const noexcept { return source_; }

 private:
  struct Slot;
  struct Header;
  struct Kept {
    SyncPoint point;
    std::size_t slot = 0;  // its place in the file
  };
  explicit ClockFile(detail::TickSource source) noexcept : source_(source) {}
  static ClockFile make(std::filesystem::path const& path, detail::TickSource source);
  void append(SyncPoint const& point) noexcept;
  void thin_out() noexcept;
  void forget_all() noexcept;
  double rate_to(std::int64_t ticks, std::int64_t realtime) const noexcept;
  std::size_t segment_of(std::int64_t ticks) const noexcept;

  std::optional<MappedFile> map_;  // of the owner only
  std::vector<Kept> points_;       // ascending ticks
  std::vector<std::size_t> free_slots_;
  detail::TickSource source_;
  double guess_ = 0;                        // ns a tick, where an earlier clock of this process found it out
  std::int64_t started_ = 0;                // a time for when there is no point
  std::int64_t earliest_ = 0, latest_ = 0;  // wall times the points span
  std::int64_t next_sync_ = 0;              // ticks
  std::int64_t interval_ = 0;               // ns
  mutable std::size_t last_used_ = 0;       // where a search begins: records come in order
};

}  // namespace logboom::spool
