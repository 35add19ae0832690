#include "store/repair.hpp"

#include "store/aside_name.hpp"
#include "store/closed_files.hpp"
#include "store/file_facts.hpp"
#include "store/log_check.hpp"
#include "store/read_connection.hpp"
#include "store/store_error.hpp"
#include "store/sync_directory.hpp"
#include "store/writer_lock.hpp"

#include <logboom/query.hpp>

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <fmt/core.h>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

namespace logboom::store {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSetAside = ".damaged-";
constexpr std::string_view kClosedDirectory = ".d";

std::string absolute_path(std::string const& file) {
  std::error_code failed;
  auto const path = fs::weakly_canonical(fs::absolute(file, failed), failed);
  return failed ? file : path.string();
}

void move(std::string const& from, std::string const& to) {
  if (::rename(from.c_str(), to.c_str()) != 0)
    throw std::system_error(errno, std::generic_category(), fmt::format("cannot rename {} to {}", from, to));
}

/// The store that the file is of, by its name: itself, or the one in whose directory of closed files it is, or that it was set aside from.
std::string store_of(std::string const& file) {
  auto const directory = fs::path(file).parent_path().string();
  std::string store = file;
  if (directory.ends_with(kClosedDirectory))
    store = directory.substr(0, directory.size() - kClosedDirectory.size());
  auto const at = store.find(kSetAside, store.rfind('/') + 1);
  return at == std::string::npos ? store : store.substr(0, at);
}

bool was_set_aside(std::string const& file) {
  return file.find(kSetAside, file.rfind('/') + 1) != std::string::npos;
}

std::int64_t begun_in(std::string const& file) {
  SQLite::Database db = open_closed(file);
  return begun_of(db);
}

std::int64_t first_id_in(std::string const& file) {
  SQLite::Database db = open_for_reading(file);
  return first_id_of(db);
}

std::int64_t last_id_in(std::string const& file) {
  SQLite::Database db = open_closed(file);
  return db.execAndGet("SELECT ifnull(max(id), 0) FROM record").getInt64();
}

/// Where records of these ids are between those of the store's other files: their name as a closed file. "": nowhere.
std::string place_between(std::string const& store, std::string const& made, Salvaged const& salvaged) try {
  if (salvaged.records == 0) return {};
  std::error_code missing;
  if (fs::exists(store, missing) && first_id_in(store) <= salvaged.last_id) return {};
  for (ClosedFile const& closed : list_closed(store)) {
    bool const before = closed.first_id < salvaged.first_id && last_id_in(closed.path) < salvaged.first_id;
    if (!before && closed.first_id <= salvaged.last_id) return {};
  }
  fs::create_directory(closed_directory(store), missing);
  return closed_path(store, begun_in(made), salvaged.first_id);
} catch (SQLite::Exception const&) {
  return {};  // of damaged files nobody can say
} catch (StoreError const&) {
  return {};
}

class Repairer {
 public:
  explicit Repairer(std::string const& file)
      : file_(absolute_path(file)), store_(store_of(file_)), lock_(store_lock()) {}

  Repair run() {
    result_.before = inspect_file(file_, true);
    if (!result_.before.refusal.empty()) throw StoreError(result_.before.refusal);
    if (result_.before.whole()) return std::move(result_);
    mend_log_alone();
    if (result_.file.empty()) salvage_it();
    return std::move(result_);
  }

 private:
  /// What was set aside is nobody's.
  std::optional<WriterLock> store_lock() const {
    return was_set_aside(file_) ? std::nullopt : std::optional<WriterLock>(std::in_place, store_);
  }

  void mend_log_alone() {
    auto const log = file_ + "-wal";
    auto const state = check_log(log);
    if (state.damage.empty() || in_doubt(state)) return;
    result_.kept.push_back(mend_log(log));
    if (inspect_file(file_, true).whole()) result_.file = file_;
  }

  void salvage_it() {
    auto const made = file_ + ".repairing";
    remove_database(made);
    result_.salvaged = salvage(file_, made);
    if (was_set_aside(file_)) {
      auto place = place_between(store_, made, *result_.salvaged);
      put(made, place.empty() ? file_ + ".repaired" : place);
      result_.kept.push_back(file_);
      return;
    }
    auto const aside = aside_name(file_, "damaged");
    move(file_, aside);
    // Under its old name it would be taken for the repaired file's.
    if (::rename((file_ + "-wal").c_str(), (aside + "-wal").c_str()) != 0 && errno != ENOENT)
      throw std::system_error(errno, std::generic_category(), fmt::format("cannot rename {}-wal", file_));
    ::unlink((file_ + "-shm").c_str());
    bool const compressed = file_.ends_with(kCompressedEnd);
    put(made, compressed ? file_.substr(0, file_.size() - kCompressedEnd.size()) : file_);
    result_.kept.push_back(aside);
  }

  void put(std::string const& made, std::string const& place) {
    move(made, place);
    sync_directory(fs::path(place).parent_path().string());
    result_.file = place;
  }

  std::string const file_, store_;
  std::optional<WriterLock> const lock_;
  Repair result_;
};

}  // namespace

Repair repair_file(std::string const& file) {
  std::error_code missing;
  if (!fs::exists(file, missing))
    throw StoreError(fmt::format("{} does not exist; name a store's file", file));
  return Repairer(file).run();
}

}  // namespace logboom::store
