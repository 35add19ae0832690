// Why there was no answer, in one line. Must not know what was asked.
#include "cli/ask.hpp"

#include <fmt/format.h>

namespace logboom::cli {

void fail(delivery::Endpoint const& endpoint, viewer::CollectorTalk::Answer const& answer,
          std::string const& what) {
  using Outcome = viewer::CollectorTalk::Outcome;
  switch (answer.outcome) {
    case Outcome::kRefused: throw Failure(kFailed, fmt::format("{}: {}", endpoint.text, answer.refusal));
    case Outcome::kTooOld:
      throw Failure(kFailed,
                    fmt::format("{}: the collector (pid {} on {}) is too old for {}; update it, then "
                                "start it again",
                                endpoint.text, answer.info.pid, answer.info.host, what));
    case Outcome::kAnswered:
      throw Failure(kFailed, fmt::format("{}: an answer to another question came; ask again", endpoint.text));
    case Outcome::kShutOut:
      throw Failure(kUnreachable, fmt::format("{}: the collector refuses: {}", endpoint.text, answer.refusal));
    case Outcome::kSilent:
    case Outcome::kStopped: break;
  }
  throw Failure(kUnreachable,
                fmt::format("{}: no collector answers; start one with `logboom collect`, name another with "
                            "--endpoint, or see what is wrong with `logboom doctor`",
                            endpoint.text));
}

}  // namespace logboom::cli
