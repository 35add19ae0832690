// The keys of a [[sink]]. Must not know the other tables.
#include "config/sink_table.hpp"

#include "delivery/endpoint.hpp"
#include "record/quantity.hpp"
#include "sinks/sink_options.hpp"

#include <fmt/format.h>

#include <charconv>
#include <limits>
#include <optional>

namespace logboom::config {
namespace {

using Type = SinkOptions::Type;

constexpr std::int64_t kAnyNumber = std::numeric_limits<std::int64_t>::max();

void read_filter(TableReader& in, Filter& filter) {
  auto const level = [&](std::string const& text) {
    filter.level = parse_level(text);
    if (!filter.level)
      throw std::invalid_argument(fmt::format(
          "level {}: no such level; use TRACE, DEBUG, INFO, WARNING, ERROR, CRITICAL or a number", text));
  };
  auto const* const node = in.find("level");
  if (node != nullptr && node->is_integer())
    in.number("level", std::numeric_limits<int>::min(), std::numeric_limits<int>::max(),
              [&](std::int64_t number) { filter.level = static_cast<Level>(number); });
  else
    in.text("level", level);
  in.texts("logger", [&](std::string const& one) { filter.loggers.push_back(one); });
  in.texts("host", [&](std::string const& one) { filter.hosts.push_back(one); });
  in.texts("process", [&](std::string const& one) { filter.processes.push_back(one); });
  in.texts("where", [&](std::string const& one) { filter.fields.push_back(parse_field_test(one)); });
  in.text("match", [&](std::string const& one) {
    Filter alone;
    alone.regex = one;
    (void)Matcher(alone);
    filter.regex = one;
  });
}

void read_limit(TableReader& in, LimitOptions& limit) {
  in.number("every", 1, kAnyNumber,
            [&](std::int64_t number) { limit.every = static_cast<std::uint64_t>(number); });
  in.text("rate", [&](std::string const& text) { limit.rate = parse_rate(text); });
  in.duration("repeats", limit.repeats);
  if (in.choice("per", {"site", "logger"}) == 1) limit.per = LimitOptions::Per::kLogger;
}

void read_queue(TableReader& in, SinkOptions& sink) {
  std::uint64_t queue = sink.queue_bytes;
  in.size("queue", queue);
  sink.queue_bytes = static_cast<std::size_t>(queue);
  if (queue < sinks::kSmallestQueue)
    in.mistake("queue", fmt::format("queue: give {} or more", size_text(sinks::kSmallestQueue)));
}

std::optional<Value> value_of(toml::node const& node) {
  if (auto const* const text = node.as_string()) return Value(Value::Data(text->get()));
  if (auto const* const whole = node.as_integer()) return Value(Value::Data(whole->get()));
  if (auto const* const number = node.as_floating_point()) return Value(Value::Data(number->get()));
  if (auto const* const flag = node.as_boolean()) return Value(Value::Data(flag->get()));
  return std::nullopt;
}

void read_format(TableReader& in, SinkOptions& sink) {
  in.text("format", sink.format);
  in.text("style", [&](std::string const& text) {
    if (text != "%" && text != "{" && text != "$")
      throw std::invalid_argument(fmt::format("style \"{}\": give one of %, {{ and $", text));
    sink.style = text[0];
  });
  in.text("datefmt", sink.datefmt);
  in.flag("utc", sink.utc);
  switch (in.choice("color", {"auto", "always", "never"})) {
    case 1: sink.color = SinkOptions::Color::kAlways; break;
    case 2: sink.color = SinkOptions::Color::kNever; break;
    default: break;
  }
  in.texts("columns", [&](std::string const& one) { sink.columns.push_back(one); });
  if (auto const* const defaults = in.table("defaults")) {
    for (auto const& [key, node] : *defaults) {
      if (auto value = value_of(node))
        sink.defaults.emplace_back(std::string(key.str()), std::move(*value));
      else
        in.expected("a text, a number, true or false", key.str(), node);
    }
  }
}

void read_rotate(TableReader& outer, RotateOptions& rotate) {
  auto const* const table = outer.table("rotate");
  if (table == nullptr) return;
  TableReader in(*table, "rotate", outer.mistakes());
  auto const before = outer.mistakes().size();
  in.size("size", rotate.size);
  in.text("at", rotate.at);
  in.duration("every", rotate.every);
  in.flag("utc", rotate.utc);
  in.number("keep", 0, std::numeric_limits<std::uint32_t>::max(),
            [&](std::int64_t number) { rotate.keep = static_cast<std::size_t>(number); });
  if (in.choice("compress", {"none", "zstd"}) == 1) rotate.compress = "zstd";
  in.finish();
  if (outer.mistakes().size() > before) return;
  try {
    (void)sinks::schedule_of(rotate);
  } catch (std::invalid_argument const& error) {
    in.mistake(rotate.at.empty() ? "every" : "at", error.what());
  }
}

void read_file(TableReader& in, SinkOptions& sink) {
  auto const before = in.mistakes().size();
  in.text("path", sink.path);
  in.text("mode", [&](std::string const& text) {
    unsigned mode = 0;
    auto const result = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
    if (result.ec != std::errc{} || result.ptr != text.data() + text.size() || mode > 0777)
      throw std::invalid_argument(fmt::format(R"(mode "{}": give permissions such as "0640")", text));
    sink.mode = mode;
  });
  read_rotate(in, sink.rotate);
  if (sink.path.empty()) return in.mistake("path", "a file sink needs a path");
  if (in.mistakes().size() > before) return;
  try {
    sinks::check_file(sink);
  } catch (std::invalid_argument const& error) {
    std::string_view const why = error.what();
    in.mistake(why.starts_with("rotate:") ? "rotate" : "path", why);
  }
}

void read_upstream(TableReader& in, SinkOptions& sink) {
  in.text("endpoint", [&](std::string const& text) {
    (void)delivery::parse_endpoint(text);
    sink.endpoint = text;
  });
  in.text("curve_server_key", sink.curve_server_key);
  in.text("curve_secret", sink.curve_secret);
  if (sink.curve_server_key.empty() != sink.curve_secret.empty())
    in.mistake(sink.curve_secret.empty() ? "curve_server_key" : "curve_secret",
               "curve_server_key and curve_secret go together; give both, or neither");
  in.text("spool", sink.spool);
  in.size("spool_size", sink.spool_bytes);
  switch (in.choice("when_full", {"auto", "drop", "wait"})) {
    case 1: sink.when_full = SinkOptions::WhenFull::kDrop; break;
    case 2: sink.when_full = SinkOptions::WhenFull::kWait; break;
    default: break;
  }
  if (in.find("endpoint") == nullptr) in.mistake("endpoint", "an upstream sink needs an endpoint");
}

/// What the format has no use for would be ignored in silence as well.
void check_format_keys(TableReader& in, SinkOptions const& sink) {
  bool const python = sink.style != 0 || (sink.format != "pretty" && sink.format != "json" &&
                                          sink.format != "csv" && sink.format != "logfmt");
  for (char const* key : {"datefmt", "defaults"}) {
    if (!python && in.find(key) != nullptr)
      in.mistake(
          key, fmt::format("{} is of Python formats, and the format is {}; leave it out", key, sink.format));
  }
  if ((python || sink.format != "csv") && in.find("columns") != nullptr)
    in.mistake("columns", "columns are of csv, and that is not the format; leave them out");
}

/// Keys of other types of sinks would be ignored in silence: they are mistakes as well.
void read_type(TableReader& in, SinkOptions& sink, Mistakes& mistakes) {
  auto const before = mistakes.size();
  if (sink.type == Type::kConsole || sink.type == Type::kFile) read_format(in, sink);
  if (sink.type == Type::kConsole && in.choice("stream", {"stdout", "stderr"}) == 1)
    sink.stream = SinkOptions::Stream::kStderr;
  if (sink.type == Type::kFile) read_file(in, sink);
  if (sink.type == Type::kUpstream) read_upstream(in, sink);
  if (mistakes.size() > before || (sink.type != Type::kConsole && sink.type != Type::kFile)) return;
  check_format_keys(in, sink);
  try {
    (void)sinks::formatter_of(sink, false);
  } catch (std::invalid_argument const& error) {
    in.mistake("format", error.what());
  }
}

}  // namespace

SinkOptions read_sink(toml::table const& table, Mistakes& mistakes) {
  SinkOptions sink;
  TableReader in(table, "[[sink]]", mistakes);
  auto const type = in.choice("type", {"console", "file", "null", "upstream"});
  if (in.find("type") == nullptr) in.mistake("type", "a sink needs a type: console, file, null or upstream");
  if (type < 0) return sink;  // which keys are known depends on it
  sink.type = static_cast<Type>(type);
  in.text("name", sink.name);
  read_filter(in, sink.filter);
  if (sink.type != Type::kUpstream) {
    read_limit(in, sink.limit);
    read_queue(in, sink);
  }
  read_type(in, sink, mistakes);
  in.finish();
  return sink;
}

}  // namespace logboom::config
