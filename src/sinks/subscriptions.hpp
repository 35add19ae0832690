// Which prefixes viewers listen to, so that nothing is rendered that nobody wants. Bounded: while there are more than the bound everything counts as wanted.
// Must not know sockets or records.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_set>

namespace logboom::sinks {

class Subscriptions {
 public:
  static constexpr std::size_t kMaxPrefixes = 4'096;
  static constexpr std::size_t kMaxPrefix = 512;  // bytes

  explicit Subscriptions(std::size_t bound = kMaxPrefixes) : bound_(bound) {}

  void add(std::string_view prefix);
  void remove(std::string_view prefix);
  bool wanted(std::string_view topic) const;
  bool empty() const noexcept { return prefixes_.empty() && beyond_ == 0; }
  /// Another number after each change, never 0.
  std::uint64_t version() const noexcept { return version_; }

 private:
  std::size_t const bound_;
  std::unordered_set<std::string> prefixes_;
  std::map<std::size_t, std::size_t> lengths_;  // how many prefixes have this length: a topic is looked up once for each
  std::size_t beyond_ = 0;                      // prefixes for which there was no room
  std::uint64_t version_ = 1;
};

}  // namespace logboom::sinks
