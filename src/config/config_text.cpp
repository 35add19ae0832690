// A configuration as the text of a file. Must not know where it came from.
#include "config/config_text.hpp"

#include "delivery/endpoint.hpp"
#include "record/quantity.hpp"
#include "sinks/sink_options.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

namespace logboom::config {
namespace {

using Type = SinkOptions::Type;

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char const c : text) {
    if (c == '"' || c == '\\')
      (out += '\\') += c;
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      out += fmt::format("\\u{:04X}", static_cast<unsigned>(c));
    else
      out += c;
  }
  return out + '"';
}

std::string quoted(std::vector<std::string> const& texts) {
  std::vector<std::string> parts;
  parts.reserve(texts.size());
  for (auto const& text : texts) parts.push_back(quoted(text));
  return fmt::format("[{}]", fmt::join(parts, ", "));
}

std::string bare(bool value) { return value ? "true" : "false"; }

std::string number(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  auto text = fmt::format("{}", value);
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

/// Of those that a file can hold.
std::string value_text(Value const& value) {
  auto const& data = value.data();
  if (auto const* const text = std::get_if<std::string>(&data)) return quoted(*text);
  if (auto const* const flag = std::get_if<bool>(&data)) return bare(*flag);
  if (auto const* const whole = std::get_if<std::int64_t>(&data)) return fmt::format("{}", *whole);
  if (auto const* const decimal = std::get_if<double>(&data)) return number(*decimal);
  return quoted("");
}

std::string test_text(FieldTest const& test) {
  constexpr std::array<std::string_view, 7> kOperators{"=", "!=", "~", "<", "<=", ">", ">="};
  // Of a value that begins with `=` one of two would be taken for the operator's.
  if (test.op == FieldTest::Operator::kEqual && test.value.starts_with('='))
    return test.field + "==" + test.value;
  return test.field + std::string(kOperators[static_cast<std::size_t>(test.op)]) + test.value;
}

/// The lines of a file, one key each.
class Lines {
 public:
  void table(std::string_view name) { text_ += fmt::format("{}{}\n", text_.empty() ? "" : "\n", name); }
  void key(std::string_view name, std::string const& value) {
    text_ += fmt::format("{} = {}\n", name, value);
  }
  void key_if(bool there, std::string_view name, std::string const& value) {
    if (there) key(name, value);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

void write_collector(Config const& config, Lines& out) {
  auto const& options = config.options;
  std::string list;
  for (auto const& endpoint : options.endpoints) list += (list.empty() ? "" : ",") + endpoint;
  std::vector<std::string> endpoints;
  for (auto const& endpoint : delivery::resolve_endpoints(list)) endpoints.push_back(endpoint.text);
  out.table("[collector]");
  out.key("endpoints", quoted(endpoints));
  out.key("publish", bare(options.publish));
  if (options.zmq_log) out.key("zmq_log", quoted(*options.zmq_log));
  out.key("max_connections", fmt::format("{}", options.max_connections));
  out.key("adopt", quoted(options.adopt));
  out.key("adopt_default", bare(config.adopt_default));
  out.key("until_idle", bare(options.until_idle));
  out.key("queue", quoted(size_text(options.queue_bytes)));
  out.key("commit_interval", quoted(duration_text(options.commit_interval)));
}

void write_security(CollectorOptions const& options, Lines& out) {
  out.table("[security]");
  out.key("curve_secret", quoted(options.curve_secret));
  out.key("authorized_keys", quoted(options.authorized_keys));
  out.key("allow_users", quoted(options.allow_users));
  out.key("insecure", bare(options.insecure));
}

void write_store(CollectorOptions const& options, Lines& out) {
  out.table("[store]");
  out.key("path", quoted(options.database));
  out.key("keep", quoted(duration_text(options.retention.keep)));
  out.key("max_size", quoted(size_text(options.retention.max_size)));
  out.key("file_size", quoted(size_text(options.retention.file_size)));
  out.key("file_period", quoted(duration_text(options.retention.file_period)));
  out.key("full_text", bare(options.retention.full_text));
  out.key("compress", bare(options.retention.compress));
}

void write_inputs(CollectorOptions const& options, Lines& out) {
  out.table("[inputs]");
  auto const one = [&](std::string_view key, std::optional<std::string> const& address) {
    if (address) out.key(key, quoted(*address));
  };
  one("python_tcp", options.python_tcp);
  one("python_udp", options.python_udp);
  one("python_unix", options.python_unix);
  one("python_unix_datagram", options.python_unix_datagram);
  out.key_if(!options.subscribe.empty(), "subscribe", quoted(options.subscribe));
  out.key_if(!options.subscribe_server_key.empty(), "subscribe_server_key",
             quoted(options.subscribe_server_key));
  out.key_if(!options.subscribe_curve_secret.empty(), "subscribe_curve_secret",
             quoted(options.subscribe_curve_secret));
}

void write_filter(Filter const& filter, Lines& out) {
  if (filter.level) {
    auto const name = level_name(*filter.level);
    out.key("level", name.empty() ? fmt::format("{}", *filter.level) : quoted(name));
  }
  out.key_if(!filter.loggers.empty(), "logger", quoted(filter.loggers));
  out.key_if(!filter.hosts.empty(), "host", quoted(filter.hosts));
  out.key_if(!filter.processes.empty(), "process", quoted(filter.processes));
  std::vector<std::string> tests;
  for (auto const& test : filter.fields) tests.push_back(test_text(test));
  out.key_if(!tests.empty(), "where", quoted(tests));
  out.key_if(!filter.regex.empty(), "match", quoted(filter.regex));
}

void write_limit(LimitOptions const& limit, Lines& out) {
  LimitOptions const none;
  out.key_if(limit.every != none.every, "every", fmt::format("{}", limit.every));
  out.key_if(limit.rate > 0, "rate", quoted(rate_text(limit.rate)));
  out.key_if(limit.repeats.count() > 0, "repeats", quoted(duration_text(limit.repeats)));
  out.key_if(!(limit == none), "per", quoted(limit.per == LimitOptions::Per::kLogger ? "logger" : "site"));
}

void write_format(SinkOptions const& sink, Lines& out) {
  constexpr std::array<std::string_view, 3> kColors{"auto", "always", "never"};
  out.key("format", quoted(sink.format));
  out.key_if(sink.style != 0, "style", quoted(std::string(1, sink.style)));
  out.key_if(!sink.datefmt.empty(), "datefmt", quoted(sink.datefmt));
  out.key("utc", bare(sink.utc));
  out.key("color", quoted(kColors[static_cast<std::size_t>(sink.color)]));
  out.key_if(!sink.columns.empty(), "columns", quoted(sink.columns));
  std::vector<std::string> defaults;
  for (auto const& [name, value] : sink.defaults)
    defaults.push_back(fmt::format("{} = {}", quoted(name), value_text(value)));
  out.key_if(!defaults.empty(), "defaults", fmt::format("{{ {} }}", fmt::join(defaults, ", ")));
}

void write_file(SinkOptions const& sink, Lines& out) {
  out.key("path", quoted(sink.path));
  out.key_if(sink.mode.has_value(), "mode", quoted(fmt::format("{:04o}", sink.mode.value_or(0))));
  auto const& rotate = sink.rotate;
  std::vector<std::string> parts;
  auto const add = [&](bool there, std::string_view key, std::string const& value) {
    if (there) parts.push_back(fmt::format("{} = {}", key, value));
  };
  add(rotate.size > 0, "size", quoted(size_text(rotate.size)));
  add(!rotate.at.empty(), "at", quoted(rotate.at));
  add(rotate.every.count() > 0, "every", quoted(duration_text(rotate.every)));
  add(rotate.utc, "utc", bare(true));
  add(rotate.keep > 0, "keep", fmt::format("{}", rotate.keep));
  add(!rotate.compress.empty(), "compress", quoted(rotate.compress));
  out.key_if(!parts.empty(), "rotate", fmt::format("{{ {} }}", fmt::join(parts, ", ")));
}

void write_sink(SinkOptions const& sink, Lines& out) {
  out.table("[[sink]]");
  out.key("type", quoted(sinks::type_name(sink.type)));
  out.key("name", quoted(sinks::name_of(sink)));
  if (sink.type == Type::kFile) write_file(sink, out);
  if (sink.type == Type::kConsole)
    out.key("stream", quoted(sink.stream == SinkOptions::Stream::kStderr ? "stderr" : "stdout"));
  if (sink.type == Type::kUpstream) {
    out.key("endpoint", quoted(sink.endpoint));
    out.key_if(!sink.curve_server_key.empty(), "curve_server_key", quoted(sink.curve_server_key));
    out.key_if(!sink.curve_secret.empty(), "curve_secret", quoted(sink.curve_secret));
    out.key_if(!sink.spool.empty(), "spool", quoted(sink.spool));
    out.key("spool_size", quoted(size_text(sink.spool_bytes)));
    using WhenFull = SinkOptions::WhenFull;
    out.key_if(sink.when_full != WhenFull::kAuto, "when_full",
               quoted(sink.when_full == WhenFull::kWait ? "wait" : "drop"));
  }
  write_filter(sink.filter, out);
  if (sink.type == Type::kUpstream) return;
  write_limit(sink.limit, out);
  out.key("queue", quoted(size_text(sink.queue_bytes)));
  if (sink.type == Type::kConsole || sink.type == Type::kFile) write_format(sink, out);
}

}  // namespace

std::string config_text(Config const& config) {
  Lines out;
  write_collector(config, out);
  write_security(config.options, out);
  write_store(config.options, out);
  write_inputs(config.options, out);
  out.table("[levels]");
  out.key("rules", quoted(config.options.level_rules));
  for (auto const& sink : config.options.sinks) write_sink(sink, out);
  return out.take();
}

}  // namespace logboom::config
