// What becomes of the records in a store's file that was moved, replaced or removed while it was open: SQLite goes on writing to files that have
// lost their names, and whoever opens the old name next throws away the write-ahead log it finds there.
// Must not know what the store holds, nor who writes it.
#pragma once

#include <SQLiteCpp/Database.h>

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace logboom::store {

/// The files behind a connection, known by what they are and not by their names. Made right after the connection is opened; for one thread.
class OpenedFiles {
 public:
  explicit OpenedFiles(std::string path);
  ~OpenedFiles();
  OpenedFiles(OpenedFiles const&) = delete;
  OpenedFiles& operator=(OpenedFiles const&) = delete;

  /// The file or its log is no longer what its name stands for.
  bool moved() const;
  /// `path` is a name of the file.
  bool is_file(std::string const& path) const { return identify(path) == file_; }

  /// After moved(), with every connection of this process idle: sees to it that all that was committed is in one file with a name. Where the file still has one, the log is
  /// emptied into it; otherwise (removed, or a reader keeps the log from being emptied) both are copied to `PATH.rescued-TIME`. Takes the
  /// log's old name away if it still has it, so that the next database of that name does not find it there.
  /// @param last_id the highest id in `record`: a copy that lacks it is none.
  /// @return for people, a clause: where the records are, or why they are nowhere. Does not throw for what the system refuses.
  std::string leave(SQLite::Database& db, std::int64_t last_id);

 private:
  struct Identity {
    dev_t device = 0;
    ino_t inode = 0;
    friend bool operator==(Identity const&, Identity const&) = default;
  };
  static Identity identify(std::string const& path);
  bool index_is_ours() const;
  bool empty_log(SQLite::Database& db) const;
  std::string name_now() const;
  std::string rescue(std::int64_t last_id);
  void copy(int& source, int handle, std::string const& to) const;
  void drop_old_names() const;

  std::string const path_;
  Identity const file_, log_, index_;
  int file_handle_, log_handle_;        // O_PATH: closing one gives no lock of this process away
  int file_copy_ = -1, log_copy_ = -1;  // readable; closed after the connections are, for the same reason
};

}  // namespace logboom::store
