// Compresses one file after another with zstd, on a thread of its own. Must not know what the files are, nor rename or remove what it did not make.
#pragma once

#include "posix/descriptor.hpp"

#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace logboom::sinks {

/// For one thread beside its own. Memory: a few MiB, more at the higher levels.
class FileCompressor {
 public:
  struct Result {
    dev_t device;  // of the original, which may have another name by now
    ino_t inode;
    off_t size;             // of the original, as far as it is in the compressed file
    std::string temporary;  // the compressed file, on the disk; empty: it went wrong
    std::string source;
    int error;  // of the system; 0 with an empty `temporary`: zstd's
  };

  explicit FileCompressor(int level) : level_(level) {}
  /// Ends what is being made, and removes it.
  ~FileCompressor();
  FileCompressor(FileCompressor const&) = delete;
  FileCompressor& operator=(FileCompressor const&) = delete;

  /// From start() until take().
  bool busy() const noexcept { return busy_; }
  /// The one that is being made; of interest while busy().
  std::string const& temporary() const noexcept { return temporary_; }
  /// Begins to write `temporary` as a compressed copy of `source`, with its permissions and times; whatever is called `temporary` is replaced.
  /// @throws LogFileError, std::system_error if there is no thread to be had
  void start(std::string const& source, std::string temporary);
  /// Whether take() has something.
  bool done() const noexcept { return done_; }
  /// Once for each start(), when it is done. The file is safe on the disk then.
  std::optional<Result> take();

 private:
  void run();
  void stop_thread();

  int const level_;
  bool busy_ = false;  // of the caller's thread, as the next three
  std::string source_;
  std::string temporary_;
  dev_t device_ = 0;
  ino_t inode_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  posix::Descriptor in_;  // the job, until the thread takes it
  posix::Descriptor out_;
  int error_ = 0;
  off_t size_ = 0;
  bool failed_ = false;
  std::atomic<bool> done_ = false;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;  // last, so that it finds all the rest
};

}  // namespace logboom::sinks
