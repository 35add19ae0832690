// See disk.hpp: the simulated disk, and what src/spool calls of the system in terms of it.
#include "disk.hpp"

#include "record/random_bytes.hpp"
#include "spool/directory.hpp"
#include "spool/file_handle.hpp"
#include "spool/mapped_file.hpp"
#include "spool/spool_lock.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace logboom::simulation {

namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::int64_t kWriteback = 3000;  // ms until what was written is on the disk for good
constexpr std::int64_t kSample = 50;       // ms between two lengths of a file that a power cut knows

bool is_in(std::string const& path, std::string const& directory) {
  return path.size() > directory.size() && path[directory.size()] == '/' && path.starts_with(directory);
}

}  // namespace

Life* Life::running = nullptr;
Disk* Disk::current_ = nullptr;

void Life::die() {
  if (dead_) return;
  dead_ = true;
  Disk::current().freeze(directory_);
}

bool Life::act() {
  if (lit_ && !dead_ && fuse_-- == 0) die();
  return !dead_;
}

std::size_t Life::write(std::uint64_t offset, std::size_t bytes) {
  bool const was = dead_;
  if (act()) return bytes;
  if (was) return 0;
  auto const pages = (offset + bytes) / kPage - offset / kPage;
  auto const end = (offset / kPage + dice_->pick(pages + 1)) * kPage;
  return end <= offset ? 0 : static_cast<std::size_t>(end - offset);
}

Disk::Disk(Dice& throws) : dice(&throws) { current_ = this; }
Disk::~Disk() { current_ = nullptr; }

void Disk::set_full(std::string const& directory, bool is_full) {
  if (is_full)
    full_.insert(directory);
  else
    full_.erase(directory);
}

bool Disk::full(std::string const& path) const {
  return std::any_of(full_.begin(), full_.end(), [&](auto const& directory) { return is_in(path, directory); });
}

void Disk::cut_power(std::string const& directory) {
  for (auto& [path, file] : files) {
    if (!is_in(path, directory) || file->mapped) continue;
    std::size_t certain = 0;
    for (auto const& [when, size] : file->sizes) {
      if (now - when >= kWriteback) certain = size;
    }
    if (file->sizes.empty() || certain >= file->bytes.size()) continue;
    auto const left = certain + static_cast<std::size_t>(dice->pick(file->bytes.size() - certain + 1));
    // The length may be on the disk before the bytes are.
    bool const zeros = dice->chance(0.3);
    if (zeros)
      std::fill(file->bytes.begin() + static_cast<std::ptrdiff_t>(left), file->bytes.end(), std::byte{0});
    else
      file->bytes.resize(left);
  }
}

void Disk::freeze(std::string const& directory) {
  for (auto& [path, file] : files) {
    if (file->mapped && is_in(path, directory)) file->as_left = file->bytes;
  }
}

void Disk::thaw(std::string const& directory) {
  for (auto& [path, file] : files) {
    if (!is_in(path, directory)) continue;
    if (!file->as_left.empty()) std::memcpy(file->bytes.data(), file->as_left.data(), file->bytes.size());
    file->as_left.clear();
    file->mapped = false;
  }
}

void Disk::remove_directory(std::string const& directory) {
  for (auto at = files.begin(); at != files.end();) {
    if (!is_in(at->first, directory)) {
      ++at;
      continue;
    }
    gone.push_back(std::move(at->second));
    at = files.erase(at);
  }
}

bool Disk::has(std::string const& directory) const {
  auto const at = files.lower_bound(directory + "/");
  return at != files.end() && is_in(at->first, directory);
}

}  // namespace logboom::simulation

namespace logboom::spool {

using simulation::Disk;
using simulation::Life;

namespace {

Disk::File& file_of(int fd) { return *Disk::current().open.at(static_cast<std::size_t>(fd)); }

bool dead() { return Life::running != nullptr && Life::running->dead(); }

std::error_code no_space() { return std::make_error_code(std::errc::no_space_on_device); }

void remember(Disk::File& file) {
  auto const now = Disk::current().now;
  if (!file.sizes.empty() && now - file.sizes.back().first < simulation::kSample) return;
  file.sizes.emplace_back(now, file.bytes.size());
  while (file.sizes.size() > 2 && now - file.sizes[1].first > simulation::kWriteback) file.sizes.pop_front();
}

}  // namespace

void throw_system_error(int error, char const* what, std::filesystem::path const& path) {
  throw std::system_error(error, std::generic_category(), std::string(what) + " " + path.string());
}
std::error_code file_limit(std::uint64_t) noexcept { return {}; }
bool may_pass(std::error_code const& error) noexcept {
  return error == std::errc::too_many_files_open || error == std::errc::not_enough_memory;
}
void refuse_stranger(uid_t, std::filesystem::path const&) {}

// --- FileHandle

FileHandle FileHandle::open(std::filesystem::path path, int flags) {
  auto& disk = Disk::current();
  if (!disk.descriptors && (flags & O_CREAT) == 0) throw_system_error(EMFILE, "cannot open", path);
  auto at = disk.files.find(path.string());
  if (at == disk.files.end()) {
    if ((flags & O_CREAT) == 0) throw_system_error(ENOENT, "cannot open", path);
    if (disk.full(path.string())) throw_system_error(ENOSPC, "cannot open", path);
    bool const lives = Life::running == nullptr || Life::running->act();
    auto made = std::make_shared<Disk::File>();
    if (lives) disk.files[path.string()] = made;
    disk.gone.push_back(made);
    at = disk.files.find(path.string());
    if (at == disk.files.end()) {  // made after its process had died: nobody finds it
      disk.open.push_back(std::move(made));
      return FileHandle(std::move(path), static_cast<int>(disk.open.size() - 1));
    }
  } else if ((flags & O_EXCL) != 0) {
    throw_system_error(EEXIST, "cannot open", path);
  }
  if ((flags & O_TRUNC) != 0 && !dead()) at->second->bytes.clear();
  if (!disk.closed.empty()) {
    int const fd = disk.closed.back();
    disk.closed.pop_back();
    disk.open[static_cast<std::size_t>(fd)] = at->second;
    return FileHandle(std::move(path), fd);
  }
  disk.open.push_back(at->second);
  return FileHandle(std::move(path), static_cast<int>(disk.open.size() - 1));
}

FileHandle& FileHandle::operator=(FileHandle&& other) noexcept {
  if (this != &other) {
    close();
    path_ = std::move(other.path_);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void FileHandle::close() noexcept {
  if (fd_ < 0) return;
  auto& disk = Disk::current();
  disk.open[static_cast<std::size_t>(fd_)].reset();
  disk.closed.push_back(fd_);
  fd_ = -1;
}

std::uint64_t FileHandle::size() const { return file_of(fd_).bytes.size(); }

std::error_code FileHandle::write_at(std::uint64_t offset, std::span<std::byte const> bytes) const noexcept {
  auto& file = file_of(fd_);
  if (Disk::current().full(path_.string()) && offset + bytes.size() > file.bytes.size()) return no_space();
  auto const done = Life::running == nullptr ? bytes.size() : Life::running->write(offset, bytes.size());
  if (done == 0) return {};
  remember(file);
  if (file.bytes.size() < offset + done) file.bytes.resize(offset + done);
  std::copy_n(bytes.begin(), done, file.bytes.begin() + static_cast<std::ptrdiff_t>(offset));
  return {};
}

std::error_code FileHandle::allocate(std::uint64_t size) const noexcept {
  auto& file = file_of(fd_);
  if (file.bytes.size() >= size || dead()) return {};
  if (Disk::current().full(path_.string())) return no_space();
  file.bytes.resize(size);
  return {};
}

std::error_code FileHandle::truncate(std::uint64_t size) const noexcept {
  if (Life::running != nullptr && !Life::running->act()) return {};
  auto& file = file_of(fd_);
  remember(file);
  file.bytes.resize(size);
  return {};
}

std::size_t FileHandle::read_at(std::uint64_t offset, std::span<std::byte> bytes) const {
  auto const& file = file_of(fd_).bytes;
  if (offset >= file.size()) return 0;
  auto const size = std::min(bytes.size(), file.size() - static_cast<std::size_t>(offset));
  std::copy_n(file.begin() + static_cast<std::ptrdiff_t>(offset), size, bytes.begin());
  return size;
}

// --- MappedFile

static std::filesystem::path hidden(std::filesystem::path const& path) {
  return path.parent_path() / ("." + path.filename().string());
}

MappedFile::MappedFile(std::filesystem::path path, int file, std::size_t size)
    : path_(std::move(path)), data_(file_of(file).bytes.data()), size_(size) {
  file_of(file).mapped = true;
}

MappedFile MappedFile::create(std::filesystem::path const& path, std::size_t size) {
  FileHandle const file = FileHandle::open(hidden(path), O_RDWR | O_CREAT | O_EXCL);
  if (auto const error = file.allocate(size)) throw_system_error(error.value(), "cannot allocate", path);
  return {path, file.fd(), size};
}

MappedFile MappedFile::open(std::filesystem::path path, std::size_t size) {
  FileHandle const file = FileHandle::open(path, O_RDWR);
  auto& bytes = file_of(file.fd()).bytes;
  if (bytes.size() < size) bytes.resize(size);
  return {std::move(path), file.fd(), size};
}

/// Nobody looks at a spool here.
MappedFile MappedFile::copy(std::filesystem::path path, std::size_t size) {
  return open(std::move(path), size);
}

void MappedFile::show() { rename_file(hidden(path_), path_); }

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)), data_(std::exchange(other.data_, nullptr)), size_(other.size_) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() = default;

// --- SpoolLock: who has it says so by owner_

SpoolLock::SpoolLock(FileHandle file, dev_t device, ino_t inode) noexcept
    : file_(std::move(file)), device_(device), inode_(inode), owner_(1) {}

std::optional<SpoolLock> SpoolLock::acquire(std::filesystem::path const& directory, bool create) {
  auto& disk = Disk::current();
  if (disk.locked.contains(directory.string())) return std::nullopt;
  auto file = FileHandle::open(directory / "lock", create ? O_RDWR | O_CREAT : O_RDWR);
  disk.locked.insert(directory.string());
  return SpoolLock(std::move(file), 0, 0);
}

SpoolLock::SpoolLock(SpoolLock&& other) noexcept
    : file_(std::move(other.file_)), owner_(std::exchange(other.owner_, 0)) {}

SpoolLock& SpoolLock::operator=(SpoolLock&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(owner_, other.owner_);
  return *this;
}

SpoolLock::~SpoolLock() {
  if (owner_ != 0) Disk::current().locked.erase(file_.path().parent_path().string());
}

bool SpoolLock::mine() const noexcept { return owner_ != 0; }

// --- directory

std::vector<std::string> names_in(std::filesystem::path const& directory) {
  std::vector<std::string> names;
  auto const prefix = directory.string() + "/";
  auto& files = Disk::current().files;
  for (auto at = files.lower_bound(prefix); at != files.end() && at->first.starts_with(prefix); ++at)
    names.push_back(at->first.substr(prefix.size()));
  return names;
}

void make_directory(std::filesystem::path const&) {}

void rename_file(std::filesystem::path const& from, std::filesystem::path const& to) {
  if (Life::running != nullptr && !Life::running->act()) return;
  auto& files = Disk::current().files;
  auto const at = files.find(from.string());
  if (at == files.end()) throw_system_error(ENOENT, "cannot rename", from);
  auto file = std::move(at->second);
  files.erase(at);
  files[to.string()] = std::move(file);
}

void remove_file(std::filesystem::path const& file) noexcept {
  if (Life::running != nullptr && !Life::running->act()) return;
  auto& disk = Disk::current();
  auto const at = disk.files.find(file.string());
  if (at == disk.files.end()) return;
  disk.gone.push_back(std::move(at->second));
  disk.files.erase(at);
}

}  // namespace logboom::spool

namespace logboom {

void random_bytes(std::span<std::byte> out) {
  for (auto& byte : out) byte = static_cast<std::byte>(simulation::Disk::current().dice->next());
}
/// Not of the schedule's dice: some of it is asked for once a process.
std::uint64_t random_seed() { return 0x9e37'79b9'7f4a'7c15U; }

}  // namespace logboom
