#include "store/damaged_file.hpp"

#include "posix/fault_point.hpp"
#include "store/aside_name.hpp"
#include "store/database_pages.hpp"
#include "store/page_rows.hpp"
#include "store/schema.hpp"
#include "store/sync_directory.hpp"
#include "store/table_rows.hpp"
#include "store/writer_lock.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>

namespace logboom::store {
namespace {

constexpr std::size_t kApplicationAt = 68;

bool header_says_store(std::string const& path) {
  std::ifstream file(path, std::ios::binary);
  std::array<char, kApplicationAt + 4> header{};
  if (!file.read(header.data(), header.size())) return false;
  static_assert(kApplicationId == 0x6c6f6762);
  return std::string_view(header.data() + kApplicationAt, 4) == "logb";
}

struct RowFound {};

bool has_rows_of_a_store(std::string const& path) {
  DatabasePages pages(path);
  auto const look = [](PageRow const& row) {
    if (proof_of(row) == Proof::kRight) throw RowFound{};
    return true;
  };
  auto const none = [](PageRow const&) { return false; };
  try {
    PageRows rows(pages);
    rows.scan(look, [](PageFault const&) {});
    rows.search(none, look);
  } catch (RowFound const&) {
    return true;
  }
  return false;
}

}  // namespace

bool was_a_store(std::string const& path) noexcept {
  try {
    return header_says_store(path) || has_rows_of_a_store(path);
  } catch (std::exception const&) {
    return false;
  }
}

SetAside set_aside(std::string const& path) {
  WriterLock const lock(path);  // or a second collector might have begun a fresh one by now
  SetAside aside{aside_name(path, "damaged"), {}};
  // The log first: under its old name it would be taken for the fresh file's.
  if (::rename((path + "-wal").c_str(), (aside.kept + "-wal").c_str()) != 0 && errno != ENOENT)
    throw std::system_error(errno, std::generic_category(), "cannot rename " + path + "-wal");
  fault_point("store.set_aside.amid");
  if (::rename(path.c_str(), aside.kept.c_str()) != 0)
    throw std::system_error(errno, std::generic_category(), "cannot rename " + path);
  ::unlink((path + "-shm").c_str());
  sync_directory(std::filesystem::path(path).parent_path().string());
  aside.salvaged = salvage_ledger(aside.kept);
  return aside;
}

}  // namespace logboom::store
