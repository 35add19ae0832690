// Preloaded into a program under test: its wall clock is ahead of the machine's by what a control file says, from one call to the next.
//
//   LOGBOOM_TEST_CLOCK   the control file, mapped: i64 nanoseconds
//
// What counts time without a date (CLOCK_MONOTONIC) is left alone, as when somebody sets the clock.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

std::int64_t ahead() {
  static std::atomic<std::int64_t> const* const control = []() -> std::atomic<std::int64_t> const* {
    char const* const path = std::getenv("LOGBOOM_TEST_CLOCK");
    int const fd = path == nullptr ? -1 : ::open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return nullptr;
    void* const at = ::mmap(nullptr, sizeof(std::int64_t), PROT_READ, MAP_SHARED, fd, 0);
    ::close(fd);
    return at == MAP_FAILED ? nullptr : static_cast<std::atomic<std::int64_t> const*>(at);
  }();
  return control == nullptr ? 0 : control->load();
}

std::int64_t now(clockid_t clock) {
  using Read = int(clockid_t, timespec*);
  static auto* const real = reinterpret_cast<Read*>(::dlsym(RTLD_NEXT, "clock_gettime"));
  timespec time{};
  real(clock, &time);
  return time.tv_sec * kSecond + time.tv_nsec + ahead();
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  using Read = int(clockid_t, timespec*);
  static auto* const real = reinterpret_cast<Read*>(::dlsym(RTLD_NEXT, "clock_gettime"));
  if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE) return real(clock, time);
  auto const value = now(clock);
  *time = {value / kSecond, value % kSecond};
  return 0;
}

int gettimeofday(timeval* __restrict time, void* __restrict) noexcept {
  auto const value = now(CLOCK_REALTIME);
  *time = {value / kSecond, value % kSecond / 1000};
  return 0;
}

time_t time(time_t* result) noexcept {
  auto const seconds = now(CLOCK_REALTIME) / kSecond;
  if (result != nullptr) *result = seconds;
  return seconds;
}

}  // extern "C"
