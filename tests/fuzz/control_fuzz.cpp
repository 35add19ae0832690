// What a collector reads on its control socket from anybody: whatever arrives, its answers can be read, fit a message, and the rules that publishers are told are rules.
#include "collector/control_server.hpp"
#include "record/level_rules.hpp"

#include <cstdlib>
#include <span>

namespace {

using namespace logboom;
using collector::ControlServer;

/// What was understood means the same when it is said again.
void say_again(std::span<std::byte const> frame) {
  try {
    auto const once = delivery::encode(delivery::decode(frame));
    if (delivery::encode(delivery::decode(once)) != once) std::abort();
  } catch (wire::FrameError const&) {
  }
}

void check_answer(std::span<std::byte const> frame) {
  if (frame.size() > wire::kMaxControl) std::abort();
  auto const message = delivery::decode(frame);
  if (auto const* welcome = std::get_if<delivery::Welcome>(&message))
    (void)LevelRules::parse(welcome->levels);
  if (auto const* levels = std::get_if<delivery::Levels>(&message)) (void)LevelRules::parse(levels->rules);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::span<std::byte const> const frame(reinterpret_cast<std::byte const*>(data), size);
  say_again(frame);
  delivery::ReceiverLedger ledger(64);
  collector::PublisherTable table(16);
  collector::OwnLog log("host", level::kDebug, {}, [] { return std::int64_t{1}; });
  ControlServer server(
      {1, "host", 1, "", "info", ""}, ledger, table, log,
      [](std::string const&, std::span<std::byte const> answer) {
        check_answer(answer);
        return ControlServer::Sent::kDone;
      },
      [] { return std::int64_t{1'000'000'000}; });
  wire::Publisher const who{{std::byte{1}}, "host", 1, "worker", 1};
  auto const take = [&](std::span<std::byte const> one) { server.take("route", one, 0, 0); };
  take(delivery::encode(delivery::Hello{wire::kVersion, who, {{0, 1, 1}}}));
  take(frame);
  server.settle(0, 0);
  take(delivery::encode(delivery::ChangeRules{}));
  take(delivery::encode(delivery::AskStatus{}));
  return 0;
}
