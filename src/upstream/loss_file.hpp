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
#include <utility>
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

  /// Takes up what is in the file. @param most ranges. @throws std::system_error also when there is no room for it on the disk
  explicit LossFile(std::filesystem::path path, std::size_t most = kMaxLosses);

  /// Of a transaction that is being made. Numbers of a stream ascend; ranges that follow each other become one. False: there is no room; nothing is kept of it.
  bool add(Loss const& loss);
  /// The transaction is made: what was added stands.
  void settle();
  /// Of what does not stand, and the file held when it was opened: of the stream no transaction told of numbers above `last`, so that they come again.
  void forget_after(PublisherId const& publisher, std::uint64_t stream, std::uint64_t last);
  bool empty() const noexcept { return losses_.empty(); }
  bool settled() const noexcept { return losses_.size() > fresh_.size(); }  // there are some that stand
  std::size_t size() const noexcept { return losses_.size(); }
  /// Up to `most` of those that stand, by publisher, stream and number.
  std::vector<Loss> first(std::size_t most) const;
  /// Those that stand of a stream, by number. Streams that have some, each once.
  std::vector<std::pair<PublisherId, std::uint64_t>> streams() const;
  /// They were declared.
  void remove(std::vector<Loss> const& losses);

 private:
  using Key = std::tuple<PublisherId, std::uint64_t, std::uint64_t>;  // publisher, stream, first number
  struct Kept {
    Loss loss;
    std::size_t slot = 0;
    bool fresh = false;  // of a transaction that is being made
  };
  struct Slot;

  void write(Kept const& kept);
  void erase(std::size_t slot);
  void free(std::map<Key, Kept>::iterator at);
  Kept* before(Span const& span);

  spool::FileHandle file_;
  std::map<Key, Kept> losses_;
  std::vector<std::size_t> free_;
  std::vector<Key> fresh_;
};

}  // namespace logboom::upstream
