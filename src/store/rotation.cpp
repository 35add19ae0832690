#include "store/rotation.hpp"

#include "posix/fault_point.hpp"
#include "store/closed_files.hpp"
#include "store/next_file.hpp"
#include "store/sync_directory.hpp"

#include <fmt/core.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

namespace logboom::store {
namespace {

[[noreturn]] void fail(char const* what, std::string const& path) {
  throw std::system_error(errno, std::generic_category(), fmt::format("{} {}", what, path));
}

std::string directory_of(std::string const& path) {
  return std::filesystem::path(path).parent_path().string();
}

bool is_same_file(std::string const& a, std::string const& b) {
  struct stat one {};
  struct stat other {};
  return ::stat(a.c_str(), &one) == 0 && ::stat(b.c_str(), &other) == 0 && one.st_dev == other.st_dev &&
         one.st_ino == other.st_ino;
}

void remove_log(std::string const& path) {
  for (char const* end : {"-shm", "-wal"}) {
    if (::unlink((path + end).c_str()) != 0 && errno != ENOENT) fail("cannot remove", path + end);
  }
  // Before the new file is there under this name: it must never meet the old one's log, not even after a power cut.
  sync_directory(directory_of(path));
}

void give_name(std::string const& path) {
  if (::rename(next_path(path).c_str(), path.c_str()) != 0) fail("cannot rename the next file to", path);
  sync_directory(directory_of(path));
}

}  // namespace

void rotate(std::string const& path, std::string const& closed,
            std::function<bool(std::string const&)> const& current,
            std::function<void(RotationStep)> const& after_step) {
  if (::link(path.c_str(), closed.c_str()) != 0) fail("cannot give the full file the name", closed);
  if (!current(closed)) {
    ::unlink(closed.c_str());
    errno = ESTALE;
    fail("somebody replaced", path);
  }
  sync_directory(closed_directory(path));
  after_step(RotationStep::kLinked);
  fault_point("rotation.linked");
  remove_log(path);
  after_step(RotationStep::kLogRemoved);
  fault_point("rotation.log_removed");
  give_name(path);
  after_step(RotationStep::kRenamed);
  fault_point("rotation.renamed");
}

void undo_rotation(std::string const& path) noexcept try {
  remove_database(next_path(path));
  for (ClosedFile const& file : list_closed(path)) {
    if (is_same_file(file.path, path)) ::unlink(file.path.c_str());
  }
} catch (std::exception const&) {
  // A directory that cannot be read: whoever reads the store says so.
}

void begin_store(std::string const& path) {
  remove_log(path);
  give_name(path);
}

}  // namespace logboom::store
