// Compressed files of which any part can be read: frames of zstd, each by itself, and behind them the table of the "zstd seekable format" (in a frame that
// decompressors skip, so that `zstd -d` takes the file as any other). Must not know what is in them.
#pragma once

#include "store/output_file.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace logboom::store {

inline constexpr std::size_t kFrameBytes =
    256U << 10U;  // of content: what is read and decompressed to get at one byte

/// Is not what it should be: damaged, cut off, or never was one.
class SeekableError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// For one thread.
class SeekableWriter {
 public:
  /// Makes the file; it must not be there. @throws std::system_error
  SeekableWriter(std::string const& path, mode_t mode);

  /// The next frame: kFrameBytes of content, the last one less. @throws std::system_error, std::bad_alloc
  void add(std::span<std::byte const> content);
  /// Writes the table, and waits for the disk. @throws std::system_error
  void finish();

 private:
  struct Free {
    void operator()(ZSTD_CCtx_s* context) const noexcept;
  };
  OutputFile file_;
  std::unique_ptr<ZSTD_CCtx_s, Free> const context_;
  std::vector<std::byte> compressed_;
  std::vector<std::uint32_t> table_;  // of each frame: bytes compressed, bytes of content
};

/// What a reader does about a table that is damaged or not there.
enum class FrameTable {
  kRefused,   // SeekableError
  kFoundAnew  // looks for the frames: who salvages. What cannot be read between two of them is taken for one
};

/// Memory: 2 MiB of content, and 16 bytes a frame. For one thread.
class SeekableReader {
 public:
  /// @throws std::system_error; SeekableError, also where there is not one frame
  explicit SeekableReader(std::string const& path, FrameTable damaged = FrameTable::kRefused);
  ~SeekableReader();
  SeekableReader(SeekableReader const&) = delete;
  SeekableReader& operator=(SeekableReader const&) = delete;

  /// Of the content.
  std::int64_t size() const noexcept { return size_; }
  /// The table was not to be had: where in the file it should begin, or the file ends.
  std::optional<std::int64_t> table_lost_at() const noexcept { return table_lost_at_; }
  /// @return bytes read; fewer than `into` holds only at the end. @throws std::system_error, SeekableError
  std::size_t read(std::int64_t at, std::span<std::byte> into);

 private:
  static constexpr std::size_t kHeld = 8;

  struct Frame {
    std::int64_t at;  // in the file
    std::uint32_t compressed, content;
  };
  struct Held {
    std::size_t frame = SIZE_MAX;
    std::uint64_t used = 0;
    std::vector<std::byte> content;
  };
  struct Free {
    void operator()(ZSTD_DCtx_s* context) const noexcept;
  };

  void read_table(std::int64_t file_size);
  void read_or_find_table(std::int64_t file_size);
  bool last_is_as_it_says(std::int64_t file_size);
  void find_frames(std::int64_t file_size);
  std::int64_t after_damage(std::int64_t at, std::int64_t file_size);
  std::span<std::byte const> begin_at(std::int64_t at, std::int64_t file_size);
  void add(Frame const& frame);
  void read_file(std::int64_t at, std::span<std::byte> into) const;
  std::vector<std::byte> const& content(std::size_t frame);
  void load(Held& held, std::size_t frame);

  std::string const path_;
  std::unique_ptr<ZSTD_DCtx_s, Free> const context_;
  int fd_;
  std::vector<Frame> frames_;
  std::int64_t size_ = 0;
  std::optional<std::int64_t> table_lost_at_;
  std::array<Held, kHeld> held_;
  std::uint64_t uses_ = 0;
  std::vector<std::byte> compressed_;
};

}  // namespace logboom::store
