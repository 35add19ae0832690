// Finds the spools of dead publishers and sends each to its end: for a running publisher, the collector on the same host and `logboom recover`.
// Must not know what is in a spool, nor the delivery protocol.
#pragma once

#include "curve/client_keys.hpp"
#include "delivery/endpoint.hpp"
#include "publisher/told_once.hpp"
#include "spool/spool.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <zmq.hpp>

namespace logboom::publisher {

struct RecoverOptions {
  using Endpoints = std::vector<delivery::Endpoint>;

  /// Where a spool goes, by the addresses that its publisher had (none: it is an older version's, which did not say). Empty: it is not ours, and is left alone.
  /// A std::invalid_argument is reported, and the spool left.
  std::function<Endpoints(std::span<std::string const> recorded)> destination;
  curve::ClientKeys keys;                      // for all of them
  std::chrono::milliseconds patience{10'000};  // without progress: what is left stays for the next who comes
  std::function<void(std::string_view)> report;  // one line each, and each once: what could not be read, or why a collector refuses
  std::function<bool()> stop;  // asked every few milliseconds

  static RecoverOptions to(Endpoints all);  // every spool goes there
};

struct Recovered {
  std::uint64_t spools = 0;      // sent to the end and removed
  std::uint64_t records = 0;     // committed, gaps included
  std::uint64_t gaps = 0;        // records declared lost
  std::uint64_t left = 0;        // free spools that stay: no collector, or it stopped taking
  std::uint64_t in_use = 0;      // of running publishers
  std::uint64_t others = 0;      // of other buses: left alone
  std::uint64_t unreadable = 0;  // left as they are
  std::uint64_t damaged = 0;     // places in spools that were found damaged, each counted once
  bool reached = false;          // a collector answered
  std::string silent;            // the first address where none did
  std::string refusal;           // why a collector lets nothing in; "": none said so
};

/// One thread.
class Recovery {
 public:
  static constexpr int kStuck =
      3;  // spools in a row that a collector takes nothing of, then the rest of a sweep is left

  explicit Recovery(RecoverOptions options) : options_(std::move(options)) {}

  /// Adopts every free spool (each path is a spool, or a directory of spools) and sends it to its end. Blocks, with a few milliseconds of response to `stop`.
  /// One that came to no end does not keep others from theirs: it is the last of the next sweep. Never throws for what it finds.
  Recovered sweep(std::span<std::filesystem::path const> paths);

 private:
  std::vector<std::filesystem::path> find(std::span<std::filesystem::path const> paths) const;
  void visit(std::filesystem::path const& directory);
  void seal(spool::Spool const& spool);
  void send(spool::Spool spool, RecoverOptions::Endpoints const& endpoints);
  bool stopped() const { return options_.stop && options_.stop(); }
  void report(std::string_view line);
  void report_damage(std::string_view line);

  RecoverOptions options_;
  std::unique_ptr<zmq::context_t> context_;
  ToldOnce told_;
  std::set<std::filesystem::path> seen_;    // that could not be sent, but were looked into
  std::set<std::filesystem::path> failed_;  // in the sweep before; of spools that were there then
  // of one sweep
  Recovered result_;
  std::set<std::filesystem::path> failing_;
  std::map<std::string, int> stuck_;  // by address: spools in a row that it took nothing of; kStuck where no collector answered
};

}  // namespace logboom::publisher
