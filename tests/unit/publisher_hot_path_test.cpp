// After a thread's first record a log call takes no lock, allocates nothing and makes no system call: counted, not promised.
// Locks are counted by standing before those of pthreads and, by the linker's --wrap, before our own ForkLock; allocations before malloc and operator new;
// system calls by a seccomp filter on the logging thread.
#include "publisher_fixture.hpp"

#include "publisher/fork.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <mutex>
#include <string>

#include <dlfcn.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/ucontext.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

struct Counts {
  bool on = false;
  std::uint64_t allocations = 0, locks = 0, calls = 0;
};
constinit thread_local Counts t_counts __attribute__((tls_model("initial-exec")));

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* at, std::size_t size);
void __libc_free(void* at);

void* malloc(std::size_t size) {
  if (t_counts.on) ++t_counts.allocations;
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
  if (t_counts.on) ++t_counts.allocations;
  return __libc_calloc(count, size);
}
void* realloc(void* at, std::size_t size) {
  if (t_counts.on) ++t_counts.allocations;
  return __libc_realloc(at, size);
}
void free(void* at) {
  if (t_counts.on && at != nullptr) ++t_counts.allocations;
  __libc_free(at);
}

#define LOGBOOM_COUNT_LOCK(function, type)                                                    \
  int function(type* lock) {                                                                  \
    static auto const next = reinterpret_cast<int (*)(type*)>(::dlsym(RTLD_NEXT, #function)); \
    if (t_counts.on) ++t_counts.locks;                                                        \
    return next(lock);                                                                        \
  }
LOGBOOM_COUNT_LOCK(pthread_mutex_lock, pthread_mutex_t)
LOGBOOM_COUNT_LOCK(pthread_mutex_trylock, pthread_mutex_t)
LOGBOOM_COUNT_LOCK(pthread_rwlock_rdlock, pthread_rwlock_t)
LOGBOOM_COUNT_LOCK(pthread_rwlock_wrlock, pthread_rwlock_t)

// ForkLock::lock() and try_lock(), as tests/unit/CMakeLists.txt tells the linker.
void real_lock(logboom::publisher::ForkLock* lock) noexcept
    __asm__("__real__ZN7logboom9publisher8ForkLock4lockEv");
void wrap_lock(logboom::publisher::ForkLock* lock) noexcept
    __asm__("__wrap__ZN7logboom9publisher8ForkLock4lockEv");
void wrap_lock(logboom::publisher::ForkLock* lock) noexcept {
  if (t_counts.on) ++t_counts.locks;
  real_lock(lock);
}
bool real_try_lock(logboom::publisher::ForkLock* lock) noexcept
    __asm__("__real__ZN7logboom9publisher8ForkLock8try_lockEv");
bool wrap_try_lock(logboom::publisher::ForkLock* lock) noexcept
    __asm__("__wrap__ZN7logboom9publisher8ForkLock8try_lockEv");
bool wrap_try_lock(logboom::publisher::ForkLock* lock) noexcept {
  if (t_counts.on) ++t_counts.locks;
  return real_try_lock(lock);
}

}  // extern "C"
#pragma GCC visibility pop

namespace logboom::publisher::test {
namespace {

// The call is not made; it fails with ENOSYS.
void count_call(int, siginfo_t*, void* context) {
  ++t_counts.calls;
  auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  registers.gregs[REG_RAX] = -ENOSYS;
#else
  static_cast<void>(registers);
#endif
}

/// From here on every system call of this thread, but the return from the handler and the end of the process, is not made, but counted.
bool trap_system_calls() {
  struct sigaction action {};
  action.sa_sigaction = count_call;
  action.sa_flags = SA_SIGINFO;
  if (::sigaction(SIGSYS, &action, nullptr) != 0 || ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return false;
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog const program{static_cast<unsigned short>(std::size(filter)), filter};
  return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

void log_all(Logger log, int i, std::string const& text) {
  LOGBOOM_DEBUG(log, "static");
  LOGBOOM_INFO(log, "{a} {b}", i, 0.5);
  LOGBOOM_INFO(log, "{} {} {}", i, i, text);
  LOGBOOM_WARNING(log, "{}", 'c', field("step", i), field("text", text));
  LOGBOOM_LOG(log, 35, "{}", true);
  Context const context{field("request", i)};
  LOGBOOM_INFO(log, "in a context");
  LOGBOOM_TRACE(log, "not made {}", i);
  LOGBOOM_INFO_EVERY_N(3, log, "of three {}", i);
  LOGBOOM_INFO_EVERY(std::chrono::microseconds(10), log, "of a time {}", i);
  LOGBOOM_INFO_ONCE(log, "once {}", i);
}

constexpr int kNoFilter = 9;

/// Runs `body` in a child whose calls are trapped, after `prepare`. Exit status: 1 allocations + 2 locks + 4 system calls.
template <class Prepare, class Body>
int what_it_took(Prepare const& prepare, Body const& body) {
  pid_t const child = ::fork();
  if (child == 0) {
    prepare();
    if (!trap_system_calls()) ::_exit(kNoFilter);
    t_counts = {};
    t_counts.on = true;
    body();
    t_counts.on = false;
    ::_exit((t_counts.allocations > 0 ? 1 : 0) + (t_counts.locks > 0 ? 2 : 0) + (t_counts.calls > 0 ? 4 : 0));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -status;
}

TEST(TheCounters, Count) {
  int const nothing = what_it_took([] {}, [] {});
  if (nothing == kNoFilter) GTEST_SKIP() << "no seccomp filter allowed here";
  EXPECT_EQ(nothing, 0);
  EXPECT_EQ(what_it_took([] {}, [] { delete new std::string(100, 'x'); }), 1);
  static std::mutex mutex;
  EXPECT_EQ(what_it_took([] {}, [] { std::lock_guard const guard(mutex); }), 2);
  static ForkLock& ours = ForkLock::make();
  EXPECT_EQ(what_it_took([] {},
                         [] {
                           ours.lock();
                           ours.unlock();
                         }),
            2);
  EXPECT_EQ(what_it_took([] {}, [] { ::syscall(SYS_gettid); }), 4);
}

TEST(TheLogCall, TakesNoLockNoMemoryAndNoSystemCallAfterTheFirst) {
  Bus bus([](PublisherOptions& options) {
    options.levels = "debug";
    options.ring_capacity = std::size_t{8} << 20U;
  });
  Logger const log = bus.logger("hot");
  std::string const text = "a text of about thirty-five bytes";
  int const took = what_it_took([&] { log_all(log, 0, text); },
                                [&] {
                                  for (int i = 0; i < 2000; ++i) log_all(log, i, text);
                                });
  if (took == kNoFilter) GTEST_SKIP() << "no seccomp filter allowed here";
  EXPECT_EQ(took, 0) << "1: memory, 2: locks, 4: system calls, or their sum";
}

// Two publishers in turn cost a look into the thread's table, and nothing more.
TEST(TheLogCall, TakesNothingMoreWithTwoPublishersInTurn) {
  Bus one, two;
  Logger const first = one.logger("first"), second = two.logger("second");
  auto const log_both = [&] {
    LOGBOOM_INFO(first, "1");
    LOGBOOM_INFO(second, "2");
  };
  int const took = what_it_took(log_both, [&] {
    for (int i = 0; i < 500; ++i) log_both();
  });
  if (took == kNoFilter) GTEST_SKIP() << "no seccomp filter allowed here";
  EXPECT_EQ(took, 0);
}

}  // namespace
}  // namespace logboom::publisher::test
