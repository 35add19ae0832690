// ctest: timeout=300
// The log file of a process that is killed before each of its calls to the system in turn, or within a write; and of one whose writes fail half way.
// This executable's own open, write, rename … stand before the C library's.
#include "sinks/log_file.hpp"

#include "log_file_fixture.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace {

std::atomic<int> kill_in = 0;      // calls until this process kills itself; 0: never
std::atomic<bool> tear = false;    // if it is a write, within it
std::atomic<int> fail_in = 0;      // writes until one is done in part, and the one after it fails
std::atomic<int> failed_cuts = 0;  // so many calls of ftruncate fail

bool last_call() { return kill_in > 0 && kill_in.fetch_sub(1) == 1; }
void die() { ::kill(::getpid(), SIGKILL); }
void step() {
  if (last_call()) die();
}

}  // namespace

extern "C" {

int open(char const* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  auto const mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  step();
  return static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

ssize_t write(int fd, void const* data, size_t size) {
  if (last_call()) {
    if (tear && size > 1) ::syscall(SYS_write, fd, data, size / 2);
    die();
  }
  if (fail_in > 0 && fail_in.fetch_sub(1) == 1) {
    if (size <= 1) {
      errno = ENOSPC;
      return -1;
    }
    fail_in = 1;  // the rest of it
    return ::syscall(SYS_write, fd, data, size / 2 > 0 ? std::min<size_t>(size / 2, 37) : 1);
  }
  return ::syscall(SYS_write, fd, data, size);
}

int renameat2(int from_fd, char const* from, int to_fd, char const* to, unsigned flags) noexcept {
  step();
  return static_cast<int>(::syscall(SYS_renameat2, from_fd, from, to_fd, to, flags));
}

int rename(char const* from, char const* to) noexcept {
  step();
  return static_cast<int>(::syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}

int unlink(char const* path) noexcept {
  step();
  return static_cast<int>(::syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}

int ftruncate(int fd, off_t size) noexcept {
  step();
  if (failed_cuts > 0 && failed_cuts.fetch_sub(1) > 0) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_ftruncate, fd, size));
}

int fsync(int fd) {
  step();
  return static_cast<int>(::syscall(SYS_fsync, fd));
}

}  // extern "C"

namespace logboom::sinks {
namespace {

constexpr std::int64_t kNow = kNoon * kNanoseconds;

struct Kind {
  std::string path;
  std::uint64_t max_size;
  std::uint32_t keep;
  bool compress;
  char const* when;
};

class LogFileKill : public LogDirectory {
 protected:
  LogFile::Options options(Kind const& kind) const {
    LogFile::Options made;
    made.path = path(kind.path);
    made.max_size = kind.max_size;
    made.keep = kind.keep;
    made.compress = kind.compress;
    made.utc = true;
    if (kind.when != nullptr) {
      auto schedule = RotationSchedule::parse(kind.when);
      schedule.utc = true;
      made.schedule.emplace(schedule);
    }
    return made;
  }

  static std::string record(int i) { return "record " + std::to_string(i) + " of some length\n"; }
  // Two days in some hours of steps, so that a schedule has something to do.
  static std::int64_t time_of(int i) { return kNow + i * 3'600 * kNanoseconds; }

  bool left_to_compress(LogFile const& file, Kind const& kind) const {
    if (!kind.compress) return false;
    for (auto const& name : names())
      if (!name.ends_with(".zst") && path(name) != file.current()) return true;
    return false;
  }

  // Records `from` to `to`, two a chunk; `acked`: those whose append has returned.
  void work(Kind const& kind, int from, int to, std::atomic<int>& acked) const {
    LogFile file(options(kind));
    for (int i = from; i < to; i += 2) {
      LogChunk made;
      made.add(record(i));
      made.add(record(i + 1));
      while (!made.empty()) file.append(made, time_of(i));
      acked = i + 2;
    }
    auto const end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (left_to_compress(file, kind)) {
      if (std::chrono::steady_clock::now() > end) return;
      file.tick(time_of(to));
      std::this_thread::yield();
    }
  }

  static std::string plain_name(std::string const& name) {
    return name.ends_with(".zst") ? name.substr(0, name.size() - 4) : name;
  }

  // The numbers of the records in all files, in no order; what is no record, apart.
  std::multiset<int> records(std::vector<std::string>& torn) const {
    std::multiset<int> found;
    for (auto const& name : names()) {
      EXPECT_FALSE(name.ends_with(".tmp")) << name;
      EXPECT_TRUE(name == plain_name(name) || !std::filesystem::exists(path(plain_name(name)))) << name;
      auto const text = content(name);
      EXPECT_TRUE(text.empty() || text.back() == '\n') << name;
      int before = -1;
      for (auto const& line : lines(text)) {
        int number = -1;
        if (std::sscanf(line.c_str(), "record %d of", &number) == 1 && line + '\n' == record(number)) {
          EXPECT_GT(number, before) << name;
          before = number;
          found.insert(number);
        } else {
          torn.push_back(line);
        }
      }
    }
    return found;
  }

  void clear() const {
    for (auto const& name : names()) std::filesystem::remove(path(name));
  }

  /// @return false: it came to its end before
  bool killed_at(int call, bool within, Kind const& kind, int& acked) const {
    auto* const shared = static_cast<std::atomic<int>*>(
        ::mmap(nullptr, sizeof(std::atomic<int>), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    *shared = 0;
    auto const child = ::fork();
    if (child == 0) {
      kill_in = call;
      tear = within;
      work(kind, 0, 16, *shared);
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    acked = *shared;
    ::munmap(shared, sizeof *shared);
    EXPECT_TRUE(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0) << status;
    return WIFSIGNALED(status);
  }

  void kill_everywhere(Kind const& kind) const {
    int calls = 0;
    for (bool const within : {false, true}) {
      for (int call = 1;; ++call) {
        SCOPED_TRACE("killed at call " + std::to_string(call) + (within ? ", within a write" : ""));
        int acked = 0;
        bool const killed = killed_at(call, within, kind, acked);
        std::atomic<int> ignored = 0;
        work(kind, 100, 110, ignored);
        check(kind, acked, within);
        clear();
        if (testing::Test::HasFailure()) return;
        if (!killed) {
          calls = call;
          break;
        }
      }
    }
    EXPECT_GT(calls, 20);
  }

  void check(Kind const& kind, int acked, bool within) const {
    std::vector<std::string> torn;
    auto const found = records(torn);
    EXPECT_LE(torn.size(), within ? 1U : 0U);
    std::set<int> const once(found.begin(), found.end());
    EXPECT_EQ(once.size(), found.size()) << "no record twice";
    if (kind.keep == 0) {
      for (int i = 0; i < acked; ++i) EXPECT_EQ(once.count(i), 1U) << i;
      for (int i = 100; i < 110; ++i) EXPECT_EQ(once.count(i), 1U) << i;
      return;
    }
    // What is kept is the latest, without a hole, in at most so many files.
    EXPECT_LE(names().size(), kind.keep + 1U);
    EXPECT_TRUE(once.count(109) == 1);
    auto const oldest = *once.begin();
    for (int i = oldest; i < acked; ++i) EXPECT_EQ(once.count(i), 1U) << i;
    for (int i = std::max(oldest, 100); i < 110; ++i) EXPECT_EQ(once.count(i), 1U) << i;
  }
};

TEST_F(LogFileKill, BySize) { kill_everywhere({"app.log", 80, 0, false, nullptr}); }
TEST_F(LogFileKill, BySizeWithAFewKept) { kill_everywhere({"app.log", 80, 3, false, nullptr}); }
TEST_F(LogFileKill, BySizeCompressed) { kill_everywhere({"app.log", 80, 0, true, nullptr}); }
TEST_F(LogFileKill, ByTime) { kill_everywhere({"app.log", 0, 0, false, "H"}); }
TEST_F(LogFileKill, ByTimeAndSizeCompressed) { kill_everywhere({"app.log", 80, 0, true, "midnight"}); }
TEST_F(LogFileKill, ByTimeAndSizeWithAFewKept) { kill_everywhere({"app.log", 80, 2, false, "midnight"}); }
TEST_F(LogFileKill, ByName) { kill_everywhere({"app-%Y%m%d-%H.log", 0, 0, false, nullptr}); }
TEST_F(LogFileKill, ByNameAndSizeCompressedWithAFewKept) {
  kill_everywhere({"app-%Y%m%d.log", 80, 3, true, "midnight"});
}

TEST_F(LogFileKill, AWriteThatFailsHalfWayLeavesNoHalfRecord) {
  std::mt19937_64 random(9);
  for (int round = 0; round < 300; ++round) {
    LogFile file(options({"app.log", 0, 0, false, nullptr}));
    std::string all;
    int number = 0;
    for (int i = 0; i < 5; ++i) {
      LogChunk made;
      for (auto n = 1 + random() % 6; n > 0; --n) {
        made.add(record(number));
        all += record(number++);
      }
      file.open(kNow);
      fail_in = static_cast<int>(random() % 3);
      failed_cuts = static_cast<int>(random() % 3);
      int errors = 0;
      while (!made.empty()) {
        try {
          file.append(made, kNow);
        } catch (LogFileError const& error) {
          ASSERT_LT(++errors, 10) << error.what();
          // What is not in the file is in the chunk.
          if (failed_cuts <= 0) {
            auto const text = content("app.log");
            ASSERT_TRUE(all.starts_with(text) || error.code().value() == EIO) << text;
          }
          fail_in = 0;
        }
      }
      fail_in = 0;
      failed_cuts = 0;
      ASSERT_EQ(content("app.log"), all);
    }
    clear();
  }
}

}  // namespace
}  // namespace logboom::sinks
