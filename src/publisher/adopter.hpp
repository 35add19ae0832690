// The thread of a publisher that looks beside its own spool for those of dead publishers of the same bus and sends them, while a collector is there.
// Must not know the live publisher's rings or its sender.
#pragma once

#include "curve/client_keys.hpp"
#include "delivery/endpoint.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace logboom::publisher {

class Adopter {
 public:
  /// The thread starts with the first allow(). `roots` are searched then, and every 10 s or, where there are many spools, less often (of 500: every four to six minutes,
  /// and the first time within four), so that all publishers of a host together look at about a thousand spools a second. Taken are spools whose
  /// publisher had one of these addresses (see same_bus), or whose addresses are not known.
  Adopter(std::vector<std::filesystem::path> roots, std::vector<delivery::Endpoint> endpoints,
          curve::ClientKeys keys);
  ~Adopter() { stop(); }
  Adopter(Adopter const&) = delete;
  Adopter& operator=(Adopter const&) = delete;

  /// A collector is there. Any number of times. @throws std::system_error when there can be no thread
  void allow();
  /// Returns within a second: what is on its way stays in its spool for others.
  void stop() noexcept;

  std::uint64_t adopted() const noexcept;   // spools sent to the end
  std::vector<std::string> take_reports();  // lines since the last call, at most 16

 private:
  struct Shared;  // outlives this object where the thread does
  std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace logboom::publisher
