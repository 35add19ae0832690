// Compression beside the writer: see file_compressor.hpp.
#include "sinks/file_compressor.hpp"

#include "posix/background_thread.hpp"
#include "sinks/log_file_error.hpp"

#include <zstd.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace logboom::sinks {
namespace {

using posix::Descriptor;

constexpr int kStopped = ECANCELED;
constexpr int kBroken = -1;  // zstd itself failed

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
};

int write_all(int fd, char const* data, std::size_t size) {
  while (size > 0) {
    auto const written = ::write(fd, data, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    data += written;
    size -= static_cast<std::size_t>(written);
  }
  return 0;
}

/// @param read_size counts what was read. @return 0, an errno, or kBroken
int compress(int in, int out, int level, std::atomic<bool> const& stop, off_t& read_size) {
  std::unique_ptr<ZSTD_CCtx, FreeContext> const context(ZSTD_createCCtx());
  if (!context) return ENOMEM;
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  std::vector<char> plain(ZSTD_CStreamInSize());
  std::vector<char> packed(ZSTD_CStreamOutSize());
  for (bool last = false; !last;) {
    if (stop) return kStopped;
    auto const size = ::read(in, plain.data(), plain.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return errno;
    last = size == 0;
    read_size += size;
    ZSTD_inBuffer from{plain.data(), static_cast<std::size_t>(size), 0};
    std::size_t left = 0;  // in zstd, when it is the end
    do {
      ZSTD_outBuffer to{packed.data(), packed.size(), 0};
      left = ZSTD_compressStream2(context.get(), &to, &from, last ? ZSTD_e_end : ZSTD_e_continue);
      if (ZSTD_isError(left) != 0) return kBroken;
      if (int const error = write_all(out, packed.data(), to.pos)) return error;
    } while (last ? left > 0 : from.pos < from.size);
  }
  return 0;
}

/// The original is removed after this: the copy must outlive a power cut.
int finish(int in, int out) {
  struct stat status {};
  if (::fstat(in, &status) != 0) return errno;
  std::array<timespec, 2> const times{status.st_atim, status.st_mtim};
  // Some file systems have no owners or permissions.
  if (::fchown(out, status.st_uid, status.st_gid) != 0 && errno != EPERM) return errno;
  if (::fchmod(out, status.st_mode & 07777U) != 0 && errno != EPERM) return errno;
  if (::futimens(out, times.data()) != 0 && errno != EPERM) return errno;
  return ::fsync(out) != 0 ? errno : 0;
}

}  // namespace

FileCompressor::~FileCompressor() { stop_thread(); }

void FileCompressor::stop_thread() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard const lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
  if (busy_) ::unlink(temporary_.c_str());
}

void FileCompressor::start(std::string const& source, std::string temporary) {
  Descriptor in(::open(source.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  struct stat status {};
  if (!in || ::fstat(in.get(), &status) != 0) throw LogFileError::about(errno, "compress", source);
  ::unlink(temporary.c_str());
  Descriptor out(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!out) throw LogFileError::about(errno, "compress " + source + " to", temporary);
  if (!thread_.joinable()) {
    // So that SIGXFSZ does not kill it either.
    thread_ = posix::background_thread("logboom-zstd", [this] { run(); });
  }
  busy_ = true;
  source_ = source;
  temporary_ = std::move(temporary);
  device_ = status.st_dev;
  inode_ = status.st_ino;
  {
    std::lock_guard const lock(mutex_);
    in_ = std::move(in);
    out_ = std::move(out);
    done_ = false;
  }
  changed_.notify_one();
}

std::optional<FileCompressor::Result> FileCompressor::take() {
  if (!busy_ || !done_) return std::nullopt;
  std::lock_guard const lock(mutex_);
  busy_ = false;
  done_ = false;
  if (failed_) ::unlink(temporary_.c_str());
  return Result{device_, inode_, size_, failed_ ? std::string() : temporary_, source_, error_};
}

void FileCompressor::run() {
  pthread_setname_np(pthread_self(), "logboom-zstd");
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stopping_ || in_; });
    if (stopping_) return;
    auto const in = std::move(in_);
    auto const out = std::move(out_);
    lock.unlock();
    int error = ENOMEM;
    off_t size = 0;
    try {
      error = compress(in.get(), out.get(), level_, stopping_, size);
      if (error == 0) error = finish(in.get(), out.get());
    } catch (std::bad_alloc const&) {
    }
    lock.lock();
    size_ = size;
    failed_ = error != 0;
    error_ = error == kBroken ? 0 : error;
    done_ = true;
  }
}

}  // namespace logboom::sinks
