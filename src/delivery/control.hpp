// Control messages (docs/protocol.md, "Control"): one struct a kind, encoded to and decoded from one frame. No socket in it.
#pragma once

#include "delivery/collector_state.hpp"
#include "delivery/receiver_ledger.hpp"
#include "record/wire.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace logboom::delivery {

struct Hello {
  struct Stream {
    std::uint64_t stream = 0, base = 0, next = 0;
  };
  std::uint64_t version = wire::kVersion;
  wire::Publisher publisher;
  std::vector<Stream> streams;
};
struct Flush {
  std::uint64_t token = 0;
};
struct Bye {
  PublisherId id{};
  std::vector<std::pair<std::uint64_t, std::uint64_t>> last;
};  // also the answer, with `last` empty
struct InfoRequest {};
struct Missed {
  std::uint64_t records = 0;
};
struct Report {
  PublisherId id{};
  PublisherReport report;
};
struct Welcome {
  std::uint64_t version = wire::kVersion, epoch = 0, window = 0;
  std::string levels;
  std::vector<StreamState> streams;
  std::uint64_t forward = 0;       // version of forward frames that it takes; 0: none
  std::uint64_t report_every = 0;  // ms between two reports, at least; 0: this collector takes none
};
struct Ack {
  std::uint64_t epoch = 0, window = 0;
  std::vector<StreamState> streams;
};
struct Resend {
  std::uint64_t epoch = 0;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> expected;
};
struct Levels {
  std::string rules;
};
struct Flushed {
  std::uint64_t token = 0;
};
struct Error {
  std::string text;
};
struct Info {
  std::uint64_t version = wire::kVersion, epoch = 0;
  std::string host;
  std::uint64_t pid = 0;
  std::string database;
  std::int64_t last_id = 0;
};
struct Unknown {
  std::string kind;
};  // decoded only

using Control = std::variant<Hello, Flush, Bye, Report, Missed, InfoRequest, ChangeRules, AskStatus, Welcome,
                             Ack, Resend, Levels, Flushed, Error, Info, Rules, Status, Unknown>;

std::vector<std::byte> encode(Control const& message);
/// Bounded work whatever the bytes. @throws wire::FrameError
Control decode(std::span<std::byte const> frame);

}  // namespace logboom::delivery
