// A file descriptor that is closed once, and the few calls on it that the spool needs, with their failures named.
// Must not know what is in the file.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

namespace logboom::spool {

class FileHandle {
 public:
  FileHandle() noexcept = default;
  /// open(2) with O_CLOEXEC; new files are 0600. @throws std::system_error naming the file, SpoolError when it is another user's (but root's)
  static FileHandle open(std::filesystem::path path, int flags);

  FileHandle(FileHandle&& other) noexcept
      : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}
  FileHandle& operator=(FileHandle&& other) noexcept;
  ~FileHandle() { close(); }

  explicit operator bool() const noexcept { return fd_ >= 0; }
  int fd() const noexcept { return fd_; }
  std::filesystem::path const& path() const noexcept { return path_; }
  void close() noexcept;
  /// Whoever has the descriptor now sees to its end.
  int release() noexcept { return std::exchange(fd_, -1); }

  /// @throws std::system_error
  std::uint64_t size() const;
  /// All of it, or an error; a part may have been written then. Never raises SIGXFSZ: EFBIG is found out beforehand.
  std::error_code write_at(std::uint64_t offset, std::span<std::byte const> bytes) const noexcept;
  /// Makes sure of the blocks of the first `size` bytes; the file is no shorter then.
  std::error_code allocate(std::uint64_t size) const noexcept;
  std::error_code truncate(std::uint64_t size) const noexcept;
  /// Up to bytes.size(); less at the end of the file. @throws std::system_error
  std::size_t read_at(std::uint64_t offset, std::span<std::byte> bytes) const;

 private:
  FileHandle(std::filesystem::path path, int fd) noexcept : path_(std::move(path)), fd_(fd) {}

  std::filesystem::path path_;
  int fd_ = -1;
};

/// @throws SpoolError naming the path unless its owner is this process's user or root
void refuse_stranger(uid_t owner, std::filesystem::path const& path);
/// EFBIG when RLIMIT_FSIZE forbids a file of this size: going past it would raise SIGXFSZ in a process that is not ours.
std::error_code file_limit(std::uint64_t size) noexcept;
/// Whether a call failed for want of what the process or the machine may have again soon (file descriptors, memory, room on a disk). The file itself may be whole.
bool may_pass(std::error_code const& error) noexcept;
/// "what FILE" and the error's text.
[[noreturn]] void throw_system_error(int error, char const* what, std::filesystem::path const& path);

}  // namespace logboom::spool
