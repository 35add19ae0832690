// Records read back from a store, while it is being written or later.
#pragma once

#include <logboom/filter.hpp>

#include <cstddef>
#include <functional>
#include <stdexcept>
#include <string>

namespace logboom {

/// The store's file cannot be opened, read or written; what() is one line that names the file, the reason and the mend.
class LOGBOOM_API StoreError : public std::runtime_error {
 public:
  enum class Kind {
    kUnusable,   ///< missing, not a store, of a newer version, no permission: a person has to act
    kLocked,     ///< another collector writes to it
    kTransient,  ///< disk full, I/O error, busy: nothing was written, and the same call may be repeated
    kMoved,      ///< the file was unlinked, renamed or replaced while open: open the path anew
    kDamaged,  ///< what is in the file contradicts itself, or is no database: `logboom repair` salvages what can be read
  };

  explicit StoreError(std::string const& line, Kind kind = Kind::kUnusable)
      : std::runtime_error(line), kind_(kind) {}
  ~StoreError() override;

  Kind kind() const noexcept { return kind_; }
  /// The same call may succeed later, on the same object.
  bool retryable() const noexcept { return kind_ == Kind::kTransient; }

 private:
  Kind kind_;
};

struct Query {
  Filter filter;
  std::size_t last = 0;       ///< the newest N records that pass, in ascending order; 0 = all
  std::int64_t after_id = 0;  ///< only ids greater than this
  std::int64_t up_to_id = 0;  ///< only ids up to this; 0 = no bound
  /// Only records with all these words in message or exception, 4,096 bytes at most; "" = any. A word is a run of letters and digits, without case and diacritics;
  /// `word*` takes all that begin so; "two words" in quotes, or time-out, are words one behind the other. Immediate in closed files with a full-text index, and tested record by record elsewhere.
  std::string text = {};
  /// Told, in one line, that a closed file of the store was removed (by retention) while the query was on its way to it: its records are left out. Not set: nobody is told.
  std::function<void(std::string const&)> notice = {};
};

/// `database` is the store's file; its closed files (docs/store.md, "Many files") are read as well. A closed file may be named itself, and is read alone.
/// Calls `visit` for each record that passes, in ascending order of id, until it returns false. Streams: memory does not grow with the number of records
/// (with `last`, it holds ids only). Reads a consistent state: records committed after the call began are not seen. Blocks the caller, never the writer.
/// @throws StoreError; std::invalid_argument for a malformed filter or text; whatever `visit` throws.
LOGBOOM_API void query(std::string const& database, Query const& query,
                       std::function<bool(Record const&)> const& visit);

}  // namespace logboom
