// Deciding who is let in. Must not know sockets.
#include "collector/admission.hpp"

#include "curve/secret_file.hpp"

#include <fmt/format.h>

#include <pwd.h>
#include <unistd.h>
#include <charconv>
#include <optional>
#include <stdexcept>
#include <utility>

namespace logboom::collector {
namespace {

constexpr std::string_view kLocal =
    "localhost:";  // then the peer's uid, gid and pid, where it came by an ipc address

std::optional<uid_t> user_of(std::string_view address) {
  uid_t user = 0;
  auto const* const begin = address.data() + kLocal.size();
  auto const* const end = address.data() + address.size();
  auto const [stop, error] = std::from_chars(begin, end, user);
  if (error != std::errc{} || stop == end || *stop != ':') return std::nullopt;
  return user;
}

[[noreturn]] void refuse_user(std::string const& text, std::string_view reason, std::string_view mend) {
  throw std::invalid_argument(fmt::format("allow-user '{}': {}; {}", text, reason, mend));
}

uid_t find_user(std::string const& text, std::string const& name) {
  uid_t number = 0;
  auto const [stop, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error == std::errc{} && stop == name.data() + name.size()) return number;
  std::vector<char> buffer(16'384);
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    refuse_user(text, fmt::format("there is no user {} on this machine", name),
                "give a name that `id NAME` knows, or a number");
  return entry.pw_uid;
}

std::pair<uid_t, curve::Rights> parse_user(std::string const& text) {
  auto const equals = text.find('=');
  auto const name = text.substr(0, equals);
  if (name.empty()) refuse_user(text, "there is no name", "write NAME or NAME=publish,view,control");
  auto rights = std::optional(curve::kAllRights);
  if (equals != std::string::npos) rights = curve::parse_rights(std::string_view(text).substr(equals + 1));
  if (!rights) refuse_user(text, "no such rights", "write NAME=publish,view,control or some of them");
  return {find_user(text, name), *rights};
}

curve::Rights both(curve::Rights const& left, curve::Rights const& right) {
  return {left.publish && right.publish, left.view && right.view, left.control && right.control};
}

bool enough(std::string_view domain, curve::Rights const& rights) {
  if (domain == Admission::kPublish) return rights.publish;
  if (domain == Admission::kView) return rights.view;
  return domain == Admission::kControl && rights.any();
}

/// What the right is called that the socket needs.
std::string_view right_of(std::string_view domain) {
  if (domain == Admission::kPublish) return "publish";
  return domain == Admission::kView ? "view" : "publish, view or control";
}

}  // namespace

Admission::Admission(Options options, OwnLog& log) : options_(std::move(options)), log_(log) {
  if (curve() == options_.authorized_keys.empty())
    throw std::invalid_argument(
        "curve_secret and authorized_keys go together: the file of the collector's own secret key, and who "
        "may "
        "talk to it; give both (docs/security.md)");
  for (auto const& text : options_.users) {
    auto const [user, rights] = parse_user(text);
    users_[user] = rights;
  }
  if (!users_.empty()) {
    // Neither could be kept out: the one has made the sockets, the other reads all memory.
    users_[::geteuid()] = curve::kAllRights;
    users_[0] = curve::kAllRights;
  }
  if (!curve()) return;
  try {
    server_ = curve::read_secret_file(options_.curve_secret);
    own_ = curve::make_pair();
  } catch (curve::KeyError const& error) {
    throw std::invalid_argument(error.what());
  }
  keys_ = read();
}

std::shared_ptr<curve::AuthorizedKeys const> Admission::read() const {
  if (!curve()) return nullptr;
  try {
    return std::make_shared<curve::AuthorizedKeys const>(curve::AuthorizedKeys::read(options_.authorized_keys));
  } catch (curve::KeyError const& error) {
    throw std::invalid_argument(error.what());
  }
}

bool Admission::replace(std::shared_ptr<curve::AuthorizedKeys const> keys) {
  if (keys == nullptr) return false;
  std::lock_guard const lock(mutex_);
  keys_.swap(keys);
  return keys->more_than(*keys_);
}

std::shared_ptr<curve::AuthorizedKeys const> Admission::current() const {
  std::lock_guard const lock(mutex_);
  return keys_;
}

std::size_t Admission::keys() const {
  auto const keys = current();
  return keys == nullptr ? 0 : keys->size();
}

Admission::Verdict Admission::decide(ZapRequest const& request) {
  curve::Rights rights = curve::kAllRights;
  std::string name;
  if (!admit_user(request, rights, name) || !admit_key(request, rights, name)) return {};
  if (!enough(request.domain, rights)) {
    refuse(curve() ? counters_.keys : counters_.users,
           fmt::format("refused: {} from {} may not {}", name, request.address, right_of(request.domain)));
    return {};
  }
  return {true, fmt::format("{} {}", curve::to_string(rights), name)};
}

bool Admission::admit_user(ZapRequest const& request, curve::Rights& rights, std::string& name) {
  if (users_.empty() || !request.address.starts_with(kLocal)) return true;
  auto const user = user_of(request.address);
  auto const known = user ? users_.find(*user) : users_.end();
  if (known != users_.end()) {
    rights = known->second;
    name = fmt::format("user {}", *user);
    return true;
  }
  refuse(counters_.users, fmt::format("refused: user {} is not admitted (--allow-user)",
                                      request.address.substr(kLocal.size())));
  return false;
}

bool Admission::admit_key(ZapRequest const& request, curve::Rights& rights, std::string& name) {
  if (!curve()) return true;
  auto const key = curve::key_text(request.key);
  if (key == own_.public_key && request.mechanism == "CURVE") {
    rights = {true, false, false};
    name = "the collector itself";
    return true;
  }
  auto const keys = current();
  auto const* const known = request.mechanism == "CURVE" ? keys->find(key) : nullptr;
  if (known != nullptr) {
    rights = both(rights, known->rights);
    name = known->name;
    return true;
  }
  refuse(counters_.keys, fmt::format("refused: the key {} from {} is not among the authorised ones in {}",
                                     key, request.address, options_.authorized_keys));
  return false;
}

void Admission::refuse(std::atomic<std::uint64_t>& counter, std::string line) {
  ++counter;
  log_.note(OwnLog::Kind::kAccess, level::kWarning, std::move(line));
}

curve::Rights Admission::rights_in(std::string_view user) {
  return curve::parse_rights(user.substr(0, user.find(' '))).value_or(curve::Rights{});
}

std::string_view Admission::name_in(std::string_view user) {
  return user.substr(std::min(user.find(' '), user.size() - 1) + 1);
}

void Admission::count_request(std::string_view user, std::string_view what) {
  refuse(counters_.requests, fmt::format("refused: {} may not {}", name_in(user), what));
}

}  // namespace logboom::collector
