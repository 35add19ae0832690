// Small append-only files: a header that says what the file is, then entries, each with its length and check.
// Must not know what an entry means.
#pragma once

#include "spool/file_handle.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <vector>

namespace logboom::spool {

enum class FramedKind : std::uint32_t { kPublisher = 1, kCatalogue = 2 };

inline constexpr std::size_t kMaxEntry = std::size_t{64} << 10U;

class FramedFile {
 public:
  /// A new file with its header. @throws std::system_error
  static FramedFile create(std::filesystem::path path, FramedKind kind);

  /// All of the entry or, when it fails, nothing. `bound`: of the file, in bytes. @throws std::system_error
  void append(std::span<std::byte const> entry, std::uint64_t bound);

 private:
  FramedFile(FileHandle file, FramedKind kind) noexcept : file_(std::move(file)), kind_(kind) {}

  FileHandle file_;
  FramedKind kind_;
  std::uint64_t size_ = 0;
};

struct FramedContents {
  std::uint64_t skipped = 0;  // bytes in which no entry could be made out, between entries
  std::uint64_t torn = 0;     // such bytes at the end: what a dying process was writing
};
/// Calls `take` for each whole entry. Reads at most `bound` bytes, with bounded work whatever they are.
/// @throws SpoolError not such a file, or of a newer version. @throws std::system_error
FramedContents read_framed(std::filesystem::path const& path, FramedKind kind, std::uint64_t bound,
                           std::function<void(std::span<std::byte const>)> const& take);

}  // namespace logboom::spool
