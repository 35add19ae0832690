// Reads what dead publishers of this host left in their spools, by sending it to the collector's own address as any publisher would: one way into the store.
// Must not know rings or the delivery protocol.
#pragma once

#include "collector/own_log.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace logboom::collector {

class Adoption {
 public:
  static constexpr std::chrono::milliseconds kEvery{2'000};

  /// @param address of the collector itself, as bound
  Adoption(std::vector<std::string> roots, std::string const& address, OwnLog& log);
  ~Adoption();
  Adoption(Adoption const&) = delete;
  Adoption& operator=(Adoption const&) = delete;

  /// Begins the thread.
  void start();
  /// Ends it, between two batches if need be: what is left stays in its spool.
  void stop();
  /// Spools read to their end.
  std::uint64_t adopted() const noexcept { return adopted_; }
  /// Whether it may be about to send something: before its first look at the roots, or during one.
  bool busy() const noexcept { return busy_; }

 private:
  void run(std::stop_token const& stop);
  void sweep(std::string const& root, std::stop_token const& stop);

  std::vector<std::string> const roots_;
  std::string const address_;
  OwnLog& log_;
  std::atomic<std::uint64_t> adopted_ = 0;
  std::atomic<bool> busy_ = true;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

}  // namespace logboom::collector
