// A file that is mapped, shared, as a whole. Not inherited by forked children, and never touched by one.
// Must not know what is in it.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <filesystem>

namespace logboom::spool {

class MappedFile {
 public:
  /// A new file (0600) of `size` zero bytes whose blocks are allocated and whose pages are present. Removed again when that fails.
  /// It has a name that nobody takes for it until show(): a process that is killed in between leaves nothing half made under its own. @throws std::system_error naming the file
  static MappedFile create(std::filesystem::path const& path, std::size_t size);
  /// A file as it is; one shorter than `size` is lengthened with zeros, so that no access can fail. @throws std::system_error naming the file
  static MappedFile open(std::filesystem::path path, std::size_t size);
  /// A copy of a file in memory, as long: what is done to it is not done to the file. @throws std::system_error naming the file
  static MappedFile copy(std::filesystem::path path, std::size_t size);

  /// A created file gets its name, once. @throws std::system_error naming the file, which is removed then
  void show();

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::byte* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  std::filesystem::path const& path() const noexcept { return path_; }

 private:
  MappedFile(std::filesystem::path path, int file, std::size_t size);

  std::filesystem::path path_;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  pid_t owner_ = 0;  // a child has no such mapping, and may have another one at its place
};

}  // namespace logboom::spool
