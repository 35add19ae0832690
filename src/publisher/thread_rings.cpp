// The rings of a thread: see thread_rings.hpp.
#include "publisher/thread_rings.hpp"

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <mutex>
#include <utility>

namespace logboom::publisher {
namespace {

// Producers lie in wiped pages and are used again; those of the parent are never touched by a child.
struct ProducerPool {
  std::uint64_t generation = 0;
  std::vector<detail::Producer*> free;
};
constinit LazyForkLock g_pool_lock;
constinit ProducerPool* g_pool = nullptr;

detail::Producer* take_producer(std::uint64_t generation) {
  std::lock_guard const guard(g_pool_lock.get());
  if (g_pool == nullptr || g_pool->generation != generation) g_pool = new ProducerPool{generation, {}};
  if (g_pool->free.empty()) {
    constexpr std::size_t kPerPage = kWipedPage / sizeof(detail::Producer);
    g_pool->free.reserve(g_pool->free.capacity() + kPerPage);
    std::byte* const page = wiped_page();
    for (std::size_t i = 0; i < kPerPage; ++i) {
      g_pool->free.push_back(reinterpret_cast<detail::Producer*>(page) + i);
    }
  }
  detail::Producer* const producer = g_pool->free.back();
  g_pool->free.pop_back();
  return new (producer) detail::Producer;
}

void give_producer(detail::Producer* producer) noexcept {
  *producer = detail::Producer{};
  std::lock_guard const guard(g_pool_lock.get());
  g_pool->free.push_back(producer);  // within the capacity reserved for all
}

// 0 not yet, 1 usable, 2 gone. Of a trivial type, so that it may be read at any time in the thread's life.
constinit thread_local int t_stage = 0;
thread_local ThreadRings t_rings;

std::string system_name() {
  std::array<char, 64> name{};
  if (pthread_getname_np(pthread_self(), name.data(), name.size()) != 0) return {};
  return name.data();
}

}  // namespace

ThreadRings* ThreadRings::mine() noexcept {
  if (t_stage == 2) return nullptr;
  ThreadRings* const rings = &t_rings;
  t_stage = 1;
  return rings;
}

ThreadRings::~ThreadRings() {
  give_back(nullptr);
  t_stage = 2;
}

ThreadRings::Entry* ThreadRings::find(State const& publisher, std::uint64_t generation) {
  if (!entries_.empty() && entries_.front().generation != generation) {
    // The parent's: neither its rings nor its counts of references are ours to touch.
    new std::vector<Entry>(std::move(entries_));
    entries_ = {};
    detail::thread_state.producer = &detail::no_producer;
  }
  for (Entry& entry : entries_) {
    if (entry.publisher == &publisher) return &entry;
  }
  return nullptr;
}

ThreadRings::Entry* ThreadRings::add(State& publisher, std::uint64_t generation,
                                     std::shared_ptr<Engine> engine) {
  entries_.reserve(entries_.size() + 1);
  auto const tid = number_ ? *number_ : static_cast<std::uint64_t>(syscall(SYS_gettid));
  detail::Producer* const producer = take_producer(generation);
  auto slot = engine->take_slot(tid, name_.empty() ? system_name() : name_);
  if (slot == nullptr) {
    give_producer(producer);
    return nullptr;
  }
  producer->ring = slot->file.producer();
  producer->publisher = &publisher;
  entries_.push_back({&publisher, generation, std::move(engine), std::move(slot), producer});
  return &entries_.back();
}

void ThreadRings::give_back(State const* publisher) noexcept {
  std::uint64_t const generation = process_generation();
  detail::thread_state.producer = &detail::no_producer;
  for (std::size_t i = entries_.size(); i-- > 0;) {
    Entry& entry = entries_[i];
    if (publisher != nullptr && entry.publisher != publisher) continue;
    if (entry.generation == generation) {
      entry.engine->return_slot(*entry.slot, entry.producer->ring);
      give_producer(entry.producer);
    } else {
      new (std::nothrow) Entry(std::move(entry));
    }
    entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

void ThreadRings::set_name(std::string_view name) {
  name_ = name;
  // The name belongs to a ring: with a new name, another ring.
  give_back(nullptr);
}

void ThreadRings::set_identity(std::uint64_t number, std::string_view name) {
  number_ = number;
  set_name(name);
}

}  // namespace logboom::publisher
