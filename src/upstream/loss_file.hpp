// What a full spool had no room for, stream by stream, until it can be declared to the other collector. In a file whose blocks are there from the beginning, so that it can be
// written when nothing else can, and survives SIGKILL. Must not know frames.
#pragma once

#include "record/block.hpp"
#include "spool/file_handle.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <tuple>
#include <vector>

namespace logboom::upstream {

/// Of numbers [span.first, span.last] `count` are lost; the others were withheld. Which is which is not kept.
struct Loss {
  Span span;
  std::uint64_t count = 0;
};

/// One thread.
class LossFile {
 public:
  static constexpr std::size_t kMaxLosses = 16'384;  // ranges: usually one a stream

  /// Takes up what is in the file. @throws std::system_error also when there is no room for it on the disk
  explicit LossFile(std::filesystem::path path);

  /// Ranges that follow each other become one. False: there is no room; nothing is kept of it.
  bool add(Loss const& loss);
  bool empty() const noexcept { return losses_.empty(); }
  std::size_t size() const noexcept { return losses_.size(); }
  /// Up to `most` of them, by publisher, stream and number.
  std::vector<Loss> first(std::size_t most) const;
  /// They were declared.
  void remove(std::vector<Loss> const& losses);

 private:
  using Key = std::tuple<PublisherId, std::uint64_t, std::uint64_t>;  // publisher, stream, first number
  struct Kept {
    Loss loss;
    std::size_t slot = 0;
  };
  struct Slot;

  void write(std::size_t slot, Loss const* loss);

  spool::FileHandle file_;
  std::map<Key, Kept> losses_;
  std::vector<std::size_t> free_;
};

}  // namespace logboom::upstream
