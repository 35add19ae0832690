// Looking at spools without touching them. Must not know what is in one.
#include "cli/spool_check.hpp"

#include "cli/address_probe.hpp"
#include "publisher/same_bus.hpp"
#include "publisher/settings.hpp"
#include "spool/spool.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

namespace logboom::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLeast = 4U << 20U;     // bytes free, for a few rings
constexpr std::uint64_t kPlenty = 256U << 20U;  // for an hour without a collector, or so
constexpr std::chrono::seconds kAdopted{30};    // by then a collector has seen a spool, and begun with it

char const* mend() { return "set LOGBOOM_SPOOL to a directory of your own with room in it"; }

/// The directory itself, or the nearest above it that is there.
fs::path existing(fs::path path) {
  std::error_code unknown;
  while (!fs::exists(path, unknown) && path.has_parent_path() && path != path.parent_path())
    path = path.parent_path();
  return path;
}

/// A spool's file, in small. @return "" or why it cannot be
std::string try_file(fs::path const& directory) {
  auto const name = (directory / fmt::format(".doctor-{}", ::getpid())).native();
  int const fd = ::open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return std::strerror(errno);
  constexpr off_t kSize = 128 << 10;
  rlimit limit{};
  int error = 0;
  // Asked first: past the limit the process would get SIGXFSZ.
  if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < static_cast<rlim_t>(kSize))
    error = EFBIG;
  else
    error = ::posix_fallocate(fd, 0, kSize);
  ::close(fd);
  ::unlink(name.c_str());
  return error == 0 ? std::string() : std::strerror(error);
}

struct Waiting {
  std::size_t ours = 0, others = 0, fresh = 0, in_use = 0, strange = 0;
  std::uint64_t bytes = 0;  // of ours
};

std::uint64_t bytes_in(fs::path const& spool) {
  std::uint64_t bytes = 0;
  std::error_code failed;
  for (fs::directory_iterator entry(spool, failed), end; !failed && entry != end; entry.increment(failed)) {
    struct stat status {};
    if (::lstat(entry->path().c_str(), &status) == 0)
      bytes += static_cast<std::uint64_t>(status.st_blocks) * 512;
  }
  return bytes;
}

void look_at(fs::path const& spool, std::span<delivery::Endpoint const> endpoints, Waiting& waiting) {
  struct stat status {};
  if (::lstat(spool.c_str(), &status) != 0) return;  // gone meanwhile
  if (status.st_uid != ::geteuid() && status.st_uid != 0) {
    ++waiting.strange;
    return;
  }
  if (holder_of_lock((spool / "lock").native()) != 0) {
    ++waiting.in_use;
    return;
  }
  auto const recorded = spool::Spool::endpoints(spool);
  if (!recorded.empty() && !publisher::any_of_bus(recorded, endpoints)) {
    ++waiting.others;
    return;
  }
  auto const age = std::chrono::system_clock::now() - std::chrono::system_clock::from_time_t(status.st_mtime);
  ++(age < kAdopted ? waiting.fresh : waiting.ours);
  waiting.bytes += bytes_in(spool);
}

}  // namespace

void check_spool(Diagnosis& diagnosis) {
  auto const root = publisher::resolve({}).spool_root;
  auto const place = existing(root);
  struct stat status {};
  if (::stat(place.c_str(), &status) != 0 || !S_ISDIR(status.st_mode))
    return diagnosis.fail(
        "spool", fmt::format("{} is no directory, so {} cannot be one", place.native(), root.native()), mend());
  if (place == root && status.st_uid != ::geteuid() && status.st_uid != 0)
    return diagnosis.fail(
        "spool", fmt::format("{} belongs to user {}, who could forge records", root.native(), status.st_uid),
        mend());
  if (auto const problem = try_file(place); !problem.empty())
    return diagnosis.fail(
        "spool",
        fmt::format("{} cannot be written to: {}; records are kept in memory instead, or not at all",
                    place.native(), problem),
        mend());
  struct statvfs volume {};
  std::uint64_t free = UINT64_MAX;
  if (::statvfs(place.c_str(), &volume) == 0) free = std::uint64_t{volume.f_bavail} * volume.f_frsize;
  auto const found =
      fmt::format("{}{}, {} MiB free", root.native(), place == root ? "" : " (to be made)", free >> 20U);
  if (free < kLeast) return diagnosis.fail("spool", found, std::string("make room, or ") + mend());
  if (free < kPlenty)
    return diagnosis.warn("spool", found + ": not for long without a collector",
                          std::string("make room, or ") + mend());
  diagnosis.ok("spool", found);
}

void check_orphans(Diagnosis& diagnosis, std::span<delivery::Endpoint const> endpoints, bool reached) {
  Waiting waiting;
  std::vector<fs::path> roots{publisher::resolve({}).spool_root};
  for (auto& root : publisher::memory_roots()) roots.push_back(std::move(root));
  std::string unreadable;
  for (auto const& root : roots) {
    try {
      for (auto const& spool : spool::Spool::list(root)) look_at(spool, endpoints, waiting);
    } catch (std::system_error const& error) {
      unreadable = error.what();
    }
  }
  auto const found =
      fmt::format("{} of dead publishers wait for this collector ({} KiB){}, {} for others; {} in use",
                  waiting.ours + waiting.fresh, waiting.bytes >> 10U,
                  waiting.fresh > 0 ? fmt::format(", {} of them since a moment ago", waiting.fresh) : "",
                  waiting.others, waiting.in_use);
  if (!unreadable.empty())
    return diagnosis.warn("orphans", unreadable, "look at the directory's owner and permissions");
  if (waiting.strange > 0)
    return diagnosis.warn("orphans",
                          fmt::format("{}; {} belong to other users and are not read", found, waiting.strange),
                          "remove them, or let their owners recover them");
  if (waiting.ours == 0) return diagnosis.ok("orphans", found);
  diagnosis.warn("orphans", found,
                 reached ? "send them with `logboom recover`" : "they are sent when the collector is there");
}

}  // namespace logboom::cli
