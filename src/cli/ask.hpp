// A question to a collector, for commands: what is no answer ends the command. Must not know what the answers mean.
#pragma once

#include "cli/commands.hpp"
#include "viewer/collector_talk.hpp"

#include <chrono>
#include <string>
#include <utility>
#include <variant>

namespace logboom::cli {

inline constexpr std::chrono::milliseconds kAnswerPatience{2'000};

/// What to say of an outcome that is no answer. @throws Failure always: kUnreachable, or kFailed for a collector that refuses or is too old
[[noreturn]] void fail(delivery::Endpoint const& endpoint, viewer::CollectorTalk::Answer const& answer,
                       std::string const& what);

/// @param what is asked for, as in "the collector does not know WHAT". @throws Failure
template <class Answer>
Answer ask(delivery::Endpoint const& endpoint, curve::ClientKeys const& keys,
           delivery::Control const& question, std::string const& what) {
  viewer::CollectorTalk talk(endpoint, keys);
  auto answer = talk.ask(question, kAnswerPatience);
  if (answer.outcome == viewer::CollectorTalk::Outcome::kAnswered) {
    if (auto* const wanted = std::get_if<Answer>(&answer.message)) return std::move(*wanted);
  }
  fail(endpoint, answer, what);
}

}  // namespace logboom::cli
