// See drain.hpp.
#include "upstream/drain.hpp"

#include "publisher/background.hpp"
#include "upstream/forwarder.hpp"

#include <unistd.h>
#include <algorithm>
#include <array>
#include <system_error>
#include <thread>

namespace logboom::upstream {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::milliseconds kTurn{10};

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

/// Until nothing waits, or the other collector takes nothing more.
void wait(Forwarder const& forwarder, DrainOptions const& options) {
  auto progressed = publisher::monotonic_ms();
  std::uint64_t written = 0;
  for (;;) {
    auto const status = forwarder.status();
    auto const now = publisher::monotonic_ms();
    if (status.written != written) progressed = now;
    written = status.written;
    if (status.queued == 0 || now - progressed > options.patience.count() || (options.stop && options.stop()))
      return;
    std::this_thread::sleep_for(kTurn);
  }
}

}  // namespace

bool is_upstream_spool(fs::path const& directory) noexcept {
  std::error_code error;
  return fs::is_regular_file(directory / "forwarder", error);
}

std::vector<fs::path> upstream_spools(fs::path const& directory) {
  if (is_upstream_spool(directory)) return {directory};
  std::vector<fs::path> found;
  std::error_code error;
  fs::directory_iterator at(directory, error);
  for (fs::directory_iterator const end; !error && at != end; at.increment(error)) {
    if (is_upstream_spool(at->path())) found.push_back(at->path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

Drained drain(fs::path const& directory, DrainOptions const& options) {
  SinkOptions sink;
  sink.type = SinkOptions::Type::kUpstream;
  sink.endpoint = options.endpoint;
  sink.curve_server_key = options.curve_server_key;
  sink.curve_secret = options.curve_secret;
  sink.spool = directory.string();
  sink.spool_bytes = std::uint64_t{1}
                     << 62U;  // nothing is added but declarations of losses, and these are to find room
  Forwarder forwarder(
      sink, {.host = host_name(), .serves = {}, .stored = true, .report = [&](Level level, auto line) {
               if (options.report) options.report(level, line);
             }});
  forwarder.start();
  wait(forwarder, options);
  forwarder.stop();
  Drained drained{forwarder.status().written, forwarder.finished()};
  std::error_code error;
  if (drained.finished && fs::remove_all(directory, error) == static_cast<std::uintmax_t>(-1))
    throw std::system_error(error, "cannot remove " + directory.string() + ", of which all is sent");
  return drained;
}

}  // namespace logboom::upstream
