// Memory that a forked child finds zeroed: see fork.hpp.
#include "publisher/fork.hpp"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <new>

namespace logboom::publisher {
namespace {

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

// Pages that the kernel would not wipe (Linux before 4.14, some sandboxes): wiped by hand, which a raw clone() escapes.
struct HandWiped {
  std::byte* page;
  HandWiped* next;
};
constinit std::atomic<HandWiped*> g_hand_wiped{nullptr};

void wipe_by_hand() noexcept {
  for (HandWiped* node = g_hand_wiped.load(); node != nullptr; node = node->next)
    std::memset(node->page, 0, kWipedPage);
}

void add_hand_wiped(std::byte* page) {
  auto* node = new HandWiped{page, g_hand_wiped.load()};
  if (node->next == nullptr) pthread_atfork(nullptr, nullptr, wipe_by_hand);
  while (!g_hand_wiped.compare_exchange_weak(node->next, node)) {
  }
}

// The first wiped page of the process: tells a child that it is one.
enum : std::uint32_t { kFresh = 0, kCounting = 1, kCounted = 2 };
constinit std::atomic<std::atomic<std::uint32_t>*> g_counted{nullptr};
constinit std::atomic<std::uint64_t> g_generation{0};

std::atomic<std::uint32_t>* counted_word() noexcept {
  std::atomic<std::uint32_t>* word = g_counted.load(std::memory_order_acquire);
  if (word != nullptr) return word;
  std::byte* page = nullptr;
  try {
    page = wiped_page();
  } catch (std::bad_alloc const&) {
    return nullptr;
  }
  auto* fresh = new (page) std::atomic<std::uint32_t>;
  if (g_counted.compare_exchange_strong(word, fresh)) return fresh;
  return word;  // another thread was first; its page it is (ours is lost: 4 KiB, once)
}

}  // namespace

std::byte* wiped_page() {
  void* const page = mmap(nullptr, kWipedPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) throw std::bad_alloc();
  auto* const bytes = static_cast<std::byte*>(page);
  if (madvise(page, kWipedPage, MADV_WIPEONFORK) != 0) add_hand_wiped(bytes);
  return bytes;
}

std::uint64_t process_generation() noexcept {
  std::atomic<std::uint32_t>* const word = counted_word();
  if (word == nullptr) return 0;
  for (;;) {
    std::uint32_t seen = word->load(std::memory_order_acquire);
    if (seen == kCounted) return g_generation.load(std::memory_order_acquire);
    if (seen == kFresh && word->compare_exchange_strong(seen, kCounting)) {
      g_generation.fetch_add(1);
      word->store(kCounted, std::memory_order_release);
    } else {
      sched_yield();
    }
  }
}

ForkLock& ForkLock::make() { return *new (wiped_page()) ForkLock; }

ForkLock& LazyForkLock::get() {
  ForkLock* known = lock_.load(std::memory_order_acquire);
  if (known != nullptr) return *known;
  ForkLock& fresh = ForkLock::make();
  return lock_.compare_exchange_strong(known, &fresh) ? fresh : *known;
}

void ForkLock::lock() noexcept {
  std::uint32_t seen = 0;
  if (word_.compare_exchange_strong(seen, 1, std::memory_order_acquire)) return;
  if (seen != 2) seen = word_.exchange(2, std::memory_order_acquire);
  while (seen != 0) {
    syscall(SYS_futex, &word_, FUTEX_WAIT_PRIVATE, 2, nullptr, nullptr, 0);
    seen = word_.exchange(2, std::memory_order_acquire);
  }
}

bool ForkLock::try_lock() noexcept {
  std::uint32_t seen = 0;
  return word_.compare_exchange_strong(seen, 1, std::memory_order_acquire);
}

void ForkLock::unlock() noexcept {
  if (word_.exchange(0, std::memory_order_release) == 2)
    syscall(SYS_futex, &word_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

}  // namespace logboom::publisher
