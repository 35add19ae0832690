// Who is let in, and with which rights: authorised keys and admitted users (docs/security.md). Must not know sockets.
#pragma once

#include "collector/own_log.hpp"
#include "collector/zap_request.hpp"
#include "curve/authorized_keys.hpp"
#include "curve/rights.hpp"

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace logboom::collector {

/// Any thread.
class Admission {
 public:
  // The sockets, as libzmq names them in its questions.
  static constexpr char const* kPublish = "logboom.publish";  // needs the right to publish
  static constexpr char const* kControl =
      "logboom.control";  // needs any right: what is asked there is looked at one by one
  static constexpr char const* kView = "logboom.view";  // needs the right to view

  struct Options {
    std::string curve_secret;     // file; "": no key is asked for
    std::string authorized_keys;  // file or directory
    std::vector<std::string> users;  // of ipc addresses: NAME, NAME=RIGHTS or a number in place of NAME; none: the file system decides
  };
  struct Counters {
    std::atomic<std::uint64_t> keys =
        0;  // connections refused for their key, or for a right that it does not have
    std::atomic<std::uint64_t> users = 0;     // and for their user
    std::atomic<std::uint64_t> requests = 0;  // control messages refused for want of a right
  };

  /// @throws std::invalid_argument naming what is wrong with keys or users
  Admission(Options options, OwnLog& log);

  /// Whether anybody is asked who they are. Else none of this is used.
  bool active() const noexcept { return curve() || !users_.empty(); }
  bool curve() const noexcept { return !options_.curve_secret.empty(); }
  curve::KeyPair const& server_key() const noexcept { return server_; }
  /// As which the collector connects to itself, to hand in what dead publishers left. It may publish.
  curve::KeyPair const& own_key() const noexcept { return own_; }
  std::size_t keys() const;
  bool admits_users() const noexcept { return !users_.empty(); }

  struct Verdict {
    bool admitted = false;
    std::string user;  // rights and name: what every message of the connection has as its User-Id
  };
  Verdict decide(ZapRequest const& request);

  /// What decide() put into a User-Id. Nothing for what is none.
  static curve::Rights rights_in(std::string_view user);
  static std::string_view name_in(std::string_view user);
  void count_request(std::string_view user, std::string_view what);

  /// The file or directory as it is now. @throws std::invalid_argument
  std::shared_ptr<curve::AuthorizedKeys const> read() const;
  /// From now on. @return whether somebody lost a right: connections that stand were admitted by the old keys
  bool replace(std::shared_ptr<curve::AuthorizedKeys const> keys);

  Counters const& counters() const noexcept { return counters_; }

 private:
  bool admit_user(ZapRequest const& request, curve::Rights& rights, std::string& name);
  bool admit_key(ZapRequest const& request, curve::Rights& rights, std::string& name);
  void refuse(std::atomic<std::uint64_t>& counter, std::string line);
  std::shared_ptr<curve::AuthorizedKeys const> current() const;

  Options const options_;
  OwnLog& log_;
  curve::KeyPair server_, own_;
  std::map<uid_t, curve::Rights> users_;
  mutable std::mutex mutex_;
  std::shared_ptr<curve::AuthorizedKeys const> keys_;
  Counters counters_;
};

}  // namespace logboom::collector
