#include "store/seekable_zstd.hpp"

#include <fmt/core.h>
#include <zstd.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <system_error>

namespace logboom::store {
namespace {

constexpr std::uint32_t kFrame = 0xFD2FB528;
constexpr std::uint32_t kSkippable = 0x184D2A5E;
constexpr std::uint32_t kSeekable = 0x8F92EAB1;
constexpr std::size_t kHeaderBytes = 8;  // of a skippable frame
constexpr std::size_t kFooterBytes = 9;  // number of frames, descriptor, magic number
constexpr std::size_t kEntryBytes = 8;
constexpr std::size_t kMagicBytes = 4;
constexpr std::size_t kMostCompressed = ZSTD_COMPRESSBOUND(kFrameBytes);
constexpr int kLevel =
    3;  // level 9 makes files 4 % smaller for six times the work: measured in docs/store.md, "Compressed files"

[[noreturn]] void fail(char const* what, std::string const& path) {
  throw std::system_error(errno, std::generic_category(), fmt::format("{} {}", what, path));
}

void put_number(std::vector<std::byte>& to, std::uint32_t number) {
  for (unsigned shift = 0; shift < 32; shift += 8) to.push_back(static_cast<std::byte>(number >> shift));
}

std::uint32_t number_at(std::span<std::byte const> from, std::size_t at) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) number |= std::to_integer<std::uint32_t>(from[at + i]) << (8 * i);
  return number;
}

struct FrameSize {
  std::uint32_t compressed, content;
};

/// Of the frame that begins there, if one does that a SeekableWriter may have written.
std::optional<FrameSize> frame_at(std::span<std::byte const> begin) {
  std::size_t const size = ZSTD_findFrameCompressedSize(begin.data(), begin.size());
  if (ZSTD_isError(size) != 0) return std::nullopt;
  auto const content = ZSTD_getFrameContentSize(begin.data(), size);
  if (content == 0 || content > kFrameBytes) return std::nullopt;  // also what stands for unknown
  return FrameSize{static_cast<std::uint32_t>(size), static_cast<std::uint32_t>(content)};
}

/// The first place where a frame or a table may begin; the size of `part` if there is none.
std::size_t next_magic(std::span<std::byte const> part) {
  for (std::size_t at = 0; at + kMagicBytes <= part.size(); ++at) {
    auto const number = number_at(part, at);
    if (number == kFrame || number == kSkippable) return at;
  }
  return part.size();
}

}  // namespace

void SeekableWriter::Free::operator()(ZSTD_CCtx_s* context) const noexcept { ZSTD_freeCCtx(context); }

SeekableWriter::SeekableWriter(std::string const& path, mode_t mode)
    : file_(path, mode), context_(ZSTD_createCCtx()), compressed_(ZSTD_compressBound(kFrameBytes)) {
  if (!context_) throw std::bad_alloc();
  ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
}

void SeekableWriter::add(std::span<std::byte const> content) {
  std::size_t const size =
      ZSTD_compress2(context_.get(), compressed_.data(), compressed_.size(), content.data(), content.size());
  if (ZSTD_isError(size) != 0)
    throw std::bad_alloc();  // there is room, so that nothing else can be the matter
  file_.write(std::span(compressed_).first(size));
  table_.push_back(static_cast<std::uint32_t>(size));
  table_.push_back(static_cast<std::uint32_t>(content.size()));
}

void SeekableWriter::finish() {
  std::vector<std::byte> frame;
  put_number(frame, kSkippable);
  put_number(frame, static_cast<std::uint32_t>(table_.size() * 4 + kFooterBytes));
  for (std::uint32_t const number : table_) put_number(frame, number);
  put_number(frame, static_cast<std::uint32_t>(table_.size() / 2));
  frame.push_back(std::byte{0});
  put_number(frame, kSeekable);
  file_.write(frame);
  file_.sync();
}

void SeekableReader::Free::operator()(ZSTD_DCtx_s* context) const noexcept { ZSTD_freeDCtx(context); }

SeekableReader::SeekableReader(std::string const& path, FrameTable damaged)
    : path_(path), context_(ZSTD_createDCtx()), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (fd_ < 0) fail("cannot open", path_);
  try {
    if (!context_) throw std::bad_alloc();
    struct stat status {};
    if (::fstat(fd_, &status) != 0) fail("cannot read", path_);
    if (damaged == FrameTable::kRefused) {
      read_table(status.st_size);
    } else {
      read_or_find_table(status.st_size);
    }
  } catch (...) {
    ::close(fd_);
    throw;
  }
}

SeekableReader::~SeekableReader() { ::close(fd_); }

void SeekableReader::read_file(std::int64_t at, std::span<std::byte> into) const {
  while (!into.empty()) {
    auto const got = ::pread(fd_, into.data(), into.size(), at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("cannot read", path_);
    if (got == 0) throw SeekableError(fmt::format("{} is shorter than it says", path_));
    at += got;
    into = into.subspan(static_cast<std::size_t>(got));
  }
}

// Nothing in it is believed before it was seen to fit the file.
void SeekableReader::read_table(std::int64_t file_size) {
  auto const refuse = [&]() -> SeekableError {
    return SeekableError(
        fmt::format("{} does not end in the table of its frames: it is cut off, or no such file", path_));
  };
  std::array<std::byte, kFooterBytes> footer{};
  if (file_size < static_cast<std::int64_t>(kHeaderBytes + kFooterBytes)) throw refuse();
  read_file(file_size - static_cast<std::int64_t>(kFooterBytes), footer);
  auto const count = std::size_t{number_at(footer, 0)};
  auto const bytes = static_cast<std::int64_t>(kHeaderBytes + count * kEntryBytes + kFooterBytes);
  if (number_at(footer, 5) != kSeekable || footer[4] != std::byte{0} || bytes > file_size) throw refuse();
  std::vector<std::byte> table(kHeaderBytes + count * kEntryBytes);
  read_file(file_size - bytes, table);
  if (number_at(table, 0) != kSkippable || number_at(table, 4) != count * kEntryBytes + kFooterBytes)
    throw refuse();
  std::int64_t at = 0;
  frames_.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    Frame const frame{at, number_at(table, kHeaderBytes + i * kEntryBytes),
                      number_at(table, kHeaderBytes + i * kEntryBytes + 4)};
    bool const last = i + 1 == count;
    if (frame.content > kFrameBytes || frame.content == 0 || (!last && frame.content != kFrameBytes) ||
        frame.compressed > kMostCompressed)
      throw refuse();
    add(frame);
    at += frame.compressed;
  }
  if (at != file_size - bytes) throw refuse();
}

void SeekableReader::add(Frame const& frame) {
  frames_.push_back(frame);
  size_ += frame.content;
}

void SeekableReader::read_or_find_table(std::int64_t file_size) {
  try {
    read_table(file_size);
    if (last_is_as_it_says(file_size)) return;
  } catch (SeekableError const&) {
    find_frames(file_size);
    if (frames_.empty()) throw;
    return;
  }
  find_frames(file_size);
}

/// Of all other frames the content's size is known, and what it compressed to is seen by where the table begins.
bool SeekableReader::last_is_as_it_says(std::int64_t file_size) {
  if (frames_.empty()) return true;
  auto const last = frame_at(begin_at(frames_.back().at, file_size));
  return !last || last->content == frames_.back().content;
}

std::span<std::byte const> SeekableReader::begin_at(std::int64_t at, std::int64_t file_size) {
  compressed_.resize(std::min(kMostCompressed, static_cast<std::size_t>(file_size - at)));
  read_file(at, compressed_);
  return compressed_;
}

// Each frame says how long it is, and how long its content.
void SeekableReader::find_frames(std::int64_t file_size) {
  frames_.clear();
  size_ = 0;
  std::int64_t at = 0;
  for (bool last = false; at < file_size && !last;) {
    auto const begin = begin_at(at, file_size);
    if (begin.size() >= kMagicBytes && number_at(begin, 0) == kSkippable) break;
    auto frame = frame_at(begin);
    if (!frame) {
      auto const next = after_damage(at, file_size);
      if (next == file_size) break;
      frame = {static_cast<std::uint32_t>(next - at), kFrameBytes};
    }
    add({at, frame->compressed, frame->content});
    at += frame->compressed;
    last = frame->content < kFrameBytes;
  }
  table_lost_at_ = at;
}

/// Where the next frame or the table begins; the file's end if there is none.
std::int64_t SeekableReader::after_damage(std::int64_t at, std::int64_t file_size) {
  while (++at < file_size) {
    auto const part = begin_at(at, file_size);
    if (part.size() < kMagicBytes) break;
    std::size_t const found = next_magic(part);
    if (found == part.size()) {
      at += static_cast<std::int64_t>(part.size() - kMagicBytes);  // one may begin at the part's end
      continue;
    }
    at += static_cast<std::int64_t>(found);
    auto const begin = begin_at(at, file_size);
    if (number_at(begin, 0) == kSkippable || frame_at(begin)) return at;
  }
  return file_size;
}

std::size_t SeekableReader::read(std::int64_t at, std::span<std::byte> into) {
  std::size_t done = 0;
  while (done < into.size() && at < size_) {
    auto const& from = content(static_cast<std::size_t>(at) / kFrameBytes);
    auto const begin = static_cast<std::size_t>(at) % kFrameBytes;
    std::size_t const part = std::min(from.size() - begin, into.size() - done);
    std::memcpy(into.data() + done, from.data() + begin, part);
    done += part;
    at += static_cast<std::int64_t>(part);
  }
  return done;
}

std::vector<std::byte> const& SeekableReader::content(std::size_t frame) {
  Held* oldest = held_.data();
  for (Held& held : held_) {
    if (held.frame == frame) {
      held.used = ++uses_;
      return held.content;
    }
    if (held.used < oldest->used) oldest = &held;
  }
  load(*oldest, frame);
  oldest->used = ++uses_;
  return oldest->content;
}

void SeekableReader::load(Held& held, std::size_t frame) {
  Frame const& wanted = frames_[frame];
  held.frame = SIZE_MAX;
  if (wanted.compressed > kMostCompressed)
    throw SeekableError(fmt::format("frame {} of {} is damaged", frame, path_));
  compressed_.resize(wanted.compressed);
  read_file(wanted.at, compressed_);
  held.content.resize(wanted.content);
  std::size_t const got = ZSTD_decompressDCtx(context_.get(), held.content.data(), held.content.size(),
                                              compressed_.data(), compressed_.size());
  if (ZSTD_isError(got) != 0 || got != wanted.content)
    throw SeekableError(fmt::format("frame {} of {} is damaged", frame, path_));
  held.frame = frame;
}

}  // namespace logboom::store
