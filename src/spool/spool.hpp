// A publisher's spool directory: identity, lock, rings, catalogue of call sites and loggers, clock, overflow. Survives the process.
// Must not know sockets or the delivery protocol. Layout: docs/spool.md.
#pragma once

#include "record/wire.hpp"
#include "spool/catalogue_file.hpp"
#include "spool/clock_file.hpp"
#include "spool/overflow.hpp"
#include "spool/ring_file.hpp"
#include "spool/spool_error.hpp"
#include "spool/spool_lock.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace logboom::spool {

/// LOGBOOM_SPOOL, else $XDG_STATE_HOME/logboom/spool, else ~/.local/state/logboom/spool, else (no HOME) /tmp/logboom-UID/spool.
std::filesystem::path default_root();

/// `<root>/<id as 32 hex digits>/`: `lock`, `publisher`, `catalogue`, `clock`, `ring.<stream>`, `overflow.<n>`
class Spool {
 public:
  /// Makes a new directory (0700), complete before it is seen under its name, and locks it. Makes `root` if need be; clears away what others
  /// did not finish making or removing. `endpoints`: where the records are to go, for whoever adopts it. @throws std::system_error, SpoolError when `root` belongs to another user
  static Spool create(std::filesystem::path const& root, wire::Publisher const& publisher,
                      std::span<std::string const> endpoints = {});
  /// The addresses of a spool's collectors, whoever owns it; empty: not known (an older version's, damaged, or gone).
  /// @throws std::system_error when there are no file descriptors or no memory now
  static std::vector<std::string> endpoints(std::filesystem::path const& directory);
  /// Takes over a directory whose owner is gone. Nothing if it is locked, gone, or this process's own.
  /// @throws SpoolError when it cannot be read (named; left as it is), std::system_error
  static std::optional<Spool> adopt(std::filesystem::path const& directory);
  /// Directories below `root` that look like spools, oldest first. A missing root is empty.
  static std::vector<std::filesystem::path> list(std::filesystem::path const& root);
  /// Removes the half-made and half-removed directories of dead processes below `root`. Never fails.
  static void sweep(std::filesystem::path const& root) noexcept;

  Spool(Spool&&) noexcept = default;
  Spool& operator=(Spool&&) noexcept = default;
  ~Spool() = default;  // gives up the lock; the directory stays, for whoever adopts it

  std::filesystem::path const& directory() const noexcept { return directory_; }
  wire::Publisher const& publisher() const noexcept { return publisher_; }
  ClockFile& clock() noexcept { return clock_; }
  Overflow& overflow() noexcept { return overflow_; }

  // --- owner
  /// `ring.<stream>`. Any thread. @throws std::system_error
  RingFile create_ring(std::uint64_t stream, std::size_t capacity = kDefaultRing) const;
  /// On file when they return. One caller at a time. @throws std::system_error
  void append_site(wire::CallSite const& site);
  void append_logger(std::uint64_t ref, std::string_view name);

  // --- whoever adopted it
  /// Read from the file. A reference it lacks gives a text that says so.
  wire::Catalogue const& catalogue() const noexcept { return catalogue_; }
  struct Rings {
    std::vector<RingFile> readable;  // by stream
    std::vector<std::string> left_out;  // one line each: rings that cannot be read (of a newer version, no ring at all)
    std::vector<std::string> damage;  // one line each: places in the readable ones
  };
  /// @throws std::system_error when there are no file descriptors or no memory now
  Rings open_rings() const;
  /// What was found damaged on adoption: one line each.
  std::vector<std::string> const& problems() const noexcept { return problems_; }

  /// Removes the whole directory, whatever is in it, and gives up the lock. False if that failed: it then stays a spool, or is swept away later.
  bool remove() noexcept;
  struct Aside {
    std::filesystem::path kept;                  // empty when it could not be renamed …
    std::error_code error;                       // … because of this
    std::vector<std::filesystem::path> removed;  // older ones, to keep to kMaxAside
  };
  static constexpr std::size_t kMaxAside = 16;  // below a root
  /// What cannot be read is not deleted, since another version may be able to; nor left in place, or it would be adopted for ever: it becomes `<id>.unreadable`.
  Aside set_aside();
  /// In a forked child: closes what was inherited and touches no file.
  void forget() noexcept;

 private:
  Spool(std::filesystem::path directory, SpoolLock lock, wire::Publisher publisher, ClockFile clock,
        Overflow overflow);

  std::filesystem::path directory_;
  std::optional<SpoolLock> lock_;
  wire::Publisher publisher_;
  ClockFile clock_;
  Overflow overflow_;
  std::optional<CatalogueFile> catalogue_file_;  // of the owner
  SpooledCatalogue catalogue_;
  std::vector<std::string> problems_;
};

}  // namespace logboom::spool
