// Asks a collector what it is and where its store is (docs/protocol.md, "Control": info). Must not know the store.
#pragma once

#include "curve/client_keys.hpp"
#include "curve/handshake_monitor.hpp"
#include "delivery/control.hpp"
#include "delivery/endpoint.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <zmq.hpp>

namespace logboom::viewer {

/// The question, asked, and asked again each second: the collector may end before it answers, and another start. For who has other things to wait for than the
/// answer. For one thread.
class InfoQuestion {
 public:
  /// @param keys for that collector; none: CURVE is not spoken. @throws zmq::error_t, curve::KeyError
  InfoQuestion(delivery::Endpoint const& endpoint, curve::ClientKeys const& keys,
               std::chrono::milliseconds timeout);
  ~InfoQuestion() { monitor_.close(); }
  InfoQuestion(InfoQuestion const&) = delete;
  InfoQuestion& operator=(InfoQuestion const&) = delete;

  /// Waits for the answer up to `most`, or until `stop_fd` becomes readable (−1: none). @return false when there is more to wait for.
  bool wait(std::chrono::milliseconds most, int stop_fd = -1);
  /// Nothing when no collector answered in time.
  std::optional<delivery::Info> const& answer() const noexcept { return answer_; }
  /// Somebody listens there, who has not answered yet.
  bool met() const noexcept { return monitor_.met(); }
  /// Why the collector does not let us in, or does not answer this; "": it did not say so.
  std::string const& refusal() const noexcept { return refusal_; }

 private:
  using Clock = std::chrono::steady_clock;

  void ask();

  zmq::context_t context_{1};
  zmq::socket_t control_;
  curve::HandshakeMonitor monitor_;
  Clock::time_point const deadline_;
  Clock::time_point ask_again_;
  std::optional<delivery::Info> answer_;
  std::string refusal_;
};

/// True if the file that `info` names is on this host, so that its path means something here.
bool is_here(delivery::Info const& info);

}  // namespace logboom::viewer
