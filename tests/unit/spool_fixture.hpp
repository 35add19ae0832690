// What the spool's tests share: a directory of their own, and records whose bytes tell their number.
#pragma once

#include "spool/ring_file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace logboom::spool::test {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    // on the disk, not on a tmpfs: allocation and writeback are part of what is tested
    std::string name = (std::filesystem::temp_directory_path() / "logboom-spool-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(TemporaryDirectory const&) = delete;
  TemporaryDirectory& operator=(TemporaryDirectory const&) = delete;

  std::filesystem::path const& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Length and bytes of record `number`: any reader can tell whether it is whole. 8 to 207 bytes.
inline std::size_t record_size(std::uint64_t number) { return 8 + (number * 37) % 200; }

inline void fill_record(std::byte* at, std::uint64_t number) {
  std::size_t const size = record_size(number);
  std::memcpy(at, &number, sizeof number);
  for (std::size_t i = sizeof number; i < size; ++i) at[i] = static_cast<std::byte>(number * 31 + i);
}

inline bool is_record(std::span<std::byte const> payload, std::uint64_t number) {
  if (payload.size() != record_size(number)) return false;
  std::vector<std::byte> expected(payload.size());
  fill_record(expected.data(), number);
  return std::memcmp(expected.data(), payload.data(), payload.size()) == 0;
}

/// Writes record `ring.sequence`; false when there is no room.
inline bool write_record(detail::RingProducer& ring) {
  std::uint64_t const number = ring.sequence;
  std::size_t const size = record_size(number);
  std::byte* at = detail::reserve(ring, size);
  if (at == nullptr) at = detail::look_and_reserve(ring, size).payload;
  if (at == nullptr) return false;
  fill_record(at, number);
  detail::commit(ring, size);
  return true;
}

struct ReadBack {
  std::vector<std::uint64_t> whole;  // numbers of records that are what was written
  std::uint64_t wrong = 0;           // frames that were read and are not
  std::uint64_t declared = 0;        // numbers covered by gap frames
  std::uint64_t missing = 0;         // numbers found missing, those at the end included
};

/// As a sender reads a dead ring: from tail to head, over damage, counting by the numbers.
inline ReadBack read_all(RingFile const& ring) {
  ReadBack result;
  std::uint64_t expected = ring.base();
  for (std::uint64_t position = ring.tail(); position < ring.head();) {
    auto const frame = ring.read(position);
    if (!frame) {
      position = ring.next_valid(position);
      continue;
    }
    EXPECT_GE(frame->sequence, expected);
    result.missing += frame->sequence - expected;
    expected = frame->next;
    if (frame->kind == detail::kKindGap) {
      result.declared += frame->next - frame->sequence;
    } else if (is_record(frame->payload, frame->sequence)) {
      result.whole.push_back(frame->sequence);
    } else {
      ++result.wrong;
    }
    position = frame->end;
  }
  EXPECT_GE(ring.next_sequence(), expected);
  result.missing += ring.next_sequence() - expected;
  return result;
}

inline std::vector<char> read_file(std::filesystem::path const& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// In place: a file system may flush a file that is truncated and written anew, and these tests do it thousands of times.
inline void write_file(std::filesystem::path const& path, std::span<char const> bytes) {
  int const file = ::open(path.c_str(), O_WRONLY | O_CREAT, 0600);
  bool const written =
      file >= 0 && ::write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
  (void)!::ftruncate(file, static_cast<off_t>(bytes.size()));
  ::close(file);
  if (!written) throw std::runtime_error("cannot write " + path.string());
}

/// A file system of 100 KiB over `directory`, for this process alone; as root or as anybody whom the kernel allows it.
inline bool mount_small(std::filesystem::path const& directory) {
  std::string const user = "0 " + std::to_string(::geteuid()) + " 1";
  std::string const group = "0 " + std::to_string(::getegid()) + " 1";
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  write_file("/proc/self/uid_map", user);
  write_file("/proc/self/setgroups", std::string_view("deny"));
  write_file("/proc/self/gid_map", group);
  return ::mount("none", directory.c_str(), "tmpfs", 0, "size=100k") == 0;
}

}  // namespace logboom::spool::test
