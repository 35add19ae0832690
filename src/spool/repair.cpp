#include "spool/repair.hpp"

#include "spool/clock_file.hpp"
#include "spool/publisher_file.hpp"
#include "spool/ring_file.hpp"
#include "spool/spool_error.hpp"
#include "spool/spool_lock.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <string_view>
#include <system_error>

namespace logboom::spool {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kAside = ".unreadable";

std::optional<PublisherId> id_of(std::string_view name) {
  PublisherId id{};
  if (name.size() != 2 * id.size()) return std::nullopt;
  for (std::size_t i = 0; i < name.size(); ++i) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    auto const digit = kDigits.find(name[i]);
    if (digit == std::string_view::npos) return std::nullopt;
    id[i / 2] |= static_cast<std::byte>(i % 2 == 0 ? digit << 4U : digit);
  }
  return id;
}

bool owner_is_whole(fs::path const& directory) {
  try {
    (void)read_owner(directory / "publisher");
    return true;
  } catch (SpoolError const&) {
    return false;
  } catch (std::system_error const& error) {
    if (may_pass(error.code())) throw;
    return false;
  }
}

/// When its process started, as near as can be told.
std::int64_t started_of(fs::path const& directory) {
  try {
    auto const points = ClockFile::load(directory / "clock", 0).points();
    if (!points.empty()) return points.front().realtime;
  } catch (std::exception const&) {
    // The directory's own time is left.
  }
  struct stat status {};
  constexpr std::int64_t kSecond = 1'000'000'000;
  return ::stat(directory.c_str(), &status) == 0 ? status.st_mtim.tv_sec * kSecond + status.st_mtim.tv_nsec : 0;
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

void make_owner_anew(fs::path const& directory, PublisherId const& id, std::vector<std::string>& done) {
  auto const path = directory / "publisher";
  auto const kept = directory / "publisher.damaged";
  if (::rename(path.c_str(), kept.c_str()) != 0 && errno != ENOENT)
    throw_system_error(errno, "cannot rename", path);
  wire::Publisher publisher;
  publisher.id = id;
  publisher.host = host_name();
  publisher.started = started_of(directory);
  write_owner(path, publisher, {});
  done.push_back(
      path.string() +
      " was made anew with the id that the directory has for a name; of which process and for which "
      "collector it was is not known. What it was is kept as " +
      kept.string());
}

bool rings_are_readable(fs::path const& directory) {
  for (auto const& entry : fs::directory_iterator(directory)) {
    if (!entry.path().filename().string().starts_with("ring.")) continue;
    try {
      (void)RingFile::look(entry.path());
    } catch (SpoolError const&) {
      return false;
    }
  }
  return true;
}

}  // namespace

SpoolRepair repair_spool(fs::path const& directory) {
  SpoolRepair repair;
  repair.directory = directory;
  std::string name = directory.filename().string();
  bool const aside = name.ends_with(kAside);
  if (aside) name.resize(name.size() - kAside.size());
  auto const id = id_of(name);
  if (!id) throw SpoolError(directory.string() + " is no spool: its name is not a publisher's id");
  auto lock = SpoolLock::acquire(directory, false);
  if (!lock) {
    repair.in_use = true;
    return repair;
  }
  if (!owner_is_whole(directory)) make_owner_anew(directory, *id, repair.done);
  if (aside && rings_are_readable(directory)) {
    auto const back = directory.parent_path() / name;
    if (::rename(directory.c_str(), back.c_str()) != 0) throw_system_error(errno, "cannot rename", directory);
    repair.directory = back;
    repair.done.push_back(directory.string() + " can be read by this version, and is " + back.string() +
                          " again");
  }
  return repair;
}

}  // namespace logboom::spool
