#include "store/database_pages.hpp"

#include "store/closed_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace logboom::store {
namespace {

constexpr std::uint32_t kUsualPage = 16'384;  // what the store makes its files with

int open_file(std::string const& path, bool may_be_missing) {
  int const file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0 && !(may_be_missing && errno == ENOENT))
    throw std::system_error(errno, std::generic_category(), "cannot open " + path);
  return file;
}

std::size_t read_at(int file, std::uint64_t at, std::span<std::byte> into) noexcept {
  std::size_t got = 0;
  while (got < into.size()) {
    auto const size = ::pread(file, into.data() + got, into.size() - got, static_cast<off_t>(at + got));
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    got += static_cast<std::size_t>(size);
  }
  return got;
}

/// By the database's header, where that can be.
std::uint32_t page_size_in(std::span<std::byte const> header) noexcept {
  auto const size =
      std::to_integer<std::uint32_t>(header[16]) << 8U | std::to_integer<std::uint32_t>(header[17]);
  return std::has_single_bit(size) && size >= 512 && size <= 32'768 ? size : kUsualPage;
}

}  // namespace

DatabasePages::DatabasePages(std::string const& path) {
  if (path.ends_with(kCompressedEnd)) {
    compressed_ = std::make_unique<SeekableReader>(path, FrameTable::kFoundAnew);
    size_ = static_cast<std::uint64_t>(compressed_->size());
  } else {
    file_ = open_file(path, false);
    struct stat status {};
    if (::fstat(file_, &status) == 0) size_ = static_cast<std::uint64_t>(status.st_size);
    log_ = check_log(path + "-wal");
    if (log_.frames > 0) log_file_ = open_file(path + "-wal", true);
  }
  std::array<std::byte, 100> header{};
  (void)read_file(0, header);
  page_size_ = log_.page_size != 0 ? log_.page_size : page_size_in(header);
  // The log's word for the number of pages, which may be what is damaged, and all that there are: what is behind the last page was one once.
  auto const in_file = static_cast<std::uint32_t>((size_ + page_size_ - 1) / page_size_);
  count_ = std::max(log_.pages, in_file);
  find_readings();
  for (auto const* pages : {&log_.content, &other_readings_})
    for (LogPage const& page : *pages) count_ = std::max(count_, page.page);
  read_as(0);
  // A page that the file has not is in the log.
  count_ = std::min(count_, in_file + static_cast<std::uint32_t>(in_log_.size() + other_readings_.size()));
}

void DatabasePages::find_readings() {
  for (LogDamage const& damage : log_.damage) {
    for (std::uint32_t const page : damage.pages) {
      if (page != damage.page) other_readings_.push_back({page, damage.offset + kLogFrameHeader});
    }
  }
}

void DatabasePages::read_as(std::size_t reading) {
  in_log_.clear();
  for (LogPage const& page : log_.content) {
    bool const other = reading > 0 && page.offset == other_readings_[reading - 1].offset;
    in_log_[other ? other_readings_[reading - 1].page : page.page] = page.offset;
  }
}

DatabasePages::~DatabasePages() {
  if (file_ >= 0) ::close(file_);
  if (log_file_ >= 0) ::close(log_file_);
}

bool DatabasePages::read_file(std::uint64_t at, std::span<std::byte> into) {
  if (!compressed_) return read_at(file_, at, into) == into.size();
  try {
    return compressed_->read(static_cast<std::int64_t>(at), into) == into.size();
  } catch (SeekableError const&) {
    return false;  // a damaged frame
  }
}

bool DatabasePages::read(std::uint32_t page, std::span<std::byte> into) {
  std::fill(into.begin(), into.end(), std::byte{0});
  if (auto const found = in_log_.find(page); found != in_log_.end()) {
    auto const begin = found->second;
    if (read_at(log_file_, begin, into) != into.size()) return false;
    for (LogDamage const& damage : log_.damage) {
      if (damage.wrong_at >= begin && damage.wrong_at < begin + into.size())
        into[damage.wrong_at - begin] ^= damage.wrong_bit;
    }
    return true;
  }
  return read_file(std::uint64_t{page - 1} * page_size_, into);
}

}  // namespace logboom::store
