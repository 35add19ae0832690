#include "store/left_file.hpp"

#include "store/aside_name.hpp"
#include "store/output_file.hpp"

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Exception.h>
#include <fmt/core.h>
#include <sqlite3.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace logboom::store {
namespace {

constexpr int kPatienceMs = 1'000;  // with readers of the file that was left
constexpr std::string_view kDeleted = " (deleted)";

int open_handle(std::string const& path) { return ::open(path.c_str(), O_PATH | O_CLOEXEC | O_NOFOLLOW); }

std::string link_of(int handle) { return fmt::format("/proc/self/fd/{}", handle); }

bool has_name(int handle) {
  struct stat status {};
  return ::fstat(handle, &status) == 0 && status.st_nlink > 0;
}

[[noreturn]] void fail(char const* what, std::string const& path) {
  throw std::system_error(errno, std::generic_category(), fmt::format("{} {}", what, path));
}

void copy_bytes(int from, OutputFile& to, std::string const& path) {
  constexpr std::size_t kPart = 1U << 20U;
  std::vector<std::byte> part(kPart);
  for (off_t at = 0;;) {
    auto const size = ::pread(from, part.data(), kPart, at);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) fail("cannot read what becomes", path);
    if (size == 0) break;
    to.write(std::span(part).first(static_cast<std::size_t>(size)));
    at += size;
  }
  to.sync();
}

/// Makes one file of a copied database and its log. @throws what SQLite says, or when it is not all there.
void settle_copy(std::string const& copy, std::int64_t last_id) {
  SQLite::Database db(copy, SQLite::OPEN_READWRITE);
  db.exec("PRAGMA synchronous=FULL; PRAGMA wal_checkpoint(TRUNCATE)");
  auto const found = db.execAndGet("SELECT ifnull(max(id), 0) FROM record").getInt64();
  if (found < last_id)
    throw std::runtime_error(fmt::format("the copy {} ends at record {} of {}", copy, found, last_id));
}

}  // namespace

OpenedFiles::Identity OpenedFiles::identify(std::string const& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return {};
  return {found.st_dev, found.st_ino};
}

OpenedFiles::OpenedFiles(std::string path)
    : path_(std::move(path)),
      file_(identify(path_)),
      log_(identify(path_ + "-wal")),
      index_(identify(path_ + "-shm")),
      file_handle_(open_handle(path_)),
      log_handle_(open_handle(path_ + "-wal")) {}

OpenedFiles::~OpenedFiles() {
  for (int const fd : {file_handle_, log_handle_, file_copy_, log_copy_}) {
    if (fd >= 0) ::close(fd);
  }
}

// SQLITE_FCNTL_HAS_MOVED does not look at the log, whose loss is as bad.
bool OpenedFiles::moved() const { return identify(path_) != file_ || identify(path_ + "-wal") != log_; }

/// False once another database was opened under the old name and took the index that was left there for its own: then the connection's view of the log is void.
bool OpenedFiles::index_is_ours() const {
  auto const here = identify(path_);
  bool const replaced = here != Identity{} && here != file_;
  return !(replaced && identify(path_ + "-wal") != log_ && identify(path_ + "-shm") == index_);
}

// The connection's descriptors are of the files that it opened, whatever these are called by now.
bool OpenedFiles::empty_log(SQLite::Database& db) const {
  int in_log = 0;
  int done = 0;
  sqlite3_busy_timeout(db.getHandle(), kPatienceMs);
  int const result = sqlite3_wal_checkpoint_v2(db.getHandle(), "main", SQLITE_CHECKPOINT_FULL, &in_log, &done);
  return result == SQLITE_OK && in_log == done;
}

std::string OpenedFiles::name_now() const {
  std::error_code failed;
  auto const link = std::filesystem::read_symlink(link_of(file_handle_), failed).string();
  return failed || link.ends_with(kDeleted) ? fmt::format("the file that was {}", path_) : link;
}

void OpenedFiles::copy(int& source, int handle, std::string const& to) const {
  if (source < 0) source = ::open(link_of(handle).c_str(), O_RDONLY | O_CLOEXEC);
  if (source < 0) fail("cannot open what becomes", to);
  OutputFile target(to, 0600);
  copy_bytes(source, target, to);
}

// Bytes of both files, not SQLite's backup: that reads through the index, which may be another database's by now. The log's own checks say where it ends.
std::string OpenedFiles::rescue(std::int64_t last_id) {
  auto const name = aside_name(path_, "rescued");
  try {
    copy(file_copy_, file_handle_, name);
    copy(log_copy_, log_handle_, name + "-wal");
    settle_copy(name, last_id);
    return fmt::format("the records until now were rescued into {}", name);
  } catch (std::exception const& cause) {
    for (char const* end : {"", "-wal", "-shm"}) ::unlink((name + end).c_str());
    auto const where = has_name(file_handle_)
                           ? fmt::format("the newest records until now are missing in {}", name_now())
                           : std::string("the records until now are gone with it");
    return fmt::format("{}: they could not be rescued ({})", where, cause.what());
  }
}

void OpenedFiles::drop_old_names() const {
  if (identify(path_) == file_) return;  // they are its own
  if (identify(path_ + "-wal") == log_) ::unlink((path_ + "-wal").c_str());
  if (identify(path_ + "-shm") == index_) ::unlink((path_ + "-shm").c_str());
}

std::string OpenedFiles::leave(SQLite::Database& db, std::int64_t last_id) {
  bool const whole = has_name(file_handle_) && index_is_ours() && empty_log(db);
  auto where = whole ? fmt::format("the records until now are in {}", name_now()) : rescue(last_id);
  drop_old_names();
  return where;
}

}  // namespace logboom::store
