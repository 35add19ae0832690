// Paths as the system sees them now. Must not know TOML, nor how a path is used in the end.
#include "config/path_check.hpp"

#include "delivery/endpoint.hpp"
#include "record/terminal_text.hpp"
#include "sinks/sink_options.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

namespace logboom::config {
namespace {

namespace fs = std::filesystem;

enum class Kind { kStore, kLogFile, kSocket, kDirectory };
enum class Parents { kMade, kNeeded };

std::string reason() { return std::generic_category().message(errno); }

bool allowed(fs::path const& path, int rights) {
  return ::faccessat(AT_FDCWD, path.c_str(), rights, AT_EACCESS) == 0;
}

/// Something can be made in this directory, or in those that are made for it. "" = it can.
std::string no_room_in(fs::path directory, Parents parents) {
  struct stat status {};
  while (::stat(directory.c_str(), &status) != 0) {
    if (errno != ENOENT) return fmt::format("{}: {}; name another place", directory.native(), reason());
    if (parents == Parents::kNeeded)
      return fmt::format("the directory {} does not exist; make it, or name another", directory.native());
    directory = directory.parent_path();
  }
  if (!S_ISDIR(status.st_mode))
    return fmt::format("{} is no directory; name another place", directory.native());
  if (!allowed(directory, W_OK | X_OK))
    return fmt::format("nothing can be made in the directory {}: {}; change its permissions, or name another",
                       directory.native(), reason());
  return {};
}

bool fits(Kind kind, mode_t mode) {
  switch (kind) {
    case Kind::kStore: return S_ISREG(mode);
    case Kind::kLogFile: return S_ISREG(mode) || S_ISCHR(mode);
    case Kind::kSocket: return S_ISSOCK(mode);
    case Kind::kDirectory: break;
  }
  return S_ISDIR(mode);
}

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::kStore:
    case Kind::kLogFile: return "a file";
    case Kind::kSocket: return "a socket";
    case Kind::kDirectory: break;
  }
  return "a directory";
}

std::string unopenable(Kind kind, std::string const& given, Parents parents) {
  auto const path = fs::absolute(given).lexically_normal();
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno != ENOENT && errno != ENOTDIR) return reason() + "; name another";
    return no_room_in(path.parent_path(), parents);
  }
  if (!fits(kind, status.st_mode)) return fmt::format("it is there, and not {}; name another", name_of(kind));
  if (!allowed(path, kind == Kind::kDirectory ? W_OK | X_OK : kind == Kind::kStore ? R_OK | W_OK : W_OK))
    return fmt::format("{}; change its permissions, or name another", reason());
  // The store has files beside it, a log file is renamed, a socket is made anew.
  return kind == Kind::kDirectory || S_ISCHR(status.st_mode) ? std::string()
                                                             : no_room_in(path.parent_path(), parents);
}

class Checker {
 public:
  explicit Checker(std::vector<PathPlace> const& places) : places_(places) {}

  /// @param named the text that the file has
  void look(Kind kind, std::string const& named, std::string const& path, Parents parents) {
    auto const why = unopenable(kind, path, parents);
    if (why.empty()) return;
    Mistake mistake;
    append_harmless_line(fmt::format("cannot open {}: {}", path, why), mistake.text);
    auto const place =
        std::find_if(places_.begin(), places_.end(), [&](PathPlace const& one) { return one.path == named; });
    mistake.elsewhere = place == places_.end();
    if (!mistake.elsewhere) {
      mistake.line = place->line;
      mistake.column = place->column;
    }
    mistakes_.push_back(std::move(mistake));
  }
  std::vector<Mistake> take() { return std::move(mistakes_); }

 private:
  std::vector<PathPlace> const& places_;
  std::vector<Mistake> mistakes_;
};

}  // namespace

std::vector<Mistake> check_paths(CollectorOptions const& options, std::vector<PathPlace> const& places) {
  Checker checker(places);
  constexpr std::string_view kIpc = "ipc://";
  for (auto const& endpoint : options.endpoints) {
    if (endpoint.starts_with(kIpc))
      checker.look(Kind::kSocket, endpoint, delivery::parse_endpoint(endpoint).push.substr(kIpc.size()),
                   Parents::kMade);
  }
  if (!options.database.empty())
    checker.look(Kind::kStore, options.database, options.database, Parents::kNeeded);
  for (auto const* socket : {&options.python_unix, &options.python_unix_datagram}) {
    if (*socket) checker.look(Kind::kSocket, **socket, **socket, Parents::kNeeded);
  }
  for (auto const& sink : options.sinks) {
    if (sink.type == SinkOptions::Type::kFile)
      checker.look(Kind::kLogFile, sink.path, sinks::present_path(sink), Parents::kMade);
    if (sink.type == SinkOptions::Type::kUpstream && !sink.spool.empty())
      checker.look(Kind::kDirectory, sink.spool, sink.spool, Parents::kMade);
  }
  return checker.take();
}

}  // namespace logboom::config
