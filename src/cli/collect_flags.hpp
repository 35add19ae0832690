// The flags of `logboom collect`, and the configuration that they make together with its file. Must not know how a collector works.
#pragma once

#include "config/config_file.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace logboom::cli {

/// Texts as typed; config() reads them once the line is parsed, so that a mistake is reported like any other.
class CollectFlags {
 public:
  void add_to(CLI::App& command);

  /// The file as it is now, if there is one, and the flags, which win. The default spool directories are among the roots to adopt.
  /// @throws config::ConfigError, std::invalid_argument, std::system_error
  config::Config config(config::Look look = config::Look::kText) const;

  std::string const& file() const noexcept { return file_; }
  /// Whether there is anything to read again at SIGHUP.
  bool has_files() const noexcept { return !file_.empty() || !authorized_keys_.empty(); }
  bool check() const noexcept { return check_; }

 private:
  void add_store(CLI::App& command);
  void add_bus(CLI::App& command);
  void add_access(CLI::App& command);
  void add_inputs(CLI::App& command);
  void add_upstream(CLI::App& command);
  void apply_store(CollectorOptions& options) const;
  void apply_bus(config::Config& config) const;
  void apply_access(CollectorOptions& options) const;
  void apply_print(CollectorOptions& options) const;
  void apply_upstream(CollectorOptions& options) const;

  std::string file_;
  bool check_ = false;
  std::vector<std::string> endpoints_;
  std::optional<std::string> database_;
  bool no_db_ = false;
  std::string keep_, max_size_, file_size_, file_period_;
  std::optional<bool> full_text_;
  std::optional<bool> compress_;
  std::string print_;
  std::optional<bool> no_publish_;
  std::vector<std::string> adopt_;
  std::optional<bool> no_adopt_;
  std::optional<bool> until_idle_;
  std::optional<std::size_t> max_connections_;
  std::string queue_, commit_interval_;
  std::optional<std::string> level_;
  std::string curve_secret_, authorized_keys_;
  std::vector<std::string> allow_users_;
  bool insecure_ = false;
  std::string upstream_, upstream_level_, upstream_spool_, upstream_size_, upstream_server_key_,
      upstream_secret_;
  std::vector<std::string> subscribe_;
  std::string subscribe_server_key_, subscribe_secret_;
  std::optional<std::string> zmq_log_;
  std::optional<std::string> python_tcp_, python_udp_, python_unix_, python_unix_datagram_;
};

}  // namespace logboom::cli
