#include "store/store_writer.hpp"

#include "store/checkpointer.hpp"
#include "store/gap_table.hpp"
#include "store/incoming_rows.hpp"
#include "store/ledger_table.hpp"
#include "store/left_file.hpp"
#include "store/names.hpp"
#include "store/rollup.hpp"
#include "store/schema.hpp"
#include "store/scoped_reset.hpp"
#include "store/store_error.hpp"
#include "store/text_limit.hpp"
#include "store/writer_lock.hpp"

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>
#include <fmt/core.h>
#include <sqlite3.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

namespace logboom::store {
namespace {

constexpr int kBusyTimeoutMs = 5'000;
constexpr int kCheckpointPages = 1'000;

std::string absolute_path(std::string const& path) {
  if (path.empty()) throw StoreError("the store's file has no name; name one");
  std::error_code failed;
  auto const canonical = std::filesystem::weakly_canonical(std::filesystem::absolute(path, failed), failed);
  if (failed) {
    throw StoreError(fmt::format("cannot resolve {}: {}; name another file", path, failed.message()));
  }
  if (std::filesystem::is_directory(canonical, failed)) {
    throw StoreError(fmt::format("{} is a directory; name a file in it", canonical.string()));
  }
  return canonical.string();
}

void begin_log(SQLite::Database& db, std::string const& path) {
  std::string const mode = db.execAndGet("PRAGMA journal_mode=WAL").getString();
  if (mode != "wal") {
    throw StoreError(
        fmt::format("{} cannot have a write-ahead log (journal mode stays {}); put it on a local file "
                    "system",
                    path, mode));
  }
}

/// A connection with the measured settings (docs/store.md), its file at the current schema.
SQLite::Database open_store(std::string const& path) {
  try {
    SQLite::Database db(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE | SQLite::OPEN_NOMUTEX,
                        kBusyTimeoutMs);
    if (sqlite3_db_readonly(db.getHandle(), "main") == 1) {
      throw StoreError(
          fmt::format("{} cannot be written to; change its permissions, or name another file", path));
    }
    inspect_schema(db, path);  // before anything that changes the file: it may be somebody else's
    db.exec("PRAGMA page_size=16384");
    begin_log(db, path);
    db.exec(
        "PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0; PRAGMA journal_size_limit=67108864;"
        "PRAGMA cache_size=-16000; PRAGMA secure_delete=OFF; PRAGMA trusted_schema=OFF;");
    migrate_schema(db, path);
    return db;
  } catch (SQLite::Exception const& cause) {
    throw store_error(path, "open", cause);
  }
}

}  // namespace

struct StoreWriter::Impl {
  Impl(std::string const& given, std::int64_t log_bound);
  ~Impl();
  Impl(Impl const&) = delete;
  Impl& operator=(Impl const&) = delete;

  void write(std::span<std::unique_ptr<Block> const> blocks);

  std::string leave();

  void bound_log();
  void refuse_if_moved();
  void prepare(std::span<std::unique_ptr<Block> const> blocks);
  std::int64_t insert_records();
  void advance_ledger(std::span<std::unique_ptr<Block> const> blocks);
  void add_rollup();
  static int on_commit(void* self, sqlite3*, char const*, int log_pages);

  std::string path;
  WriterLock lock;
  IncomingRows rows;
  std::optional<OpenedFiles> files;  // outlives the connections
  SQLite::Database db;
  Names names;
  Rollup rollup;
  GapTable gaps;
  LedgerTable ledger;
  SQLite::Statement insert_rows, count_minute;
  std::int64_t page_size;
  std::int64_t last_id;
  std::int64_t log_bytes = 0;
  std::int64_t const log_bound;
  std::int64_t next_bound = log_bound;  // where bound_log() acts next
  std::string left;                     // what leave() said
  Checkpointer checkpointer;
};

namespace {

/// Declares the rows before statements that name them are prepared.
SQLite::Database open_for_writing(std::string const& path, IncomingRows const& rows) {
  SQLite::Database db = open_store(path);
  declare_incoming(db, rows);
  return db;
}

}  // namespace

StoreWriter::Impl::Impl(std::string const& given, std::int64_t bound)
    : path(absolute_path(given)),
      lock(path),
      db(open_for_writing(path, rows)),
      names(db),
      gaps(db, names),
      ledger(db, names),
      insert_rows(db, kInsertIncoming),
      count_minute(db,
                   "INSERT INTO minute(minute, site_id, n) VALUES(?, ?, ?) "
                   "ON CONFLICT DO UPDATE SET n = n + excluded.n"),
      page_size(db.execAndGet("PRAGMA page_size").getInt64()),
      last_id(db.execAndGet("SELECT ifnull(max(id), 0) FROM record").getInt64()),
      log_bound(bound),
      checkpointer(path) {
  files.emplace(path);
  int moved = 0;
  sqlite3_file_control(db.getHandle(), "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  if (moved != 0)
    throw StoreError(fmt::format("{} was moved while it was being opened; open it again", path),
                     StoreError::Kind::kTransient);
  sqlite3_wal_hook(db.getHandle(), &Impl::on_commit, this);
}

StoreWriter::Impl::~Impl() {
  try {
    if (!left.empty() || files->moved()) {
      leave();
      return;
    }
    checkpointer.wait_idle();
    db.setBusyTimeout(0);  // a reader may keep the log from being emptied: then it stays, and loses nothing
    sqlite3_wal_checkpoint_v2(db.getHandle(), "main", SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  } catch (SQLite::Exception const&) {
    // The log holds what the file does not: the next connection finds it there.
  }
}

int StoreWriter::Impl::on_commit(void* self, sqlite3*, char const*, int log_pages) {
  auto& impl = *static_cast<Impl*>(self);
  impl.log_bytes = log_pages * impl.page_size;
  if (log_pages >= kCheckpointPages) impl.checkpointer.request();
  return SQLITE_OK;
}

// Under a load without a pause the checkpoints never catch up with the last commit, and only when they do can the log begin
// anew. So once in a long while the writer waits for one and does the rest itself.
void StoreWriter::Impl::bound_log() {
  if (log_bytes < next_bound) return;
  checkpointer.wait_idle();
  int in_log = 0;
  int moved = 0;
  int const done =
      sqlite3_wal_checkpoint_v2(db.getHandle(), "main", SQLITE_CHECKPOINT_PASSIVE, &in_log, &moved);
  // A long reader keeps the log as it is: try again when it has grown by a quarter of the bound.
  next_bound = done == SQLITE_OK && moved == in_log ? log_bound : log_bytes + log_bound / 4;
}

std::string StoreWriter::Impl::leave() {
  if (!left.empty()) return left;
  checkpointer.wait_idle();
  left = files->leave(db, last_id);
  // Closing would remove PATH-wal by its name, which now may be another database's.
  sqlite3_db_config(db.getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  return left;
}

void StoreWriter::Impl::refuse_if_moved() {
  if (left.empty() && !files->moved()) return;
  throw StoreError(
      fmt::format(
          "{} or its -wal was removed or replaced while it was being written; open it again, and keep other "
          "programs from moving it",
          path),
      StoreError::Kind::kMoved);
}

void StoreWriter::Impl::prepare(std::span<std::unique_ptr<Block> const> blocks) {
  rollup.clear();
  rows.parts.clear();
  rows.parts.reserve(blocks.size());
  for (auto const& block : blocks) {
    cut_long_texts(*block);
    IncomingRows::Part& part = rows.parts.emplace_back();
    part.block = block.get();
    part.sites.reserve(block->sites.size());
    part.sources.reserve(block->sources.size());
    for (auto const& site : block->sites) part.sites.push_back(names.site(site));
    for (auto const& source : block->sources) part.sources.push_back(names.source(source));
    rollup.add(*block, part.sites);
  }
}

/// The id of the first one.
std::int64_t StoreWriter::Impl::insert_records() {
  ScopedReset const reset(insert_rows);
  int const inserted = insert_rows.exec();
  return inserted == 0 ? last_id + 1 : db.getLastInsertRowid() - inserted + 1;
}

void StoreWriter::Impl::advance_ledger(std::span<std::unique_ptr<Block> const> blocks) {
  std::map<std::pair<std::int64_t, std::uint64_t>, Progress const*> furthest;
  for (auto const& block : blocks) {
    for (Progress const& progress : block->progress) {
      Progress const*& known = furthest[{names.publisher(progress.publisher), progress.stream}];
      if (known == nullptr || progress.last >= known->last) known = &progress;
    }
  }
  for (auto const& [stream, progress] : furthest) ledger.advance(*progress);
}

void StoreWriter::Impl::add_rollup() {
  for (auto const& [key, n] : rollup.counts()) {
    ScopedReset const reset(count_minute);
    count_minute.bind(1, key.first);
    count_minute.bind(2, key.second);
    count_minute.bind(3, n);
    count_minute.exec();
  }
}

void StoreWriter::Impl::write(std::span<std::unique_ptr<Block> const> blocks) {
  bound_log();
  std::int64_t next = 0;
  try {
    refuse_if_moved();
    SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
    prepare(blocks);
    next = insert_records();
    for (auto const& block : blocks) gaps.settle(*block);
    advance_ledger(blocks);
    add_rollup();
    refuse_if_moved();  // while it can still be rolled back
    transaction.commit();
  } catch (SQLite::Exception const& cause) {
    names.forget();
    throw store_error(path, "write to", cause);
  } catch (...) {
    names.forget();
    throw;
  }
  for (auto const& block : blocks) {
    block->first_id = next;
    next += static_cast<std::int64_t>(block->entries.size());
  }
  last_id = next - 1;
  rows.parts.clear();
}

StoreWriter::StoreWriter(std::string path, std::int64_t log_bound) {
  try {
    impl_ = std::make_unique<Impl>(path, log_bound);
  } catch (SQLite::Exception const& cause) {
    throw store_error(path, "open", cause);
  } catch (std::system_error const& cause) {
    throw StoreError(
        fmt::format("cannot open {}: no thread for its checkpoints ({}); raise the limit of processes", path,
                    cause.what()),
        StoreError::Kind::kTransient);
  }
}

StoreWriter::~StoreWriter() = default;

std::vector<Progress> StoreWriter::ledger() const {
  try {
    return impl_->ledger.read();
  } catch (SQLite::Exception const& cause) {
    throw store_error(impl_->path, "read", cause);
  }
}

std::int64_t StoreWriter::last_id() const noexcept { return impl_->last_id; }

std::string const& StoreWriter::path() const noexcept { return impl_->path; }

std::string StoreWriter::leave() { return impl_->leave(); }

void StoreWriter::write(std::span<std::unique_ptr<Block> const> blocks) { impl_->write(blocks); }

}  // namespace logboom::store
