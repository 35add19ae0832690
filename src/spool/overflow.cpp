#include "spool/overflow.hpp"

#include "posix/fault_point.hpp"
#include "record/check.hpp"
#include "spool/directory.hpp"
#include "spool/ring_file.hpp"

#include <fcntl.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <new>
#include <optional>

namespace logboom::spool {

namespace {

constexpr std::uint64_t kSegmentHeader = 16;
constexpr std::uint64_t kLongestSegment =
    kOverflowSegment + 2 * kMaxChunk;  // what is longer was not written by append()
constexpr std::string_view kPrefix = "overflow.";

struct SegmentHeader {
  std::uint64_t magic = kMagic;
  std::uint32_t version = kVersion;
  std::uint32_t reserved = 0;

  static constexpr std::uint64_t kMagic =
      0x7265'766f'6d6f'6f62U;  // "boomover" where the order of bytes is this one
  static constexpr std::uint32_t kVersion = 1;
};
static_assert(sizeof(SegmentHeader) == kSegmentHeader);

struct ChunkHeader {
  std::uint32_t magic = kMagic;
  std::uint32_t header_check = 0;  // over everything else of the header, as 0; bound to publisher and place
  std::uint32_t size = 0;          // bytes after the header, without padding to 8
  std::uint32_t check = 0;         // over them
  std::uint64_t stream = 0, tid = 0, first = 0, end = 0;
  std::uint32_t name_size = 0;
  std::uint32_t reserved = 0;
  char name[kMaxThreadName] = {};

  static constexpr std::uint32_t kMagic = 0x6b6e'7563U;

  std::uint32_t sum(std::uint64_t seed) const noexcept {
    ChunkHeader copy = *this;
    copy.header_check = 0;
    return check_bytes(seed, std::as_bytes(std::span(&copy, 1)));
  }
  bool valid(std::uint64_t seed) const noexcept {
    return magic == kMagic && size > 0 && size <= kMaxChunk && name_size <= kMaxThreadName && first >= 1 &&
           end > first && header_check == sum(seed);
  }
};
static_assert(sizeof(ChunkHeader) == 120);

constexpr std::uint64_t padded(std::uint64_t size) noexcept { return (size + 7) & ~std::uint64_t{7}; }

std::uint64_t place_seed(std::uint64_t seed, std::uint64_t segment, std::uint64_t offset) noexcept {
  return seed ^ (segment << 40U) ^ offset;
}

std::optional<std::uint64_t> segment_number(std::string const& name) {
  if (!name.starts_with(kPrefix)) return std::nullopt;
  std::uint64_t number = 0;
  char const* const last = name.data() + name.size();
  auto const [end, error] = std::from_chars(name.data() + kPrefix.size(), last, number);
  return error == std::errc() && end == last ? std::optional(number) : std::nullopt;
}

std::optional<ChunkHeader> header_at(FileHandle const& file, std::uint64_t offset, std::uint64_t seed) {
  ChunkHeader header;
  if (file.read_at(offset, std::as_writable_bytes(std::span(&header, 1))) != sizeof header)
    return std::nullopt;
  return header.valid(seed) ? std::optional(header) : std::nullopt;
}

// The next offset after `from` where a chunk begins, or `end`.
std::uint64_t find_chunk(FileHandle const& file, std::uint64_t from, std::uint64_t end, std::uint64_t seed,
                         std::uint64_t segment) {
  constexpr std::size_t kWindow = std::size_t{64} << 10U;
  std::vector<std::byte> window(kWindow);
  for (std::uint64_t start = padded(from + 1); start < end; start += kWindow) {
    std::size_t const size = file.read_at(start, window);
    for (std::size_t at = 0; at + sizeof(std::uint32_t) <= size; at += 8) {
      std::uint32_t magic = 0;
      std::memcpy(&magic, window.data() + at, sizeof magic);
      if (magic == ChunkHeader::kMagic && header_at(file, start + at, place_seed(seed, segment, start + at)))
        return start + at;
    }
    if (size < kWindow) break;
  }
  return end;
}

}  // namespace

std::uint64_t overflow_seed(PublisherId const& id) noexcept {
  std::uint64_t halves[2] = {};
  std::memcpy(halves, id.data(), sizeof halves);
  return halves[0] ^ (halves[1] * 0x9E37'79B9'7F4A'7C15U);
}

Overflow::Overflow(std::filesystem::path directory, std::uint64_t seed, std::uint64_t bound)
    : directory_(std::move(directory)), seed_(seed), bound_(bound) {}

Overflow Overflow::open(std::filesystem::path directory, std::uint64_t seed, std::uint64_t bound,
                        Access access) {
  Overflow overflow(std::move(directory), seed, bound);
  std::vector<std::uint64_t> numbers;
  for (auto const& name : names_in(overflow.directory_))
    if (auto const number = segment_number(name)) numbers.push_back(*number);
  std::sort(numbers.begin(), numbers.end());
  for (std::uint64_t const number : numbers) overflow.load(number, access);
  if (access == Access::kOwner) overflow.unlink_released();
  return overflow;
}

std::filesystem::path Overflow::segment_path(std::uint64_t number) const {
  return directory_ / (std::string(kPrefix) + std::to_string(number));
}

void Overflow::load(std::uint64_t number, Access access) {
  FileHandle const file = FileHandle::open(segment_path(number), access == Access::kLook ? O_RDONLY : O_RDWR);
  std::uint64_t const size = file.size();
  std::uint64_t const end = std::min(size, kLongestSegment);
  if (size > end) damage_.push_back({file.path(), end, size - end});
  Segment& segment = segments_[number];
  segment.size = size;
  bytes_ += size;
  SegmentHeader header;
  (void)file.read_at(0, std::as_writable_bytes(std::span(&header, 1)));
  // Chunks have checks of their own: a damaged first word does not cost them.
  if (header.magic != SegmentHeader::kMagic)
    damage_.push_back({file.path(), 0, std::min(end, kSegmentHeader)});

  std::uint64_t offset = kSegmentHeader;
  while (offset < end && chunks_.size() < kMaxChunks) {
    auto const chunk = header_at(file, offset, place_seed(seed_, number, offset));
    if (!chunk) {
      std::uint64_t const found = find_chunk(file, offset, end, seed_, number);
      damage_.push_back({file.path(), offset, found - offset});
      offset = found;
      continue;
    }
    std::uint64_t const next = offset + sizeof(ChunkHeader) + padded(chunk->size);
    if (next > end) {  // torn: its writer died, and had not yet taken its records from the ring
      if (access == Access::kOwner) (void)file.truncate(offset);
      bytes_ -= size - offset;
      segment.size = offset;
      break;
    }
    std::uint64_t const id = next_number_++;
    chunks_.push_back({id, chunk->stream, chunk->tid, std::string(chunk->name, chunk->name_size),
                       chunk->first, chunk->end, chunk->size});
    places_[id] = {number, offset + sizeof(ChunkHeader), chunk->check};
    ++segment.held;
    offset = next;
  }
}

bool Overflow::append(Chunk const& chunk, std::span<std::byte const> bytes) noexcept {
  try {
    error_.clear();
    if (bytes.empty() || bytes.size() > kMaxChunk || chunk.end <= chunk.first || chunk.first == 0) {
      error_ = std::make_error_code(std::errc::invalid_argument);
    } else if (bytes_ + kSegmentHeader + sizeof(ChunkHeader) + padded(bytes.size()) > bound_ ||
               chunks_.size() >= kMaxChunks) {
      error_ = std::make_error_code(std::errc::no_buffer_space);
    } else {
      if (!writing_ || segments_[writing_number_].size >= kOverflowSegment) begin_segment();
      write(chunk, bytes);
    }
  } catch (std::system_error const& error) {
    error_ = error.code();
  } catch (std::exception const&) {
    error_ = std::make_error_code(std::errc::not_enough_memory);
  }
  return !error_;
}

void Overflow::begin_segment() {
  std::uint64_t const number = segments_.empty() ? writing_number_ + 1 : segments_.rbegin()->first + 1;
  FileHandle file = FileHandle::open(segment_path(number), O_RDWR | O_CREAT | O_EXCL);
  SegmentHeader const header;
  if (auto const error = file.write_at(0, std::as_bytes(std::span(&header, 1)))) {
    remove_file(file.path());
    throw std::system_error(error);
  }
  segments_[number].size = kSegmentHeader;
  bytes_ += kSegmentHeader;
  writing_ = std::move(file);
  writing_number_ = number;
}

void Overflow::write(Chunk const& chunk, std::span<std::byte const> bytes) {
  Segment& segment = segments_[writing_number_];
  std::uint64_t const offset = segment.size;
  ChunkHeader header;
  header.size = static_cast<std::uint32_t>(bytes.size());
  header.stream = chunk.stream;
  header.tid = chunk.tid;
  header.first = chunk.first;
  header.end = chunk.end;
  header.name_size = static_cast<std::uint32_t>(std::min(chunk.thread_name.size(), kMaxThreadName));
  std::copy_n(chunk.thread_name.begin(), header.name_size, header.name);
  header.check = check_bytes(place_seed(seed_, writing_number_, offset), bytes);
  header.header_check = header.sum(place_seed(seed_, writing_number_, offset));

  std::uint64_t const id = next_number_;
  std::uint64_t const size = sizeof header + padded(bytes.size());
  places_[id] = {writing_number_, offset + sizeof header, header.check};
  try {
    chunks_.push_back({id, header.stream, header.tid, std::string(header.name, header.name_size),
                       header.first, header.end, bytes.size()});
  } catch (...) {
    places_.erase(id);
    throw;
  }
  std::error_code error = writing_.write_at(offset, std::as_bytes(std::span(&header, 1)));
  fault_point("overflow.append.amid");
  if (!error) error = writing_.write_at(offset + sizeof header, bytes);
  // The length says last that the chunk is whole.
  if (!error && padded(bytes.size()) != bytes.size()) error = writing_.truncate(offset + size);
  if (error) {
    (void)writing_.truncate(offset);
    chunks_.pop_back();
    places_.erase(id);
    throw std::system_error(error);
  }
  ++next_number_;
  ++segment.held;
  segment.size += size;
  bytes_ += size;
}

bool Overflow::read(std::uint64_t number, std::vector<std::byte>& out) noexcept {
  auto const by_number = [](Info const& info, std::uint64_t wanted) { return info.number < wanted; };
  auto const info = std::lower_bound(chunks_.begin(), chunks_.end(), number, by_number);
  if (info == chunks_.end() || info->number != number) return false;
  try {
    Place const place = places_.at(number);
    if (!reading_ || reading_number_ != place.segment) {
      reading_ = FileHandle::open(segment_path(place.segment), O_RDONLY);
      reading_number_ = place.segment;
    }
    out.resize(info->bytes);
    bool const whole = reading_.read_at(place.offset, out) == info->bytes;
    std::uint64_t const start = place.offset - sizeof(ChunkHeader);
    if (whole && check_bytes(place_seed(seed_, place.segment, start), out) == place.check) return true;
    error_ = std::make_error_code(std::errc::bad_message);
  } catch (std::system_error const& error) {
    error_ = error.code();
  } catch (std::exception const&) {
    error_ = std::make_error_code(std::errc::not_enough_memory);
  }
  return false;
}

std::pair<std::filesystem::path, std::uint64_t> Overflow::place(std::uint64_t number) const {
  Place const& place = places_.at(number);
  return {segment_path(place.segment), place.offset - sizeof(ChunkHeader)};
}

void Overflow::release(std::uint64_t number) noexcept {
  auto const place = places_.find(number);
  if (place == places_.end()) return;
  --segments_[place->second.segment].held;
  places_.erase(place);
  auto const by_number = [](Info const& info, std::uint64_t wanted) { return info.number < wanted; };
  chunks_.erase(std::lower_bound(chunks_.begin(), chunks_.end(), number, by_number));
  unlink_released();
}

void Overflow::close() noexcept {
  writing_.close();
  reading_.close();
}

// In order, so that what is left never has a hole that was no loss.
void Overflow::unlink_released() noexcept {
  while (!segments_.empty() && segments_.begin()->second.held == 0) {
    auto const first = segments_.begin();
    try {
      remove_file(segment_path(first->first));
    } catch (std::bad_alloc const&) {
      return;  // with the next release
    }
    if (writing_ && writing_number_ == first->first) writing_.close();
    if (reading_ && reading_number_ == first->first) reading_.close();
    fault_point("overflow.unlinked");
    bytes_ -= first->second.size;
    segments_.erase(first);
  }
}

}  // namespace logboom::spool
