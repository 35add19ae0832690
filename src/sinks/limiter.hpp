// What a sink leaves out of what it takes: sampling, rate limit, repeats. Bounded: the key that was not seen the longest is forgotten, and begins anew.
// Must not know clocks or sinks.
#pragma once

#include <logboom/record.hpp>
#include <logboom/sinks.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>

namespace logboom::sinks {

class Limiter {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::size_t kMaxKeys = 4'096;

  /// @throws std::invalid_argument for limits that are none
  explicit Limiter(LimitOptions const& options, std::size_t bound = kMaxKeys);

  bool active() const noexcept { return active_; }
  /// @param now when it came here: the record's own time is its sender's word, and one from the future would close the door on all that follow
  /// @return how many of its key were left out before it, or nothing: this one is left out as well
  std::optional<std::uint64_t> admit(Record const& record, Time now);

 private:
  struct Key {
    std::uint64_t name;
    std::uint64_t seen = 0;
    double credit = 0;  // records that may pass now
    Time credited{};
    std::size_t message = 0;  // hash of the one passed on last
    Time passed{};
    std::uint64_t suppressed = 0;
  };

  Key& touch(std::uint64_t name, Time now);
  std::uint64_t name_of(Record const& record) const;
  bool passes(Key& key, std::size_t message, Time now) const;

  LimitOptions const options_;
  std::size_t const bound_;
  bool const active_;
  std::list<Key> keys_;  // the latest seen first
  std::unordered_map<std::uint64_t, std::list<Key>::iterator> index_;
};

}  // namespace logboom::sinks
