// Reading and writing files of secret keys. Must not know sockets.
#include "curve/secret_file.hpp"

#include "posix/descriptor.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace logboom::curve {
namespace {

constexpr std::size_t kLargestFile = 4'096;

[[noreturn]] void refuse(std::string const& path, std::string_view reason, std::string_view mend) {
  throw KeyError(fmt::format("secret key {}: {}; {}", path, reason, mend));
}

/// The open file is looked at, so that it is the one that is read.
void check_owner(std::string const& path, int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) refuse(path, std::strerror(errno), "name another file");
  if (!S_ISREG(status.st_mode)) refuse(path, "not a file", "name the file that `logboom keygen -o` made");
  if (status.st_uid != ::geteuid() && status.st_uid != 0)
    refuse(path, fmt::format("it belongs to user {}, who knows it", status.st_uid),
           "make one of your own with `logboom keygen -o FILE`");
  if ((status.st_mode & 077U) != 0)
    refuse(path, fmt::format("others may read it (mode {:04o})", status.st_mode & 07777U),
           fmt::format("chmod 600 {}, or make a new key if somebody may have read it", path));
}

std::string contents(std::string const& path, int fd) {
  std::string text;
  std::array<char, kLargestFile + 1> buffer{};
  while (text.size() <= kLargestFile) {
    auto const got = ::read(fd, buffer.data(), buffer.size());
    if (got == 0) return text;
    if (got > 0)
      text.append(buffer.data(), static_cast<std::size_t>(got));
    else if (errno != EINTR)
      refuse(path, std::strerror(errno), "name another file");
  }
  refuse(path, fmt::format("larger than {} bytes", kLargestFile),
         "name the file that `logboom keygen -o` made");
}

/// The line's secret key, "" if it has none.
std::string_view secret_in(std::string_view line) {
  constexpr std::string_view kWord = "secret ";
  constexpr std::string_view kBlank = " \t\r";
  if (line.starts_with(kWord)) line.remove_prefix(kWord.size());
  auto const first = line.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  line = line.substr(first, line.find_last_not_of(kBlank) - first + 1);
  return is_key(line) ? line : std::string_view();
}

}  // namespace

KeyPair read_secret_file(std::string const& path) {
  posix::Descriptor const file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!file) refuse(path, std::strerror(errno), "make one with `logboom keygen -o FILE`");
  check_owner(path, file.get());
  auto const text = contents(path, file.get());
  std::string_view rest = text;
  while (!rest.empty()) {
    auto const end = std::min(rest.find('\n'), rest.size());
    if (auto const key = secret_in(rest.substr(0, end)); !key.empty()) return pair_of(std::string(key));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  refuse(path, "there is no secret key in it", "name the file that `logboom keygen -o` made");
}

void write_secret_file(std::string const& path, KeyPair const& pair) {
  posix::Descriptor const file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) {
    if (errno == EEXIST) refuse(path, "there is a file already", "name another one, or move it away first");
    refuse(path, std::strerror(errno), "name a file in a directory of your own");
  }
  auto const text = fmt::format(
      "# A secret key of logboom: whoever reads it can pretend to be its owner.\npublic {}\nsecret {}\n",
      pair.public_key, pair.secret_key);
  std::size_t done = 0;
  while (done < text.size()) {
    auto const written = ::write(file.get(), text.data() + done, text.size() - done);
    if (written > 0) {
      done += static_cast<std::size_t>(written);
    } else if (errno != EINTR) {
      int const error = errno;
      ::unlink(path.c_str());
      refuse(path, std::strerror(error), "make room, or name another file");
    }
  }
  if (::fsync(file.get()) != 0 && errno != EINVAL) {
    int const error = errno;
    ::unlink(path.c_str());
    refuse(path, std::strerror(error), "make room, or name another file");
  }
}

}  // namespace logboom::curve
