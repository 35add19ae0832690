// Segments of frames. Must not know what a frame says.
#include "upstream/forward_spool.hpp"

#include "record/check.hpp"
#include "record/random_bytes.hpp"
#include "spool/directory.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <string_view>

namespace logboom::upstream {

namespace fs = std::filesystem;
using spool::FileHandle;

namespace {

constexpr std::string_view kPrefix = "segment.";
constexpr std::size_t kLongestFrame = std::size_t{1} << 20U;  // as PULL takes it

struct SegmentHeader {
  std::uint64_t magic = kMagic;
  std::uint32_t version = 1;
  std::uint32_t check = 0;  // over the rest
  std::uint64_t stream = 0, first = 0;

  static constexpr std::uint64_t kMagic =
      0x6472'7766'6d6f'6f62U;  // "boomfwrd" where the order of bytes is this one

  std::uint32_t sum() const noexcept {
    SegmentHeader copy = *this;
    copy.check = 0;
    return check_bytes(0, std::as_bytes(std::span(&copy, 1)));
  }
  bool valid() const noexcept { return magic == kMagic && version == 1 && first >= 1 && check == sum(); }
};
static_assert(sizeof(SegmentHeader) == 32);

struct IdFile {
  std::uint64_t magic = kMagic;
  PublisherId id{};
  std::uint64_t check = 0;

  static constexpr std::uint64_t kMagic = 0x6469'5f67'6d6f'6f62U;

  std::uint64_t sum() const noexcept { return check_bytes(magic, id); }
};
static_assert(sizeof(IdFile) == 32);

std::optional<std::uint64_t> file_number(std::string const& name) {
  if (!name.starts_with(kPrefix)) return std::nullopt;
  std::uint64_t number = 0;
  char const* const last = name.data() + name.size();
  auto const [end, error] = std::from_chars(name.data() + kPrefix.size(), last, number);
  return error == std::errc() && end == last ? std::optional(number) : std::nullopt;
}

spool::SpoolLock locked(fs::path const& directory) {
  spool::make_directory(directory);
  auto lock = spool::SpoolLock::acquire(directory, true);
  if (!lock) {
    throw std::system_error(
        EBUSY, std::generic_category(),
        fmt::format(
            "the upstream spool {} is in use by another collector; name another directory for one of them",
            directory.string()));
  }
  return std::move(*lock);
}

}  // namespace

/// Stands before each frame's contents.
struct ForwardSpool::Header {
  std::uint32_t magic = kMagic;
  std::uint32_t header_check = 0;  // over everything else of the header; bound to stream
  std::uint32_t size = 0;          // bytes of contents
  std::uint32_t check = 0;         // over them
  std::uint64_t number = 0;
  std::uint32_t records = 0;
  Kind kind = Kind::kRecords;

  static constexpr std::uint32_t kMagic = 0x6d72'6677U;

  std::uint32_t sum(std::uint64_t stream) const noexcept {
    Header copy = *this;
    copy.header_check = 0;
    return check_bytes(stream, std::as_bytes(std::span(&copy, 1)));
  }
  bool valid(std::uint64_t stream, std::uint64_t expected) const noexcept {
    return magic == kMagic && number == expected && size > 0 && size <= kLongestFrame &&
           header_check == sum(stream);
  }
};

std::uint64_t ForwardSpool::now() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(
                                        std::chrono::system_clock::now().time_since_epoch())
                                        .count());
}

ForwardSpool::ForwardSpool(fs::path directory, std::uint64_t bound, std::uint64_t now)
    : directory_(std::move(directory)),
      bound_(std::max(bound, kLeastBound)),
      segment_bound_(std::min(kSegment, bound_ / 8)),
      lock_(locked(directory_)) {
  static_assert(sizeof(Header) == 32);
  read_id();
  load();
  std::uint64_t last = 0;
  for (auto const& segment : segments_) last = std::max(last, segment.stream);
  // Even ones are of frames; the odd one above is for records that come without a number.
  stream_ = std::max(now, last + 1) & ~std::uint64_t{1};
  if (stream_ <= last) stream_ += 2;
  released_ = oldest();
}

void ForwardSpool::read_id() {
  auto const path = directory_ / "forwarder";
  IdFile kept;
  try {
    auto const file = FileHandle::open(path, O_RDONLY);
    if (file.read_at(0, std::as_writable_bytes(std::span(&kept, 1))) == sizeof kept &&
        kept.magic == IdFile::kMagic && kept.check == kept.sum() && kept.id != PublisherId{}) {
      id_ = kept.id;
      return;
    }
    problems_.push_back(fmt::format("{}: damaged; made anew", path.string()));
  } catch (std::system_error const& error) {
    if (error.code().value() != ENOENT) throw;
  }
  random_bytes(kept.id);
  kept.magic = IdFile::kMagic;
  kept.check = kept.sum();
  auto const fresh = directory_ / ".forwarder";
  auto const file = FileHandle::open(fresh, O_RDWR | O_CREAT | O_TRUNC);
  if (auto const error = file.write_at(0, std::as_bytes(std::span(&kept, 1))))
    throw std::system_error(error, "cannot write " + fresh.string());
  spool::rename_file(fresh, path);
  id_ = kept.id;
}

fs::path ForwardSpool::segment_path(std::uint64_t file) const {
  return directory_ / fmt::format("{}{}", kPrefix, file);
}

void ForwardSpool::load() {
  std::vector<std::uint64_t> files;
  for (auto const& name : spool::names_in(directory_)) {
    if (auto const number = file_number(name)) files.push_back(*number);
  }
  std::sort(files.begin(), files.end());
  for (auto const file : files) {
    load(file);
    next_file_ = file + 1;
  }
}

void ForwardSpool::load(std::uint64_t file) {
  auto const handle = FileHandle::open(segment_path(file), O_RDWR);
  auto const size = handle.size();
  SegmentHeader head;
  if (handle.read_at(0, std::as_writable_bytes(std::span(&head, 1))) != sizeof head) {
    spool::remove_file(handle.path());  // its writer died while it began it
    return;
  }
  if (!head.valid()) {
    problems_.push_back(fmt::format("{}: not a segment of this version; left as it is", handle.path().string()));
    return;
  }
  Segment segment{file, head.stream, head.first, head.first, sizeof head, 0};
  while (segment.size < size) {
    Header header;
    auto const got = handle.read_at(segment.size, std::as_writable_bytes(std::span(&header, 1)));
    bool const whole = got == sizeof header;
    if (whole && !header.valid(segment.stream, segment.end)) {
      problems_.push_back(fmt::format("{}: damaged from byte {} on; what was there is lost",
                                      handle.path().string(), segment.size));
      break;
    }
    if (!whole || segment.size + sizeof header + header.size > size) {  // torn: nobody was told that it is there
      (void)handle.truncate(segment.size);
      break;
    }
    segment.size += sizeof header + header.size;
    segment.records += header.records;
    ++segment.end;
  }
  if (segment.first == segment.end) {
    spool::remove_file(handle.path());
    return;
  }
  bytes_ += segment.size;
  records_ += segment.records;
  segments_.push_back(segment);
}

bool ForwardSpool::append(std::span<std::byte const> contents, std::uint32_t records, Kind kind) noexcept {
  try {
    error_.clear();
    std::lock_guard const lock(mutex_);
    if (contents.empty() || contents.size() > kLongestFrame) {
      error_ = std::make_error_code(std::errc::invalid_argument);
    } else if (bytes_ + sizeof(SegmentHeader) + sizeof(Header) + contents.size() > bound_) {
      error_ = std::make_error_code(std::errc::no_buffer_space);
    } else {
      if (!writing_ || segments_.back().size >= segment_bound_) begin_segment();
      write(contents, records, kind);
    }
  } catch (std::system_error const& error) {
    error_ = error.code();
  } catch (std::exception const&) {
    error_ = std::make_error_code(std::errc::not_enough_memory);
  }
  return !error_;
}

void ForwardSpool::begin_segment() {
  auto file = FileHandle::open(segment_path(next_file_), O_RDWR | O_CREAT | O_EXCL);
  SegmentHeader header;
  header.stream = stream_;
  header.first = next_number_;
  header.check = header.sum();
  if (auto const error = file.write_at(0, std::as_bytes(std::span(&header, 1)))) {
    spool::remove_file(file.path());
    throw std::system_error(error);
  }
  segments_.push_back({next_file_, stream_, next_number_, next_number_, sizeof header, 0});
  ++next_file_;
  bytes_ += sizeof header;
  writing_ = std::move(file);
}

void ForwardSpool::write(std::span<std::byte const> contents, std::uint32_t records, Kind kind) {
  auto& segment = segments_.back();
  Header header;
  header.size = static_cast<std::uint32_t>(contents.size());
  header.check = check_bytes(stream_ ^ next_number_, contents);
  header.number = next_number_;
  header.records = records;
  header.kind = kind;
  header.header_check = header.sum(stream_);
  // The file's length says in the end that all of it is there.
  auto error = writing_.write_at(segment.size, std::as_bytes(std::span(&header, 1)));
  if (!error) error = writing_.write_at(segment.size + sizeof header, contents);
  if (error) {
    (void)writing_.truncate(segment.size);
    throw std::system_error(error);
  }
  auto const size = sizeof header + contents.size();
  segment.size += size;
  segment.records += records;
  ++segment.end;
  ++next_number_;
  bytes_ += size;
  records_ += records;
}

void ForwardSpool::forget_after(std::uint64_t stream, std::uint64_t last) {
  std::lock_guard const lock(mutex_);
  bool ended = false;
  for (auto& segment : segments_) {
    if (segment.stream != stream || segment.end <= last + 1) continue;
    auto const handle = FileHandle::open(segment_path(segment.file), O_RDWR);
    Segment kept{segment.file, stream, segment.first, segment.first, sizeof(SegmentHeader), 0};
    Header header;
    while (!ended && kept.end < segment.end &&
           handle.read_at(kept.size, std::as_writable_bytes(std::span(&header, 1))) == sizeof header) {
      ended = !header.valid(stream, kept.end) || (kept.end > last && header.kind != Kind::kLosses);
      if (ended) break;
      kept.size += sizeof header + header.size;
      kept.records += header.records;
      ++kept.end;
    }
    if (auto const error = handle.truncate(kept.size))
      throw std::system_error(error, "cannot shorten " + handle.path().string());
    bytes_ -= segment.size - kept.size;
    records_ -= segment.records - kept.records;
    segment = kept;
  }
  std::erase_if(segments_, [this](Segment const& segment) {
    if (segment.first != segment.end) return false;
    spool::remove_file(segment_path(segment.file));
    bytes_ -= segment.size;
    return true;
  });
  released_ = {};
}

std::uint64_t ForwardSpool::last() const {
  std::lock_guard const lock(mutex_);
  return next_number_ - 1;
}

void ForwardSpool::publish() {
  std::lock_guard const lock(mutex_);
  published_ = next_number_ - 1;
}

ForwardSpool::Held ForwardSpool::oldest() const {
  std::lock_guard const lock(mutex_);
  if (segments_.empty()) return {stream_, next_number_, next_number_};
  Held held{segments_.front().stream, segments_.front().first, segments_.front().end};
  for (auto const& segment : segments_) {
    if (segment.stream != held.stream) break;
    held.end = segment.end;
  }
  if (held.stream == stream_) held.end = std::max(held.first, std::min(held.end, published_ + 1));
  return held;
}

std::optional<ForwardSpool::Segment> ForwardSpool::find(std::uint64_t stream, std::uint64_t number) const {
  std::lock_guard const lock(mutex_);
  for (auto const& segment : segments_) {
    if (segment.stream == stream && segment.first <= number && number < segment.end) return segment;
  }
  return std::nullopt;
}

/// The header of a frame, the cursor at its contents' end; nothing where what is before it cannot be read.
std::optional<ForwardSpool::Header> ForwardSpool::seek(Cursor& cursor, Segment const& segment,
                                                       std::uint64_t number) {
  if (!cursor.handle || cursor.file != segment.file || cursor.number > number) {
    cursor.handle = FileHandle::open(segment_path(segment.file), O_RDONLY);
    cursor.file = segment.file;
    cursor.number = segment.first;
    cursor.offset = sizeof(SegmentHeader);
  }
  for (;;) {
    Header header;
    auto const got = cursor.handle.read_at(cursor.offset, std::as_writable_bytes(std::span(&header, 1)));
    if (got != sizeof header || !header.valid(segment.stream, cursor.number)) {
      cursor.handle.close();
      return std::nullopt;
    }
    cursor.offset += sizeof header + header.size;
    ++cursor.number;
    if (header.number == number) return header;
  }
}

ForwardSpool::Frame ForwardSpool::read(std::uint64_t stream, std::uint64_t number) {
  Frame frame;
  auto const segment = find(stream, number);
  if (!segment) return frame;
  auto const header = seek(reading_, *segment, number);
  if (!header) return frame;
  frame.records = header->records;
  frame.contents.resize(header->size);
  auto const got = reading_.handle.read_at(reading_.offset - header->size, frame.contents);
  if (got != header->size || check_bytes(stream ^ number, frame.contents) != header->check)
    frame.contents.clear();
  return frame;
}

std::uint64_t ForwardSpool::release(std::uint64_t stream, std::uint64_t committed) {
  if (released_.stream != stream) released_ = {stream, 1, 1};
  while (released_.first <= committed) {
    auto const segment = find(stream, released_.first);
    if (!segment) {  // of an opening before, unlinked then; or damaged
      auto const held = oldest();
      if (held.stream != stream || held.first <= released_.first) break;
      released_.first = held.first;
      continue;
    }
    for (; released_.first <= std::min(committed, segment->end - 1); ++released_.first) {
      auto const header = seek(releasing_, *segment, released_.first);
      if (header) passed_ += header->records;
    }
  }
  auto const records = std::exchange(passed_, 0);
  std::deque<Segment> done;
  {
    std::lock_guard const lock(mutex_);
    while (!segments_.empty()) {
      auto const& oldest = segments_.front();
      bool const current = writing_ && segments_.size() == 1;
      if (oldest.stream != stream || oldest.end - 1 > committed) break;
      if (current && oldest.size < segment_bound_ / 2) break;
      if (current) writing_.close();
      bytes_ -= oldest.size;
      done.push_back(oldest);
      segments_.pop_front();
    }
    records_ -= std::min(records_, records);
  }
  unlink(done);
  return records;
}

/// Oldest first, so that what is left after a death has no hole.
void ForwardSpool::unlink(std::deque<Segment> const& segments) noexcept {
  for (auto const& segment : segments) {
    for (auto* cursor : {&reading_, &releasing_}) {
      if (cursor->file == segment.file) cursor->handle.close();
    }
    try {
      spool::remove_file(segment_path(segment.file));
    } catch (std::bad_alloc const&) {
      return;  // with the next opening: the hub says then that it has them
    }
  }
}

bool ForwardSpool::roomy() const {
  std::lock_guard const lock(mutex_);
  return bytes_ + segment_bound_ <= bound_;
}

std::uint64_t ForwardSpool::bytes() const {
  std::lock_guard const lock(mutex_);
  return bytes_;
}

std::uint64_t ForwardSpool::records() const {
  std::lock_guard const lock(mutex_);
  return records_;
}

}  // namespace logboom::upstream
