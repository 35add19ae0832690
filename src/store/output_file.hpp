// A new file, written from its beginning to its end. Must not know what is in it.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string>

namespace logboom::store {

/// For one thread.
class OutputFile {
 public:
  /// Makes it; it must not be there. @throws std::system_error
  OutputFile(std::string const& path, mode_t mode);
  ~OutputFile();  // closes; what was written stays
  OutputFile(OutputFile const&) = delete;
  OutputFile& operator=(OutputFile const&) = delete;

  /// Writes all of it. @throws std::system_error
  void write(std::span<std::byte const> content);
  /// Waits for the disk. @throws std::system_error
  void sync();

 private:
  std::string const path_;
  int const fd_;
};

}  // namespace logboom::store
