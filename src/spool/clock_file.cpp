#include "spool/clock_file.hpp"

#include "record/check.hpp"
#include "spool/file_handle.hpp"
#include "spool/spool_error.hpp"

#include <fcntl.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <ctime>
#include <iterator>
#include <limits>
#include <span>

namespace logboom::spool {

using detail::TickSource;

namespace {

constexpr std::int64_t kMicrosecond = 1'000;
constexpr std::int64_t kMillisecond = 1'000'000;
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kDay = 86'400 * kSecond;
constexpr std::int64_t kLatest = std::int64_t{1} << 62U;  // the year 2116; no difference of two overflows

constexpr std::int64_t kFirstInterval = 2 * kMillisecond;
constexpr std::int64_t kCalibration = 300 * kMicrosecond;
// A clock that is slewed moves by at most 500 ppm; what moves by more was set.
constexpr std::int64_t kStepAtLeast = kMillisecond;
constexpr double kStepRate = 0.001;
constexpr std::size_t kRateBaseline = 16;  // points: long enough for a good rate, short enough to follow a slew

// Twice what is used: a slot is written only when no kept point is in it, so that a death in the middle costs nothing.
constexpr std::size_t kSlots = 2 * kMaxSyncPoints;

constexpr double kSlowestTick = 100.0;  // ns: 10 MHz; what is outside these is damage
constexpr double kFastestTick = 0.01;

bool plausible(double rate) noexcept { return rate > kFastestTick && rate < kSlowestTick; }

struct Reading {
  std::int64_t ticks, realtime;
};

std::int64_t wall_clock() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return std::int64_t{now.tv_sec} * kSecond + now.tv_nsec;
}

// The tightest of a few brackets: an interrupt in one does not matter.
Reading read_clocks() noexcept {
  constexpr int kTries = 5;
  Reading best{};
  std::int64_t width = std::numeric_limits<std::int64_t>::max();
  for (int i = 0; i < kTries; ++i) {
    std::int64_t const before = detail::ticks();
    std::int64_t const realtime = wall_clock();
    std::int64_t const after = detail::ticks();
    if (after < before || after - before >= width) continue;
    width = after - before;
    best = {before + width / 2, realtime};
  }
  return best;
}

// Nanoseconds a tick, as far as known to this process: what a first point has until there is a second.
std::atomic<double>& known_rate() noexcept {
  static std::atomic<double> rate{0.0};
  return rate;
}

std::int64_t add_clamped(std::int64_t base, double offset, std::int64_t low, std::int64_t high) noexcept {
  double const sum = static_cast<double>(base - low) + offset;
  if (!(sum > 0)) return low;
  if (sum >= static_cast<double>(high - low)) return high;
  return base + static_cast<std::int64_t>(std::llround(offset));
}

}  // namespace

struct ClockFile::Header {
  std::uint64_t magic = kMagic;
  std::uint32_t version = kVersion;
  TickSource source = TickSource::kRealtime;
  std::uint64_t slots = kSlots;
  std::uint32_t reserved = 0;
  std::uint32_t check = 0;

  static constexpr std::uint64_t kMagic =
      0x636f'6c63'6d6f'6f62U;  // "boomcloc" where the order of bytes is this one
  static constexpr std::uint32_t kVersion = 1;
  static constexpr std::size_t kSize = 64;  // then the slots

  std::uint32_t sum() const noexcept {
    Header copy = *this;
    copy.check = 0;
    return check_bytes(kMagic, std::as_bytes(std::span(&copy, 1)));
  }
};

struct ClockFile::Slot {
  std::int64_t ticks = 0;
  std::int64_t realtime = 0;
  double rate = 0;
  std::uint32_t step = 0;
  std::uint32_t check = 0;  // 0: empty; written last

  std::uint32_t sum() const noexcept {
    Slot copy = *this;
    copy.check = 0;
    return check_bytes(Header::kMagic, std::as_bytes(std::span(&copy, 1)));
  }
  bool valid() const noexcept {
    auto const in_range = [](std::int64_t value) { return value >= 0 && value <= kLatest; };
    return check == sum() && in_range(ticks) && in_range(realtime) && plausible(rate) && step <= 1;
  }
};

ClockFile ClockFile::make(std::filesystem::path const& path, TickSource source) {
  static_assert(sizeof(Header) <= Header::kSize && sizeof(Slot) == 32);
  ClockFile clock(source);
  clock.map_ = MappedFile::create(path, Header::kSize + kSlots * sizeof(Slot));
  Header header;
  header.source = source;
  header.check = header.sum();
  std::memcpy(clock.map_->data(), &header, sizeof header);
  clock.map_->show();
  clock.points_.reserve(kMaxSyncPoints + 1);
  clock.free_slots_.reserve(kSlots);
  for (std::size_t slot = kSlots; slot-- > 0;) clock.free_slots_.push_back(slot);
  clock.interval_ = kFirstInterval;
  return clock;
}

ClockFile ClockFile::create_empty(std::filesystem::path const& path, TickSource source) {
  return make(path, source);
}

ClockFile ClockFile::create(std::filesystem::path const& path) {
  ClockFile clock = make(path, detail::tick_source());
  if (clock.source_ == TickSource::kRealtime) return clock;
  clock.guess_ = known_rate().load(std::memory_order_relaxed);
  Reading const first = read_clocks();
  clock.add(first.ticks, first.realtime);
  if (clock.guess_ == 0.0) {
    while (wall_clock() - first.realtime < kCalibration && wall_clock() >= first.realtime) {
    }
    Reading const second = read_clocks();
    clock.add(second.ticks, second.realtime);
  }
  known_rate().store(clock.points_.back().point.rate, std::memory_order_relaxed);
  clock.next_sync_ = first.ticks;
  return clock;
}

ClockFile ClockFile::load(std::filesystem::path path, std::int64_t started) {
  FileHandle const file = FileHandle::open(std::move(path), O_RDONLY);
  std::vector<std::byte> bytes(Header::kSize + kSlots * sizeof(Slot));
  bytes.resize(file.read_at(0, bytes));
  Header header;
  std::memcpy(&header, bytes.data(), std::min(sizeof header, bytes.size()));
  bool const whole = header.magic == Header::kMagic && header.check == header.sum();
  if (whole && header.version > Header::kVersion)
    throw SpoolError(file.path().string() + " is of a newer version (" + std::to_string(header.version) +
                     "): use that version of logboom");
  // With a damaged header the points tell: only a counter has any.
  ClockFile clock(whole ? header.source : TickSource::kTsc);
  clock.started_ = started;
  for (std::size_t at = Header::kSize; at + sizeof(Slot) <= bytes.size(); at += sizeof(Slot)) {
    Slot slot;
    std::memcpy(&slot, bytes.data() + at, sizeof slot);
    if (slot.valid()) clock.points_.push_back({{slot.ticks, slot.realtime, slot.rate, slot.step != 0}, 0});
  }
  auto const earlier = [](Kept const& a, Kept const& b) { return a.point.ticks < b.point.ticks; };
  std::sort(clock.points_.begin(), clock.points_.end(), earlier);
  for (Kept const& kept : clock.points_) {
    bool const first = &kept == clock.points_.data();
    clock.earliest_ = first ? kept.point.realtime : std::min(clock.earliest_, kept.point.realtime);
    clock.latest_ = first ? kept.point.realtime : std::max(clock.latest_, kept.point.realtime);
  }
  return clock;
}

ClockFile ClockFile::unknown(std::int64_t started) noexcept {
  ClockFile clock(TickSource::kTsc);
  clock.started_ = started;
  return clock;
}

std::vector<SyncPoint> ClockFile::points() const {
  std::vector<SyncPoint> points;
  for (Kept const& kept : points_) points.push_back(kept.point);
  return points;
}

// The last point at or before `ticks`, or the first.
std::size_t ClockFile::segment_of(std::int64_t ticks) const noexcept {
  auto const holds = [&](std::size_t i) {
    return i < points_.size() && points_[i].point.ticks <= ticks &&
           (i + 1 == points_.size() || ticks < points_[i + 1].point.ticks);
  };
  if (holds(last_used_)) return last_used_;
  auto const after = std::upper_bound(points_.begin(), points_.end(), ticks,
                                      [](std::int64_t at, Kept const& kept) { return at < kept.point.ticks; });
  last_used_ =
      after == points_.begin() ? 0 : static_cast<std::size_t>(std::distance(points_.begin(), after)) - 1;
  return last_used_;
}

std::int64_t ClockFile::nanoseconds(std::int64_t ticks) const noexcept {
  if (source_ == TickSource::kRealtime) return ticks;
  if (points_.empty()) return started_;
  std::size_t const i = segment_of(ticks);
  SyncPoint const& point = points_[i].point;
  double rate = point.rate;
  if (i + 1 < points_.size() && !points_[i + 1].point.step && ticks >= point.ticks) {
    SyncPoint const& next = points_[i + 1].point;
    rate = static_cast<double>(next.realtime - point.realtime) / static_cast<double>(next.ticks - point.ticks);
  }
  double const distance = static_cast<double>(ticks) - static_cast<double>(point.ticks);
  double const exact = std::abs(distance) < 0x1p53 ? static_cast<double>(ticks - point.ticks) : distance;
  return add_clamped(point.realtime, exact * rate, earliest_ - kDay, latest_ + kDay);
}

void ClockFile::sync() noexcept {
  if (source_ == TickSource::kRealtime || !map_) return;
  std::int64_t const now = detail::ticks();
  bool const backwards = !points_.empty() &&
                         now < points_.back().point.ticks;  // the machine was asleep, and its counter began anew
  if (now < next_sync_ && !backwards) return;
  Reading const reading = read_clocks();
  add(reading.ticks, reading.realtime);
  double const rate = points_.back().point.rate;
  known_rate().store(rate, std::memory_order_relaxed);
  next_sync_ = reading.ticks + static_cast<std::int64_t>(static_cast<double>(interval_) / rate);
  interval_ = std::min(2 * interval_, kSecond);
}

double ClockFile::rate_to(std::int64_t ticks, std::int64_t realtime) const noexcept {
  std::size_t from = points_.size() - 1;
  while (from > 0 && points_.size() - from < kRateBaseline && !points_[from].point.step) --from;
  SyncPoint const& base = points_[from].point;
  double const rate = static_cast<double>(realtime - base.realtime) / static_cast<double>(ticks - base.ticks);
  return plausible(rate) ? rate : points_.back().point.rate;
}

void ClockFile::add(std::int64_t ticks, std::int64_t realtime) noexcept {
  if (!map_) return;
  SyncPoint point{ticks, realtime, guess_ > 0 ? guess_ : 1.0, false};
  if (!points_.empty()) {
    SyncPoint const last = points_.back().point;
    if (ticks == last.ticks) return;
    if (ticks < last.ticks) {
      point.rate = last.rate;
      point.step = true;
      forget_all();
    } else {
      double const passed = static_cast<double>(ticks - last.ticks) * last.rate;
      double const expected = static_cast<double>(realtime - last.realtime);
      bool const rate_known = points_.size() > 1 || guess_ > 0;
      point.step =
          rate_known && std::abs(expected - passed) > static_cast<double>(kStepAtLeast) + kStepRate * passed;
      point.rate = point.step ? last.rate : rate_to(ticks, realtime);
    }
  }
  earliest_ = points_.empty() ? realtime : std::min(earliest_, realtime);
  latest_ = points_.empty() ? realtime : std::max(latest_, realtime);
  append(point);
  if (points_.size() > kMaxSyncPoints) thin_out();
}

void ClockFile::append(SyncPoint const& point) noexcept {
  std::size_t const index = free_slots_.back();
  free_slots_.pop_back();
  std::byte* const at = map_->data() + Header::kSize + index * sizeof(Slot);
  Slot slot{point.ticks, point.realtime, point.rate, point.step ? 1U : 0U, 0};
  std::uint32_t const check = slot.sum();
  std::memcpy(at, &slot, sizeof slot);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  std::memcpy(at + offsetof(Slot, check), &check, sizeof check);
  points_.push_back({point, index});
}

// Every second point of the older half goes, but neither end of a stretch between two settings of the wall clock.
void ClockFile::thin_out() noexcept {
  std::size_t const half = points_.size() / 2;
  std::size_t kept = 1;
  bool dropped_last = false;
  for (std::size_t i = 1; i < points_.size(); ++i) {
    bool const edge = points_[i].point.step || points_[i + 1 < points_.size() ? i + 1 : i].point.step;
    if (i < half && !edge && !dropped_last) {
      free_slots_.insert(free_slots_.begin(), points_[i].slot);  // used again last
      dropped_last = true;
      continue;
    }
    dropped_last = false;
    points_[kept++] = points_[i];
  }
  if (kept == points_.size()) {  // nothing but settings of the clock: the oldest goes
    free_slots_.insert(free_slots_.begin(), points_.front().slot);
    points_.erase(points_.begin());
  } else {
    points_.resize(kept);
  }
  last_used_ = 0;
}

void ClockFile::forget_all() noexcept {
  points_.clear();
  free_slots_.clear();
  for (std::size_t slot = kSlots; slot-- > 0;) {
    std::uint32_t const empty = 0;
    std::memcpy(map_->data() + Header::kSize + slot * sizeof(Slot) + offsetof(Slot, check), &empty,
                sizeof empty);
    free_slots_.push_back(slot);
  }
  last_used_ = 0;
}

}  // namespace logboom::spool
