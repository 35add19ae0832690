// What is whole and what is damaged in a spool, by file and place, without changing anything in it. Must not know what is done about it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace logboom::spool {

struct InspectedFile {
  struct Damage {
    std::uint64_t offset = 0;  // in the file
    std::string what;
  };
  static constexpr std::size_t kMostDamage = 1'000;  // listed; all are counted

  std::string path;
  std::string kind;           // "ring", "overflow", "publisher", "catalogue", "clock"
  std::uint64_t records = 0;  // of a ring or overflow: held, and whole
  std::uint64_t lost = 0;     // numbers that the damage took
  std::uint64_t damaged = 0;  // places
  std::vector<Damage> damage;
};

/// Of a spool that nobody uses (the caller has looked at its lock; what a live publisher writes meanwhile would look damaged). What cannot be read is damage.
std::vector<InspectedFile> inspect_spool(std::filesystem::path const& directory);

}  // namespace logboom::spool
