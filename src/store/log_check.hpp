// The write-ahead log as a writer that died left it. SQLite takes the first frame whose checksum is wrong for the end of the log, and with it everything
// that was committed after it; here what stands behind a damaged frame is found and kept. Must not know what is in the pages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace logboom::store {

inline constexpr std::size_t kLogFrameHeader = 24;  // bytes before a page in a log

/// A damaged place of a log.
struct LogDamage {
  std::uint64_t offset = 0;    // in the file: of the frame, 0: of the header
  std::uint32_t page = 0;      // that the frame is of; 0: not known
  bool healed = false;         // one bit was wrong, and it is known which: nothing is lost
  std::uint64_t wrong_at = 0;  // healed, and in a page: the byte in the file that is to be read with
  std::byte wrong_bit{};       // this bit turned round; 0: nothing of a page is wrong
  std::vector<std::uint32_t> pages = {};  // that the frame may be of, the one that it says first; empty: there is no doubt
};

/// A page as the log has it.
struct LogPage {
  std::uint32_t page = 0;
  std::uint64_t offset = 0;  // of its bytes in the file
};

struct LogState {
  std::uint32_t page_size = 0;  // 0: there is no log, or none that can be made out
  std::uint32_t pages = 0;      // of the database, as the last commit says; 0: no commit
  std::uint64_t frames = 0;     // committed
  std::uint64_t unfinished =
      0;  // frames behind them, of a transaction that was being written. (Or of one that was damaged: as after a power cut, nobody can tell.)
  std::vector<LogDamage> damage;  // in what was committed
  std::vector<LogPage> content;   // what was committed, in that order: a page may come often
};

/// Reads only. `log` is the file `PATH-wal`; a missing or empty one is no log. Bounded work: the checksums of a file once, and of a damaged frame some times.
/// @throws std::system_error
LogState check_log(std::string const& log);

/// Of a frame that was committed nobody can say of which page it is.
bool in_doubt(LogState const& state) noexcept;

/// Makes SQLite take all that was committed: bits that were wrong are put right, and checksums made anew behind what cannot be. Only while nobody writes to the database, and not where it is in
/// doubt of which page a frame is: the doubt would be gone, and with it what salvage() makes of it. A copy of the file as it was is made beside it first. Dying over it does no harm: the next call goes on.
/// @return the copy's name. @throws std::system_error, StoreError
std::string mend_log(std::string const& log);

}  // namespace logboom::store
