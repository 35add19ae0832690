#include "spool/mapped_file.hpp"

#include "spool/file_handle.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <utility>

namespace logboom::spool {

namespace {

// A sparse file on a disk that fills up is SIGBUS in a log call; on a tmpfs already in who reads it.
void allocate(FileHandle const& file, std::size_t size, char const* what, std::filesystem::path const& path) {
  if (auto const error = file.allocate(size)) throw_system_error(error.value(), what, path);
}

/// Where a new file is until it is shown.
std::filesystem::path hidden(std::filesystem::path const& path) {
  return path.parent_path() / ("." + path.filename().string());
}

#ifndef MADV_POPULATE_WRITE
constexpr int MADV_POPULATE_WRITE = 23;  // Linux 5.14
#endif

// The kernel maps all pages with one call, on a file system too where a store would only map them for reading. The stores then are for what lies
// below it: the page tables that some virtual machines keep in the shadow of the guest's are made with the first access by the process itself.
void populate(std::byte* data, std::size_t size) {
  (void)::madvise(data, size, MADV_POPULATE_WRITE);  // before Linux 5.14 the stores do it all
  auto const page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  for (std::size_t at = 0; at < size; at += page) {
    auto volatile* const byte = reinterpret_cast<unsigned char volatile*>(data + at);
    *byte = 0;
  }
}

}  // namespace

MappedFile::MappedFile(std::filesystem::path path, int file, std::size_t size)
    : path_(std::move(path)), size_(size), owner_(::getpid()) {
  int const kind = file < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
  void* const data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, kind, file, 0);
  if (data == MAP_FAILED) throw_system_error(errno, "cannot map", path_);
  data_ = static_cast<std::byte*>(data);
  // A child that went on writing here would mix its records into its parent's.
  if (::madvise(data, size, MADV_DONTFORK) != 0) {
    int const error = errno;
    ::munmap(data, size);
    throw_system_error(error, "cannot keep from forked children", path_);
  }
}

MappedFile MappedFile::create(std::filesystem::path const& path, std::size_t size) {
  auto const making = hidden(path);
  FileHandle const file = FileHandle::open(making, O_RDWR | O_CREAT | O_EXCL);
  try {
    allocate(file, size, "cannot allocate", path);
    MappedFile map(path, file.fd(), size);
    populate(map.data_, size);
    return map;
  } catch (...) {
    ::unlink(making.c_str());
    throw;
  }
}

void MappedFile::show() {
  auto const making = hidden(path_);
  if (::rename(making.c_str(), path_.c_str()) == 0) return;
  int const error = errno;
  ::unlink(making.c_str());
  throw_system_error(error, "cannot make", path_);
}

MappedFile MappedFile::open(std::filesystem::path path, std::size_t size) {
  FileHandle const file = FileHandle::open(path, O_RDWR);
  if (file.size() < size) allocate(file, size, "cannot lengthen", path);
  return {std::move(path), file.fd(), size};
}

MappedFile MappedFile::copy(std::filesystem::path path, std::size_t size) {
  FileHandle const file = FileHandle::open(path, O_RDONLY);
  MappedFile copy(std::move(path), -1, size);
  (void)file.read_at(0, {copy.data_, size});
  return copy;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      owner_(other.owner_) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(owner_, other.owner_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr && owner_ == ::getpid()) ::munmap(data_, size_);
}

}  // namespace logboom::spool
