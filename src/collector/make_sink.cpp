// Sinks from their options. Must not know when sinks come and go.
#include "collector/make_sink.hpp"

#include "sinks/console.hpp"
#include "sinks/file.hpp"
#include "sinks/null.hpp"
#include "sinks/queued_sink.hpp"
#include "sinks/sink_options.hpp"

#include <fmt/format.h>

#include <unistd.h>
#include <stdexcept>
#include <utility>

namespace logboom::collector {
namespace {

using sinks::QueuedSink;
using sinks::Writer;
using Type = SinkOptions::Type;

int descriptor_of(SinkOptions const& options) {
  return options.stream == SinkOptions::Stream::kStderr ? STDERR_FILENO : STDOUT_FILENO;
}

std::unique_ptr<Writer> open(SinkOptions const& options, Formatter const* formatter) {
  switch (options.type) {
    case Type::kConsole: {
      bool const error = options.stream == SinkOptions::Stream::kStderr;
      return std::make_unique<sinks::ConsoleWriter>(descriptor_of(options),
                                                    error ? "standard error" : "standard output");
    }
    case Type::kFile: return std::make_unique<sinks::FileWriter>(options, formatter->header());
    case Type::kNull:
    case Type::kUpstream: break;
  }
  return std::make_unique<sinks::NullWriter>();
}

QueuedSink::Plan plan_of(SinkOptions const& options) {
  QueuedSink::Plan plan;
  plan.options = options;
  plan.options.name = sinks::name_of(options);
  plan.selector = std::make_shared<sinks::Selector const>(options.filter);
  plan.limiter = std::make_unique<sinks::Limiter>(options.limit);
  if (options.type != Type::kNull) {
    bool const terminal = options.type == Type::kConsole && ::isatty(descriptor_of(options)) == 1;
    plan.formatter = sinks::formatter_of(options, terminal);
  }
  plan.open = [options, formatter = plan.formatter] {
    return open(options, formatter ? &*formatter : nullptr);
  };
  return plan;
}

std::string slow(Type type) {
  return type == Type::kConsole ? "the reader of this output is too slow" : "this output is too slow";
}

void tell(OwnLog& log, bool console, QueuedSink::Trouble trouble, std::string line) {
  using Trouble = QueuedSink::Trouble;
  bool const failing = trouble == Trouble::kFailing;
  if (failing) line += "; trying on, the store goes on meanwhile";
  auto const level = failing ? level::kError : level::kWarning;
  // Whoever does not read the console may not read notices either.
  if (console || trouble == Trouble::kDropped)
    log.note(OwnLog::Kind::kSink, level, std::move(line));
  else
    log.tell(OwnLog::Kind::kSink, level, std::move(line));
}

std::unique_ptr<sinks::Sink> make_queued(SinkOptions const& options, SinkSurroundings const& surroundings) {
  QueuedSink::Surroundings around;
  around.type = sinks::type_name(options.type);
  around.slow = slow(options.type);
  around.host = surroundings.host;
  around.stored = surroundings.stored;
  around.header = options.type == Type::kConsole;
  around.trouble = [&log = surroundings.log, name = sinks::name_of(options),
                    console = options.type == Type::kConsole](QueuedSink::Trouble trouble, std::string line) {
    tell(log, console, trouble, fmt::format("sink {}: {}", name, line));
  };
  around.replan = plan_of;
  auto plan = plan_of(options);
  plan.writer = plan.open();
  return std::make_unique<QueuedSink>(std::move(plan), std::move(around));
}

}  // namespace

std::unique_ptr<sinks::Sink> make_sink(SinkOptions const& options, SinkSurroundings const& surroundings) {
  if (options.type == Type::kUpstream)
    throw std::invalid_argument(
        fmt::format("sink {}: an upstream sink is the collector's own to make", sinks::name_of(options)));
  return make_queued(options, surroundings);
}

}  // namespace logboom::collector
