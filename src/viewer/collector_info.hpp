// Asks a collector what it is and where its store is (docs/protocol.md, "Control": info). Must not know the store.
#pragma once

#include "delivery/control.hpp"
#include "delivery/endpoint.hpp"

#include <chrono>
#include <optional>
#include <zmq.hpp>

namespace logboom::viewer {

/// The question, asked; for who has other things to wait for than the answer. For one thread.
class InfoQuestion {
 public:
  InfoQuestion(delivery::Endpoint const& endpoint, std::chrono::milliseconds timeout);

  /// Waits for the answer up to `most`, or until `stop_fd` becomes readable (−1: none). @return false when there is more to wait for.
  bool wait(std::chrono::milliseconds most, int stop_fd = -1);
  /// Nothing when no collector answered in time.
  std::optional<delivery::Info> const& answer() const noexcept { return answer_; }

 private:
  zmq::context_t context_{1};
  zmq::socket_t control_;
  std::chrono::steady_clock::time_point const deadline_;
  std::optional<delivery::Info> answer_;
};

/// Blocks up to `timeout`, or until `stop_fd` becomes readable (−1: none). Nothing when no collector answers.
std::optional<delivery::Info> ask_for_info(delivery::Endpoint const& endpoint,
                                           std::chrono::milliseconds timeout, int stop_fd = -1);

/// True if the file that `info` names is on this host, so that its path means something here.
bool is_here(delivery::Info const& info);

}  // namespace logboom::viewer
