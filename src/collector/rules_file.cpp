// Reading and replacing the file. Must not know what the rules mean.
#include "collector/rules_file.hpp"

#include "delivery/control.hpp"
#include "posix/descriptor.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <span>
#include <utility>

namespace logboom::collector {
namespace {

using posix::Descriptor;

Descriptor open_file(std::string const& path, int flags) {
  return Descriptor(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0600));
}

bool write_whole(int fd, std::span<std::byte const> bytes) {
  while (!bytes.empty()) {
    auto const written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) return false;
    if (written > 0) bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return ::fdatasync(fd) == 0;
}

/// What was renamed or removed in it outlives a power cut.
bool settle_directory_of(std::string const& path) {
  auto const parent = std::filesystem::path(path).parent_path();
  auto const directory = open_file(parent.empty() ? "." : parent.native(), O_RDONLY | O_DIRECTORY);
  return directory && ::fsync(directory.get()) == 0;
}

/// Somebody else's rules are not for our publishers.
bool ours(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
         (status.st_uid == ::geteuid() || status.st_uid == 0);
}

}  // namespace

RulesFile::Found RulesFile::load() const {
  if (path_.empty()) return {};
  auto const refuse = [&](std::string_view why) {
    return Found{
        {},
        fmt::format("{}: {}; the level rules in it are not in force, set them again with `logboom level`",
                    path_, why)};
  };
  auto const file = open_file(path_, O_RDONLY | O_NONBLOCK);
  if (!file) return errno == ENOENT ? Found{} : refuse(std::strerror(errno));
  if (!ours(file.get())) return refuse("not a file of this user");
  std::vector<std::byte> bytes(wire::kMaxControl + 1);
  std::size_t size = 0;
  while (size < bytes.size()) {
    auto const got = ::read(file.get(), bytes.data() + size, bytes.size() - size);
    if (got < 0 && errno != EINTR) return refuse(std::strerror(errno));
    if (got == 0) break;
    if (got > 0) size += static_cast<std::size_t>(got);
  }
  try {
    auto found = delivery::decode(std::span(bytes).first(size));
    if (auto* const rules = std::get_if<delivery::Rules>(&found)) return {std::move(rules->rules), {}};
    return refuse("it does not hold level rules");
  } catch (wire::FrameError const& error) {
    return refuse(error.what());
  }
}

std::string RulesFile::save(std::vector<delivery::StandingRule> const& rules) const {
  if (path_.empty()) return "there is no place to keep them";
  auto const failed = [&](char const* what) {
    return fmt::format("{}: cannot be {}: {}", path_, what, std::strerror(errno));
  };
  if (rules.empty()) {
    if (::unlink(path_.c_str()) != 0) return errno == ENOENT ? std::string() : failed("removed");
    return settle_directory_of(path_) ? std::string() : failed("removed for good");
  }
  std::error_code made;
  std::filesystem::create_directories(std::filesystem::path(path_).parent_path(),
                                      made);  // if that fails, the next line tells
  auto const fresh = path_ + ".new";
  ::unlink(fresh.c_str());  // what a death left
  {
    delivery::Rules message;
    message.rules = rules;
    auto const file = open_file(fresh, O_WRONLY | O_CREAT | O_EXCL);
    if (!file || !write_whole(file.get(), delivery::encode(message))) {
      auto problem = failed("written");
      ::unlink(fresh.c_str());
      return problem;
    }
  }
  if (::rename(fresh.c_str(), path_.c_str()) != 0) return failed("replaced");
  return settle_directory_of(path_) ? std::string() : failed("replaced for good");
}

std::string rules_path(std::string const& database, std::string const& endpoint) {
  constexpr std::string_view kIpc = "ipc://";
  if (!database.empty()) return database + RulesFile::kEnd;
  if (endpoint.starts_with(kIpc)) return endpoint.substr(kIpc.size()) + RulesFile::kEnd;
  std::string name = endpoint;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '/' || c == ':'; }, '_');
  char const* const state = std::getenv("XDG_STATE_HOME");
  char const* const home = std::getenv("HOME");
  if (state != nullptr && *state == '/') return fmt::format("{}/logboom/{}{}", state, name, RulesFile::kEnd);
  if (home != nullptr && *home == '/')
    return fmt::format("{}/.local/state/logboom/{}{}", home, name, RulesFile::kEnd);
  return {};
}

}  // namespace logboom::collector
