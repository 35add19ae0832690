// The disk of the simulation, and the death of those who write to it. What src/spool calls of the system (file_handle, mapped_file, spool_lock, directory, random_bytes) is linked against
// disk.cpp instead, so that rings, overflows and upstream spools run unchanged. Must not know what is in a file.
#pragma once

#include "dice.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace logboom::simulation {

/// One life of a process: ends at any act that others could see. What the process does after it died, in the step that is under way, nobody sees.
class Life {
 public:
  /// @param directory all files of the process are in it
  Life(std::string directory, Dice& dice) : directory_(std::move(directory)), dice_(&dice) {}

  static Life* running;  // whose step it is

  /// It dies at the act after so many more.
  void light_fuse(std::uint64_t acts) noexcept {
    fuse_ = acts;
    lit_ = true;
  }
  bool lit() const noexcept { return lit_; }
  void die();
  bool dead() const noexcept { return dead_; }
  /// An act is about to be done. False: the process died before it.
  bool act();
  /// The same of a write: how much of it is done. The kernel looks for SIGKILL between two pages only.
  std::size_t write(std::uint64_t offset, std::size_t bytes);

  std::string const& directory() const noexcept { return directory_; }

 private:
  std::string directory_;
  Dice* dice_;
  bool lit_ = false, dead_ = false;
  std::uint64_t fuse_ = 0;
};

/// Of all machines together; a directory belongs to one. One at a time.
class Disk {
 public:
  struct File {
    std::vector<std::byte> bytes;
    std::vector<std::byte> as_left;  // a mapped one's when its process died
    bool mapped = false;
    std::deque<std::pair<std::int64_t, std::size_t>> sizes;  // when it was how long: what a power cut may go back to
  };

  explicit Disk(Dice& dice);
  ~Disk();
  Disk(Disk const&) = delete;
  Disk& operator=(Disk const&) = delete;
  static Disk& current() noexcept { return *current_; }

  // --- faults
  void set_full(std::string const& directory, bool full);
  bool full(std::string const& path) const;
  bool descriptors = true;  // files can be opened
  std::int64_t now = 0;
  /// What was appended in the last seconds is there in part; what the process has mapped stays.
  void cut_power(std::string const& directory);
  void freeze(std::string const& directory);
  /// The process is gone: what it wrote to mapped files after it had died was not written.
  void thaw(std::string const& directory);
  void remove_directory(std::string const& directory);
  bool has(std::string const& directory) const;

  std::map<std::string, std::shared_ptr<File>> files;
  std::vector<std::shared_ptr<File>> gone;  // but mapped, maybe
  std::vector<std::shared_ptr<File>> open;  // by descriptor
  std::vector<int> closed;                  // descriptors to be used again
  std::set<std::string> locked;             // directories
  Dice* dice;

 private:
  static Disk* current_;
  std::set<std::string> full_;
};

}  // namespace logboom::simulation
