// One message now and then. Must not know how records are missed.
#include "viewer/missed_report.hpp"

#include "delivery/control.hpp"

#include <exception>
#include <utility>

namespace logboom::viewer {

void MissedReport::say() noexcept {
  if (!wanted_ || untold_ == 0) return;
  try {
    if (control_.handle() == nullptr) {
      control_ = zmq::socket_t(*context_, zmq::socket_type::dealer);
      control_.set(zmq::sockopt::linger, static_cast<int>(kLastWord.count()));
      control_.set(zmq::sockopt::ipv6, true);
      curve::apply(keys_, 0, control_);
      control_.connect(endpoint_.control);
    }
    auto const frame = delivery::encode(delivery::Missed{untold_});
    if (control_.send(zmq::buffer(frame.data(), frame.size()), zmq::send_flags::dontwait)) untold_ = 0;
  } catch (std::exception const&) {
    // No socket to be had, no key: told later, or never. It is a figure for people.
    control_.close();
  }
  told_ = std::chrono::steady_clock::now();
}

}  // namespace logboom::viewer
