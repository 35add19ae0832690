// Reads what dead publishers of this host left in their spools, by sending it to the collector's own address as any publisher would: one way into the store.
// Must not know rings or the delivery protocol.
#pragma once

#include "collector/own_log.hpp"
#include "delivery/endpoint.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <vector>

namespace logboom::collector {

class Adoption {
 public:
  static constexpr std::chrono::milliseconds kEvery{2'000};
  static constexpr std::size_t kMaxTold = 1'024;

  /// @param address of the collector itself, as bound
  Adoption(std::vector<std::string> const& roots, std::string const& address, OwnLog& log);
  ~Adoption();
  Adoption(Adoption const&) = delete;
  Adoption& operator=(Adoption const&) = delete;

  /// Begins the thread.
  void start();
  /// Ends it, between two batches if need be: what is left stays in its spool.
  void stop();
  /// Spools read to their end.
  std::uint64_t adopted() const noexcept { return adopted_; }
  /// Whether a look at the roots that began after `since` is over: what died before is sent, or known to be unreadable. If not, one begins soon.
  bool looked_since(std::chrono::steady_clock::time_point since);

 private:
  void run(std::stop_token const& stop);
  void sweep(std::stop_token const& stop);
  void report(std::string_view line);

  std::vector<std::filesystem::path> const roots_;
  delivery::Endpoint const self_;
  OwnLog& log_;
  std::atomic<std::uint64_t> adopted_ = 0;
  std::unordered_set<std::string> told_;  // lines reported already; of the thread
  std::mutex mutex_;
  std::optional<std::chrono::steady_clock::time_point> looked_;  // when the last look began that is over
  bool wanted_ = false;                                          // the next look at once
  std::condition_variable_any wake_;
  std::jthread thread_;
};

}  // namespace logboom::collector
