// Lines that a person has been told already: what is found wrong is found again by every look at it.
// Must not know what the lines say, nor who is told.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_set>

namespace logboom::publisher {

/// One thread.
class ToldOnce {
 public:
  static constexpr std::size_t kMax = 1'024;  // lines kept; after that many all may be told again

  /// True when the line is to be told: it was not yet.
  bool first(std::string_view line) {
    if (told_.size() >= kMax) told_.clear();
    return told_.emplace(line).second;
  }

 private:
  std::unordered_set<std::string> told_;
};

}  // namespace logboom::publisher
