// Chooses what the log call reads as its clock. Must not know files of the spool.
#include "spool/tick_clock.hpp"

#include <logboom/detail/clock.hpp>

#include <fcntl.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <ctime>
#include <stdexcept>
#include <string>
#include <string_view>

namespace logboom {

bool spool::lists_tsc(std::string_view clocks) noexcept {
  constexpr std::string_view kBlanks = " \n";
  for (std::size_t at = 0; (at = clocks.find_first_not_of(kBlanks, at)) != std::string_view::npos;) {
    std::size_t const end = std::min(clocks.find_first_of(kBlanks, at), clocks.size());
    if (clocks.substr(at, end - at) == "tsc") return true;
    at = end;
  }
  return false;
}

namespace {

// Among what the kernel could keep time by it lists the counter only as long as it takes it to be steady and in step on all processors. (A KVM guest keeps time by `kvm-clock`, which is
// made from the counter, and lists both.)
bool kernel_trusts_tsc() noexcept {
  int const file =
      ::open("/sys/devices/system/clocksource/clocksource0/available_clocksource", O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  char text[256] = {};
  ssize_t const size = ::read(file, text, sizeof text);
  ::close(file);
  return size > 0 && spool::lists_tsc(std::string_view(text, static_cast<std::size_t>(size)));
}

bool tsc_is_invariant() noexcept {
#if defined(__x86_64__)
  constexpr unsigned kPowerManagement = 0x8000'0007U;
  constexpr unsigned kInvariantTsc = 1U << 8U;  // Linux: constant_tsc and nonstop_tsc
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(kPowerManagement, &a, &b, &c, &d) != 0 && (d & kInvariantTsc) != 0;
#else
  return false;
#endif
}

std::string_view clock_asked_for() noexcept {
  char const* const value =
      std::getenv("LOGBOOM_CLOCK");  // NOLINT(concurrency-mt-unsafe): nobody sets it in a library
  return value != nullptr ? value : "";
}

detail::TickSource decided() noexcept {
  std::string_view const asked = clock_asked_for();
  if (asked == "system" || !tsc_is_invariant()) return detail::TickSource::kRealtime;
  return asked == "tsc" || kernel_trusts_tsc() ? detail::TickSource::kTsc : detail::TickSource::kRealtime;
}

}  // namespace

void spool::check_clock_variable() {
  std::string_view const asked = clock_asked_for();
  if (asked == "tsc" && !tsc_is_invariant())
    throw std::invalid_argument("this processor has no counter that runs at one rate; leave it unset");
  if (!asked.empty() && asked != "auto" && asked != "tsc" && asked != "system")
    throw std::invalid_argument("\"" + std::string(asked) + "\" is none of auto, tsc, system");
}

namespace detail {

constinit Atomic<TickSource> tick_source_word{TickSource::kUndecided};

TickSource tick_source() noexcept {
  TickSource source = tick_source_word.load_relaxed();
  if (source != TickSource::kUndecided) return source;
  TickSource const found = decided();
  // The first answer stands, even if the kernel changes its mind between two threads' questions.
  return tick_source_word.compare_exchange_relaxed(source, found) ? found : source;
}

std::int64_t ticks_slow() noexcept {
#if defined(__x86_64__)
  if (tick_source() == TickSource::kTsc) return static_cast<std::int64_t>(__builtin_ia32_rdtsc());
#endif
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace detail
}  // namespace logboom
