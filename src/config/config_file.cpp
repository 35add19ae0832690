// The tables of a configuration file. Must not know flags, signals or how a collector works.
#include "config/config_file.hpp"

#include "config/sink_table.hpp"
#include "config/table_reader.hpp"
#include "delivery/endpoint.hpp"
#include "inputs/listen_socket.hpp"
#include "record/level_rules.hpp"
#include "record/quantity.hpp"
#include "sinks/sink_options.hpp"
#include "store/retention_plan.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

namespace logboom::config {
namespace {

constexpr std::size_t kLargestFile = 1U << 20U;
constexpr std::int64_t kMostConnections = 1'000'000;

void read_collector(TableReader& in, Config& config) {
  auto& options = config.options;
  in.texts("endpoints", [&](std::string const& one) {
    (void)delivery::parse_served_endpoint(one);
    options.endpoints.push_back(one);
  });
  in.flag("publish", options.publish);
  in.text("zmq_log", [&](std::string const& endpoint) {
    delivery::check_socket_address(endpoint);
    options.zmq_log = endpoint;
  });
  in.number("max_connections", 0, kMostConnections,
            [&](std::int64_t number) { options.max_connections = static_cast<std::size_t>(number); });
  in.texts("adopt", [&](std::string const& one) { options.adopt.push_back(one); });
  in.flag("adopt_default", config.adopt_default);
  in.flag("until_idle", options.until_idle);
  std::uint64_t queue = options.queue_bytes;
  in.size("queue", queue);
  options.queue_bytes = static_cast<std::size_t>(queue);
  if (queue < (64U << 10U)) in.mistake("queue", "queue: less than one batch of 64KiB; give that or more");
  in.duration("commit_interval", options.commit_interval);
  if (options.commit_interval < std::chrono::milliseconds(1))
    in.mistake("commit_interval", "commit_interval: not a time to wait; give 1ms or more");
}

void read_security(TableReader& in, CollectorOptions& options) {
  in.text("curve_secret", options.curve_secret);
  in.text("authorized_keys", options.authorized_keys);
  in.texts("allow_users", [&](std::string const& one) { options.allow_users.push_back(one); });
  in.flag("insecure", options.insecure);
  if (options.curve_secret.empty() != options.authorized_keys.empty())
    in.mistake(options.curve_secret.empty() ? "authorized_keys" : "curve_secret",
               "curve_secret and authorized_keys go together; give both, or neither");
}

void read_store(TableReader& in, CollectorOptions& options) {
  in.text("path", options.database);
  in.duration("keep", options.retention.keep);
  in.size("max_size", options.retention.max_size);
  in.size("file_size", options.retention.file_size);
  in.duration("file_period", options.retention.file_period);
  in.flag("full_text", options.retention.full_text);
  in.flag("compress", options.retention.compress);
  for (auto const& mistake : store::retention_mistakes(options.retention, options.database))
    in.mistake(mistake.option, mistake.text);
}

void read_inputs(TableReader& in, CollectorOptions& options) {
  using inputs::Transport;
  auto const one = [&](std::string_view key, Transport transport, std::optional<std::string>& out) {
    auto const* const node = in.find(key);
    bool const internet = transport == Transport::kTcp || transport == Transport::kUdp;
    auto const take = [&](std::string const& address) {
      inputs::check_listen_address(transport, address);
      out = address;
    };
    if (node != nullptr && node->is_integer() && internet)
      in.number(key, 0, 65'535, [&](std::int64_t port) { take(std::to_string(port)); });
    else
      in.text(key, take);
  };
  one("python_tcp", Transport::kTcp, options.python_tcp);
  one("python_udp", Transport::kUdp, options.python_udp);
  one("python_unix", Transport::kUnix, options.python_unix);
  one("python_unix_datagram", Transport::kUnixDatagram, options.python_unix_datagram);
  in.texts("subscribe", [&](std::string const& endpoint) {
    delivery::check_socket_address(endpoint);
    options.subscribe.push_back(endpoint);
  });
  in.text("subscribe_server_key", options.subscribe_server_key);
  in.text("subscribe_curve_secret", options.subscribe_curve_secret);
  bool const has_key = !options.subscribe_server_key.empty();
  if (has_key == options.subscribe_curve_secret.empty())
    in.mistake(has_key ? "subscribe_server_key" : "subscribe_curve_secret",
               "subscribe_server_key and subscribe_curve_secret go together; give both, or neither");
}

void read_levels(TableReader& in, CollectorOptions& options) {
  in.text("rules", [&](std::string const& rules) {
    (void)LevelRules::parse(rules);
    options.level_rules = rules;
  });
}

void read_sinks(TableReader& in, CollectorOptions& options, Mistakes& mistakes) {
  auto const* const node = in.find("sink");
  if (node == nullptr) return;
  auto const* const list = node->as_array();
  if (list == nullptr || !node->is_array_of_tables())
    return note(mistakes, node->source(), "sink: write [[sink]], in two brackets: there may be several");
  for (auto const& element : *list) {
    auto const before = mistakes.size();
    auto sink = read_sink(*element.as_table(), mistakes);
    if (mistakes.size() > before) continue;
    if (auto const clash = sinks::clash_of(options.sinks, sink); !clash.empty())
      note(mistakes, element.source(), clash);
    if (auto const clash = sinks::clash_with_store(sink, options.database); !clash.empty())
      note(mistakes, element.as_table()->get("path")->source(), clash);
    options.sinks.push_back(std::move(sink));
  }
  if (list->size() > sinks::kMaxSinks)
    note(mistakes, node->source(), fmt::format("{} sinks; {} at most", list->size(), sinks::kMaxSinks));
}

template <typename Read>
void in_table(TableReader& top, std::string_view name, Mistakes& mistakes, Read read) {
  auto const* const table = top.table(name);
  if (table == nullptr) return;
  TableReader in(*table, fmt::format("[{}]", name), mistakes);
  read(in);
  in.finish();
}

/// Every text in it, with its place: among them are the paths.
void add_places(toml::node const& node, std::vector<PathPlace>& places) {
  auto const& where = node.source().begin;
  if (auto const* const text = node.as_string()) places.push_back({text->get(), where.line, where.column});
  if (auto const* const list = node.as_array())
    for (auto const& element : *list) add_places(element, places);
  if (auto const* const table = node.as_table())
    for (auto const& [key, value] : *table) add_places(value, places);
}

}  // namespace

Config read_config(std::string_view text, std::string const& file, Look look) {
  Mistakes mistakes;
  toml::table table;
  try {
    table = toml::parse(text, file);
  } catch (toml::parse_error const& error) {
    note(mistakes, error.source(), error.description());
    throw ConfigError(file, std::move(mistakes));
  }
  Config config;
  TableReader top(table, "the file", mistakes);
  in_table(top, "collector", mistakes, [&](TableReader& in) { read_collector(in, config); });
  in_table(top, "security", mistakes, [&](TableReader& in) { read_security(in, config.options); });
  in_table(top, "store", mistakes, [&](TableReader& in) { read_store(in, config.options); });
  in_table(top, "inputs", mistakes, [&](TableReader& in) { read_inputs(in, config.options); });
  in_table(top, "levels", mistakes, [&](TableReader& in) { read_levels(in, config.options); });
  read_sinks(top, config.options, mistakes);
  top.finish();
  add_places(table, config.paths);
  if (!mistakes.empty() && look == Look::kPaths) {
    for (auto& mistake : check_paths(config.options, config.paths)) mistakes.push_back(std::move(mistake));
  }
  if (!mistakes.empty()) throw ConfigError(file, std::move(mistakes));
  return config;
}

Config read_config_file(std::string const& path, Look look) {
  // A stream opens a directory, and throws something obscure when it is read.
  if (std::filesystem::is_directory(path))
    throw std::system_error(EISDIR, std::generic_category(), fmt::format("configuration file {}", path));
  std::ifstream in(path, std::ios::binary);
  std::string text;
  if (in) text.assign(std::istreambuf_iterator<char>(in), {});
  if (!in) {
    throw std::system_error(errno == 0 ? EIO : errno, std::generic_category(),
                            fmt::format("configuration file {}", path));
  }
  if (text.size() > kLargestFile)
    throw ConfigError(path, {{0, 0, fmt::format("larger than {}", size_text(kLargestFile))}});
  return read_config(text, path, look);
}

}  // namespace logboom::config
