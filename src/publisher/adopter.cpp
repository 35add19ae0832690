// Looks for orphaned spools from time to time.
#include "publisher/adopter.hpp"

#include "posix/background_thread.hpp"
#include "publisher/recovery.hpp"
#include "publisher/same_bus.hpp"
#include "spool/spool.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <random>
#include <span>
#include <utility>

namespace logboom::publisher {

struct Adopter::Shared {
  std::vector<std::filesystem::path> roots;
  std::vector<delivery::Endpoint> endpoints;
  curve::ClientKeys keys;
  std::atomic<bool> stopping{false};
  std::atomic<std::uint64_t> adopted{0};
  std::mutex mutex;
  std::condition_variable changed;
  bool gone = false;
  std::vector<std::string> reports;

  void run();
  void wait(std::chrono::milliseconds pause);
};

namespace {

constexpr std::size_t kCrowd = 32;  // spools; so many who start at once do not look at once

/// A span around which looks are due. Hundreds of publishers that look at each other's locks must not keep the machine busy with it: of each other, so that it is the square.
std::chrono::milliseconds span(std::size_t spools) {
  return std::clamp<std::chrono::milliseconds>(std::chrono::milliseconds(spools * spools),
                                               std::chrono::seconds(10), std::chrono::minutes(10));
}

/// Nor all at the same time.
std::chrono::milliseconds up_to(std::chrono::milliseconds most) {
  thread_local std::minstd_rand random(std::random_device{}());
  return std::chrono::milliseconds(random() % static_cast<std::uint64_t>(most.count()));
}

}  // namespace

void Adopter::Shared::wait(std::chrono::milliseconds pause) {
  std::unique_lock lock(mutex);
  changed.wait_for(lock, pause, [this] { return stopping.load(std::memory_order_relaxed); });
}

void Adopter::Shared::run() {
  RecoverOptions options;
  options.destination = [this](std::span<std::string const> recorded) {
    bool const ours = recorded.empty() || any_of_bus(recorded, endpoints);
    return ours ? endpoints : RecoverOptions::Endpoints();
  };
  options.keys = keys;
  options.stop = [this] { return stopping.load(std::memory_order_relaxed); };
  options.report = [this](std::string_view line) {
    std::lock_guard const lock(mutex);
    if (reports.size() < 16) reports.emplace_back(line);
  };
  Recovery recovery(std::move(options));
  if (auto const others = spool::Spool::list(roots.front()).size(); others > kCrowd)
    wait(up_to(span(others)));
  while (!stopping.load(std::memory_order_relaxed)) {
    auto const found = recovery.sweep(roots);
    adopted.fetch_add(found.spools, std::memory_order_relaxed);
    auto const base = span(found.in_use + found.left + found.others + found.unreadable);
    wait(base + up_to(base / 2));
  }
  std::lock_guard const lock(mutex);
  gone = true;
  changed.notify_all();
}

Adopter::Adopter(std::vector<std::filesystem::path> roots, std::vector<delivery::Endpoint> endpoints,
                 curve::ClientKeys keys)
    : shared_(std::make_shared<Shared>()) {
  shared_->roots = std::move(roots);
  shared_->endpoints = std::move(endpoints);
  shared_->keys = std::move(keys);
}

void Adopter::allow() {
  if (thread_.joinable() || shared_->stopping.load(std::memory_order_relaxed)) return;
  thread_ = posix::background_thread("logboom-adopt", [shared = shared_] { shared->run(); });
}

void Adopter::stop() noexcept {
  {
    std::lock_guard const lock(shared_->mutex);
    shared_->stopping.store(true, std::memory_order_relaxed);
  }
  shared_->changed.notify_all();
  if (!thread_.joinable()) return;
  std::unique_lock lock(shared_->mutex);
  auto const ended = shared_->changed.wait_for(lock, std::chrono::seconds(1), [this] { return shared_->gone; });
  lock.unlock();
  // A name server or a disk that does not answer must not hold up the program's end; the thread owns all that it uses.
  if (ended)
    thread_.join();
  else
    thread_.detach();
}

std::uint64_t Adopter::adopted() const noexcept { return shared_->adopted.load(std::memory_order_relaxed); }

std::vector<std::string> Adopter::take_reports() {
  std::lock_guard const lock(shared_->mutex);
  return std::exchange(shared_->reports, {});
}

}  // namespace logboom::publisher
