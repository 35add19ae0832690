// Reads what dead publishers of this host left in their spools, by sending it to the collector's own address as any publisher would: one way into the store.
// What was meant for another collector is left to that one, unless its directory was named.
// Must not know rings or the delivery protocol.
#pragma once

#include "collector/own_log.hpp"
#include "delivery/endpoint.hpp"
#include "publisher/recovery.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace logboom::collector {

class Adoption {
 public:
  static constexpr std::chrono::milliseconds kEvery{2'000};

  struct Roots {
    std::vector<std::string> any;  // all spools below them are taken
    std::vector<std::string> own;  // those whose publisher had one of the collector's addresses, or none that is known
  };

  /// @param addresses of the collector itself, as bound
  /// @param keys as whom it connects there
  Adoption(Roots const& roots, std::vector<std::string> const& addresses, curve::ClientKeys keys, OwnLog& log);
  ~Adoption();
  Adoption(Adoption const&) = delete;
  Adoption& operator=(Adoption const&) = delete;

  /// Begins the thread.
  void start();
  /// Ends it, between two batches if need be: what is left stays in its spool.
  void stop();
  /// Spools read to their end.
  std::uint64_t adopted() const noexcept { return adopted_; }
  /// Damaged places found in them, and in those that were left.
  std::uint64_t damage() const noexcept { return damage_; }
  /// Whether a look at the roots that began after `since` is over: what died before is sent, or known to be unreadable. If not, one begins soon.
  bool looked_since(std::chrono::steady_clock::time_point since);

 private:
  void run(std::stop_token const& stop);
  publisher::RecoverOptions options(std::stop_token const& stop, bool only_own);
  void tell(publisher::Recovered const& found);

  std::vector<std::filesystem::path> const any_, own_;
  std::vector<delivery::Endpoint> const bound_;
  delivery::Endpoint const self_;
  curve::ClientKeys const keys_;
  OwnLog& log_;
  std::atomic<std::uint64_t> adopted_ = 0, damage_ = 0;
  std::mutex mutex_;
  std::optional<std::chrono::steady_clock::time_point> looked_;  // when the last look began that is over
  bool wanted_ = false;                                          // the next look at once
  std::condition_variable_any wake_;
  std::jthread thread_;
};

}  // namespace logboom::collector
