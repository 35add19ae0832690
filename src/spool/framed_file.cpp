#include "spool/framed_file.hpp"

#include "posix/fault_point.hpp"
#include "record/check.hpp"
#include "spool/spool_error.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

namespace logboom::spool {

namespace {

struct FileHeader {
  std::uint64_t magic = kMagic;
  std::uint32_t kind = 0;
  std::uint32_t version = kVersion;

  static constexpr std::uint64_t kMagic =
      0x6c6f'6f70'6d6f'6f62U;  // "boompool" where the order of bytes is this one
  static constexpr std::uint32_t kVersion = 1;
};
static_assert(sizeof(FileHeader) == 16);

struct EntryHeader {
  std::uint32_t size;
  std::uint32_t check;
};
static_assert(sizeof(EntryHeader) == 8);

// Bound to kind and place: an entry inside an entry's text is none.
std::uint64_t seed_of(FramedKind kind, std::uint64_t offset) noexcept {
  return (static_cast<std::uint64_t>(kind) << 56U) ^ offset;
}

class Entries {
 public:
  Entries(std::span<std::byte const> bytes, FramedKind kind) noexcept
      : bytes_(bytes), kind_(kind), work_((std::uint64_t{1} << 20U) + 16 * bytes.size()) {}

  // The payload of the entry at `offset`, or an empty span.
  std::span<std::byte const> at(std::uint64_t offset) noexcept {
    EntryHeader header{};
    if (bytes_.size() - offset < sizeof header) return {};
    std::memcpy(&header, bytes_.data() + offset, sizeof header);
    if (header.size == 0 || header.size > kMaxEntry || header.size > bytes_.size() - offset - sizeof header)
      return {};
    if (header.size > work_) return {};
    work_ -= header.size;
    auto const payload = bytes_.subspan(offset + sizeof header, header.size);
    return check_bytes(seed_of(kind_, offset), payload) == header.check ? payload
                                                                        : std::span<std::byte const>();
  }

 private:
  std::span<std::byte const> bytes_;
  FramedKind kind_;
  std::uint64_t work_;
};

}  // namespace

FramedFile FramedFile::create(std::filesystem::path path, FramedKind kind) {
  FramedFile framed(FileHandle::open(std::move(path), O_RDWR | O_CREAT | O_EXCL), kind);
  FileHeader header;
  header.kind = static_cast<std::uint32_t>(kind);
  if (auto const error = framed.file_.write_at(0, std::as_bytes(std::span(&header, 1))))
    throw_system_error(error.value(), "cannot write", framed.file_.path());
  framed.size_ = sizeof header;
  return framed;
}

void FramedFile::append(std::span<std::byte const> entry, std::uint64_t bound) {
  std::vector<std::byte> framed(sizeof(EntryHeader) + entry.size());
  if (entry.empty() || entry.size() > kMaxEntry || size_ + framed.size() > bound)
    throw_system_error(EFBIG, "no room in", file_.path());
  EntryHeader const header{static_cast<std::uint32_t>(entry.size()), check_bytes(seed_of(kind_, size_), entry)};
  std::memcpy(framed.data(), &header, sizeof header);
  std::memcpy(framed.data() + sizeof header, entry.data(), entry.size());
  if (auto const error = file_.write_at(size_, framed)) {
    (void)file_.truncate(size_);
    throw_system_error(error.value(), "cannot write", file_.path());
  }
  size_ += framed.size();
  fault_point("catalogue.appended");
}

FramedContents read_framed(std::filesystem::path const& path, FramedKind kind, std::uint64_t bound,
                           std::function<void(std::span<std::byte const>)> const& take) {
  FileHandle const file = FileHandle::open(path, O_RDONLY);
  std::vector<std::byte> bytes(std::min(file.size(), bound));
  bytes.resize(file.read_at(0, bytes));
  FileHeader header;
  header.magic = 0;
  if (bytes.size() >= sizeof header) std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != FileHeader::kMagic || header.kind != static_cast<std::uint32_t>(kind))
    throw SpoolError(path.string() + " is damaged at its start, or no file of a spool");
  if (header.version > FileHeader::kVersion)
    throw SpoolError(path.string() + " is of a newer version (" + std::to_string(header.version) +
                     "): use that version of logboom");

  FramedContents contents;
  Entries entries(bytes, kind);
  std::uint64_t offset = sizeof header;
  std::uint64_t unread = 0;
  while (offset < bytes.size()) {
    auto const entry = entries.at(offset);
    if (entry.empty()) {
      ++offset;
      ++unread;
      continue;
    }
    contents.skipped += std::exchange(unread, 0);
    take(entry);
    offset += sizeof(EntryHeader) + entry.size();
  }
  contents.torn = unread;
  return contents;
}

}  // namespace logboom::spool
