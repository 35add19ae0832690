#include "spool/spool.hpp"

#include "posix/fault_point.hpp"
#include "spool/publisher_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <utility>

namespace logboom::spool {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kRing = "ring.";
// A directory is made and removed under names that nobody takes for a spool: seen as a spool, it is whole.
constexpr std::string_view kMaking = ".new-";
constexpr std::string_view kRemoving = ".old-";
constexpr std::string_view kAside = ".unreadable";  // after the name of a spool of which part could not be read
constexpr std::size_t kIdDigits = 32;
constexpr std::size_t kMaxListed = 65'536;

char const* environment(char const* name) {
  char const* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it in a library
  return value != nullptr && *value != '\0' ? value : nullptr;
}

bool is_spool_name(std::string const& name) {
  return name.size() == kIdDigits && name.find_first_not_of("0123456789abcdef") == std::string::npos;
}

bool is_aside_name(std::string const& name) {
  return name.ends_with(kAside) && is_spool_name(name.substr(0, name.size() - kAside.size()));
}

void make_directory(fs::path const& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    throw_system_error(errno, "cannot make the directory", path);
}

void make_root(fs::path const& root) {
  fs::path path;
  for (auto const& part : fs::absolute(root)) {
    path /= part;
    std::error_code missing;
    if (!fs::exists(path, missing)) make_directory(path);
  }
  struct stat status {};
  if (::stat(root.c_str(), &status) != 0) throw_system_error(errno, "cannot look at", root);
  if (status.st_uid != ::geteuid() && status.st_uid != 0)
    throw SpoolError(
        "the spool directory " + root.string() + " belongs to user " + std::to_string(status.st_uid) +
        ", who could read or forge what is logged: set LOGBOOM_SPOOL to a directory of your own");
}

// What is in a spool has no directories of its own. The lock goes last, so that nobody takes what is left for a spool.
bool remove_contents(fs::path const& directory) {
  std::error_code error;
  for (auto const& entry : fs::directory_iterator(directory, error))
    if (entry.path().filename() != "lock") ::unlink(entry.path().c_str());
  ::unlink((directory / "lock").c_str());
  return ::rmdir(directory.c_str()) == 0 || errno == ENOENT;  // somebody's sweep may take the last step
}

void clear_away(fs::path const& directory) {
  try {
    if (auto const lock = SpoolLock::acquire(directory, false)) {
      (void)remove_contents(directory);
    } else {
      ::rmdir(directory.c_str());  // fails unless it is empty
    }
  } catch (SpoolError const&) {
    return;  // somebody else's: not ours to clear away
  }
}

// Of a directory without identity: true when nothing of worth is in it.
bool is_hollow(fs::path const& directory) {
  for (auto const& entry : fs::directory_iterator(directory)) {
    std::string const name = entry.path().filename().string();
    if (name != "lock" && name != "clock" && name != "catalogue") return false;
  }
  return true;
}

// A process that was killed before its first ring stood has lost nothing, whatever else of its spool was not there yet.
bool holds_records(fs::path const& directory) {
  for (auto const& entry : fs::directory_iterator(directory)) {
    std::string const name = entry.path().filename().string();
    if (name.starts_with(kRing) || name.starts_with("overflow.")) return true;
  }
  return false;
}

// Made, locked and identified under another name, then shown. Somebody's sweep may take it for abandoned before it is locked, and be at it for
// a while: then under yet another name.
SpoolLock make_spool(fs::path const& root, fs::path const& directory, wire::Publisher const& publisher,
                     std::span<std::string const> endpoints) {
  constexpr int kTries = 16;
  for (int i = 0; i < kTries; ++i) {
    fs::path const making =
        root / (std::string(kMaking) + directory.filename().string() + "." + std::to_string(i));
    make_directory(making);
    auto lock = SpoolLock::acquire(making, true);
    if (!lock) continue;
    try {
      write_owner(making / "publisher", publisher, endpoints);
      fault_point("spool.making");
      if (::rename(making.c_str(), directory.c_str()) != 0)
        throw_system_error(errno, "cannot make the spool", directory);
    } catch (...) {
      (void)remove_contents(making);
      throw;
    }
    return std::move(*lock);
  }
  throw_system_error(EBUSY, "cannot make the spool", directory);
}

ClockFile load_clock(fs::path const& path, wire::Publisher const& publisher,
                     std::vector<std::string>& problems) {
  try {
    return ClockFile::load(path, publisher.started);
  } catch (std::system_error const& error) {
    if (may_pass(error.code())) throw;
    problems.push_back(std::string(error.what()) + ": its records get the time the process started");
    return ClockFile::unknown(publisher.started);
  }
}

void note_damage(Overflow const& overflow, std::vector<std::string>& problems) {
  for (auto const& damage : overflow.damage())
    problems.push_back(damage.file.string() + " is damaged at byte " + std::to_string(damage.offset) + ", " +
                       std::to_string(damage.bytes) + " bytes: what stood there is lost");
}

}  // namespace

fs::path default_root() {
  if (char const* const root = environment("LOGBOOM_SPOOL")) return root;
  if (char const* const state = environment("XDG_STATE_HOME"); state != nullptr && *state == '/')
    return fs::path(state) / "logboom" / "spool";
  if (char const* const home = environment("HOME"))
    return fs::path(home) / ".local" / "state" / "logboom" / "spool";
  return fs::path("/tmp") / ("logboom-" + std::to_string(::geteuid())) / "spool";
}

Spool::Spool(fs::path directory, SpoolLock lock, wire::Publisher publisher, ClockFile clock, Overflow overflow)
    : directory_(std::move(directory)),
      lock_(std::move(lock)),
      publisher_(std::move(publisher)),
      clock_(std::move(clock)),
      overflow_(std::move(overflow)) {}

Spool Spool::create(fs::path const& root, wire::Publisher const& publisher,
                    std::span<std::string const> endpoints) {
  make_root(root);
  sweep(root);
  fs::path const directory = root / hex(publisher.id);
  SpoolLock lock = make_spool(root, directory, publisher, endpoints);
  try {
    Overflow overflow = Overflow::open(directory, overflow_seed(publisher.id));
    Spool spool(directory, std::move(lock), publisher, ClockFile::create(directory / "clock"),
                std::move(overflow));
    spool.catalogue_file_ = CatalogueFile::create(directory / "catalogue");
    return spool;
  } catch (...) {
    (void)remove_contents(directory);
    throw;
  }
}

std::optional<Spool> Spool::adopt(fs::path const& directory) {
  auto lock = SpoolLock::acquire(directory, false);
  if (!lock) {
    ::rmdir(directory.c_str());  // empty: a removal that was cut off before its last step
    return std::nullopt;
  }
  if (std::error_code missing; !fs::exists(directory / "publisher", missing) && is_hollow(directory)) {
    (void)remove_contents(directory);
    return std::nullopt;
  }
  wire::Publisher publisher = read_owner(directory / "publisher").publisher;
  std::vector<std::string> problems;
  ClockFile clock = load_clock(directory / "clock", publisher, problems);
  Overflow overflow = Overflow::open(directory, overflow_seed(publisher.id));
  note_damage(overflow, problems);
  Spool spool(directory, std::move(*lock), std::move(publisher), std::move(clock), std::move(overflow));
  spool.catalogue_ = SpooledCatalogue::load(directory / "catalogue");
  if (!spool.catalogue_.damage().empty()) problems.push_back(spool.catalogue_.damage());
  if (holds_records(directory)) spool.problems_ = std::move(problems);
  return spool;
}

std::vector<std::string> Spool::endpoints(fs::path const& directory) {
  try {
    return read_owner(directory / "publisher").endpoints;
  } catch (SpoolError const&) {
    return {};
  } catch (std::system_error const& error) {
    if (may_pass(error.code())) throw;  // or another bus's spool would be taken for anybody's
    return {};
  }
}

std::vector<fs::path> Spool::list(fs::path const& root) {
  std::vector<std::pair<fs::file_time_type, fs::path>> found;
  std::error_code error;
  for (fs::directory_iterator entry(root, error), end; !error && entry != end && found.size() < kMaxListed;
       entry.increment(error)) {
    std::error_code ignored;
    if (!is_spool_name(entry->path().filename().string()) || !entry->is_directory(ignored)) continue;
    auto const time = fs::last_write_time(entry->path() / "publisher", ignored);
    found.emplace_back(ignored ? fs::file_time_type::min() : time, entry->path());
  }
  std::sort(found.begin(), found.end());
  std::vector<fs::path> directories;
  directories.reserve(found.size());
  for (auto& [time, path] : found) directories.push_back(std::move(path));
  return directories;
}

void Spool::sweep(fs::path const& root) noexcept {
  try {
    std::vector<fs::path> remains;
    for (auto const& entry : fs::directory_iterator(root)) {
      std::string const name = entry.path().filename().string();
      if (name.starts_with(kMaking) || name.starts_with(kRemoving)) remains.push_back(entry.path());
    }
    for (auto const& directory : remains) {
      clear_away(directory);
    }
  } catch (std::exception const&) {
    return;  // a directory that cannot be cleared away costs nothing but its room; the next one tries again
  }
}

RingFile Spool::create_ring(std::uint64_t stream, std::size_t capacity) const {
  return RingFile::create(directory_ / (std::string(kRing) + std::to_string(stream)), stream, capacity);
}

void Spool::append_site(wire::CallSite const& site) { catalogue_file_.value().append_site(site); }

void Spool::append_logger(std::uint64_t ref, std::string_view name) {
  catalogue_file_.value().append_logger(ref, name);
}

Spool::Rings Spool::open_rings() const {
  std::vector<fs::path> paths;
  for (auto const& entry : fs::directory_iterator(directory_))
    if (entry.path().filename().string().starts_with(kRing)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  Rings found;
  auto& rings = found.readable;
  for (auto const& path : paths) {
    try {
      RingFile ring = RingFile::open(path);
      if (path.filename() != std::string(kRing) + std::to_string(ring.stream()))
        throw SpoolError("the ring " + path.string() + " says that it is stream " +
                         std::to_string(ring.stream()) + ": it was renamed or copied; remove it");
      for (auto const& extent : ring.damage())
        found.damage.push_back("the ring " + path.string() + " is damaged at byte " +
                               std::to_string(detail::kRingDataOffset + extent.from % ring.capacity()) +
                               ", " + std::to_string(extent.to - extent.from) +
                               " bytes: the records that stood there are lost");
      rings.push_back(std::move(ring));
    } catch (SpoolError const& error) {
      found.left_out.emplace_back(error.what());
    } catch (std::system_error const& error) {
      if (may_pass(error.code())) throw;
      found.left_out.emplace_back(error.what());
    }
  }
  std::sort(rings.begin(), rings.end(),
            [](RingFile const& a, RingFile const& b) { return a.stream() < b.stream(); });
  if (rings.size() > wire::kMaxStreams) {
    found.left_out.push_back("the spool " + directory_.string() + " has more than " +
                             std::to_string(wire::kMaxStreams) + " rings: the rest is left alone");
    rings.erase(rings.begin() + wire::kMaxStreams, rings.end());
  }
  return found;
}

bool Spool::remove() noexcept {
  try {
    if (!lock_ || !lock_->mine()) return false;
    fs::path const removing =
        directory_.parent_path() / (std::string(kRemoving) + directory_.filename().string());
    fault_point("spool.removing");
    if (::rename(directory_.c_str(), removing.c_str()) != 0) return false;
    fault_point("spool.removing.amid");
    bool const removed = remove_contents(removing);
    lock_.reset();
    return removed;
  } catch (std::exception const&) {
    return false;
  }
}

Spool::Aside Spool::set_aside() {
  Aside aside;
  fs::path const to = directory_.string() + std::string(kAside);
  if (::rename(directory_.c_str(), to.c_str()) != 0) {
    aside.error = std::error_code(errno, std::generic_category());
    return aside;
  }
  aside.kept = to;
  lock_.reset();
  std::vector<std::pair<fs::file_time_type, fs::path>> older;
  std::error_code error;
  for (auto const& entry : fs::directory_iterator(directory_.parent_path(), error))
    if (is_aside_name(entry.path().filename().string()) && entry.path() != to)
      older.emplace_back(entry.last_write_time(error), entry.path());
  std::sort(older.begin(), older.end());
  for (std::size_t i = 0; i + kMaxAside <= older.size(); ++i)
    if (remove_contents(older[i].second)) aside.removed.push_back(older[i].second);
  return aside;
}

void Spool::forget() noexcept {
  lock_.reset();
  catalogue_file_.reset();
  overflow_.close();
}

}  // namespace logboom::spool
