// Reading authorised keys. Must not know sockets.
#include "curve/authorized_keys.hpp"

#include "posix/descriptor.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

namespace logboom::curve {
namespace {

constexpr std::string_view kBlank = " \t\r\f\v";

[[noreturn]] void refuse(std::string_view thing, std::string_view reason, std::string_view mend) {
  throw KeyError(fmt::format("{}: {}; {}", thing, reason, mend));
}

/// Who may write here could let anybody in.
void check_owner(std::string const& path, struct stat const& status) {
  if (status.st_uid != ::geteuid() && status.st_uid != 0)
    refuse(path, fmt::format("it belongs to user {}, who could let anybody in", status.st_uid),
           "give it to the collector's user, or to root");
  if ((status.st_mode & 022U) != 0)
    refuse(
        path,
        fmt::format("others may write to it (mode {:04o}), and could let anybody in", status.st_mode & 07777U),
        fmt::format("chmod go-w {}", path));
}

std::string contents(std::string const& path) {
  posix::Descriptor const file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0)
    refuse(path, std::strerror(errno), "name a file of authorised keys, or a directory of such files");
  if (!S_ISREG(status.st_mode)) refuse(path, "not a file", "move it away");
  check_owner(path, status);
  std::string text;
  std::array<char, 65'536> buffer{};
  for (;;) {
    auto const got = ::read(file.get(), buffer.data(), buffer.size());
    if (got == 0) return text;
    if (got < 0 && errno != EINTR) refuse(path, std::strerror(errno), "name another file");
    if (got > 0) text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > AuthorizedKeys::kMaxFile)
      refuse(path, fmt::format("larger than {} bytes", AuthorizedKeys::kMaxFile),
             "name a file of authorised keys");
  }
}

std::vector<std::string> files_of(std::string const& directory) {
  std::vector<std::string> found;
  std::error_code failed;
  for (std::filesystem::directory_iterator entry(directory, failed), end; !failed && entry != end;
       entry.increment(failed)) {
    auto const name = entry->path().filename().native();
    if (!name.starts_with('.') && !name.ends_with('~')) found.push_back(entry->path().native());
    if (found.size() > AuthorizedKeys::kMaxFiles)
      refuse(directory, fmt::format("more than {} files", AuthorizedKeys::kMaxFiles),
             "put several keys into one, a line each");
  }
  if (failed) refuse(directory, failed.message(), "name a directory that can be read");
  std::sort(found.begin(), found.end());
  return found;
}

/// The next word, taken off the text.
std::string_view take_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlank), text.size()));
  auto const word = text.substr(0, text.find_first_of(kBlank));
  text.remove_prefix(word.size());
  return word;
}

/// What is shown of a name: it stands in logs and in what peers are told.
std::string name_of(std::string_view rest, std::string_view key) {
  auto const first = rest.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return fmt::format("key {}…", key.substr(0, 8));
  auto name = std::string(
      rest.substr(first, rest.find_last_not_of(kBlank) - first + 1).substr(0, AuthorizedKeys::kMaxName));
  for (char& c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return name;
}

}  // namespace

AuthorizedKeys AuthorizedKeys::read(std::string const& path) {
  AuthorizedKeys keys;
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
    check_owner(path, status);
    for (auto const& file : files_of(path)) keys.add(contents(file), file);
  } else {
    keys.add(contents(path), path);
  }
  return keys;
}

void AuthorizedKeys::add(std::string_view text, std::string const& file) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    auto const end = std::min(text.find('\n'), text.size());
    add_line(text.substr(0, end), fmt::format("{}:{}", file, number));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

void AuthorizedKeys::add_line(std::string_view line, std::string const& place) {
  auto rest = line;
  auto const words = take_word(rest);
  if (words.empty() || words.starts_with('#')) return;
  auto const rights = parse_rights(words);
  if (!rights)
    refuse(place, fmt::format("'{:.40}' are no rights", words),
           "write publish, view, control (with commas) or all, then the key");
  auto const key = take_word(rest);
  if (key.empty()) refuse(place, "there is no key", fmt::format("write `{} KEY NAME`", words));
  if (!is_key(key))
    refuse(place, fmt::format("'{:.48}' is no key", key),
           "give the 40 characters that `logboom keygen` printed");
  if (keys_.size() >= kMaxKeys) refuse(place, fmt::format("more than {} keys", kMaxKeys), "remove some");
  auto const [at, added] =
      keys_.try_emplace(std::string(key), AuthorizedKey{*rights, name_of(rest, key), place});
  if (!added)
    refuse(place, fmt::format("the key is at {} already", at->second.place), "remove one of the lines");
}

AuthorizedKey const* AuthorizedKeys::find(std::string_view key) const {
  auto const at = keys_.find(key);
  return at == keys_.end() ? nullptr : &at->second;
}

bool AuthorizedKeys::more_than(AuthorizedKeys const& other) const {
  return std::any_of(keys_.begin(), keys_.end(), [&](auto const& entry) {
    auto const* const there = other.find(entry.first);
    return there == nullptr || !entry.second.rights.within(there->rights);
  });
}

}  // namespace logboom::curve
