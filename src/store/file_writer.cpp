#include "store/file_writer.hpp"

#include "posix/fault_point.hpp"
#include "store/checkpointer.hpp"
#include "store/end_check.hpp"
#include "store/file_facts.hpp"
#include "store/gap_table.hpp"
#include "store/incoming_rows.hpp"
#include "store/ledger_table.hpp"
#include "store/left_file.hpp"
#include "store/log_check.hpp"
#include "store/name_check.hpp"
#include "store/names.hpp"
#include "store/raw_database.hpp"
#include "store/schema.hpp"
#include "store/scoped_reset.hpp"
#include "store/store_error.hpp"
#include "store/summaries.hpp"
#include "store/text_limit.hpp"

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>
#include <fmt/core.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

namespace logboom::store {
namespace {

constexpr int kBusyTimeoutMs = 5'000;
constexpr int kReadersEndMs = 10;
constexpr int kCheckpointPages = 1'000;
constexpr std::int64_t kLongLog = 4 << 20;  // bytes: what is less is moved to the file in milliseconds

void begin_log(SQLite::Database& db, std::string const& path) {
  std::string const mode = db.execAndGet("PRAGMA journal_mode=WAL").getString();
  if (mode != "wal") {
    throw StoreError(
        fmt::format("{} cannot have a write-ahead log (journal mode stays {}); put it on a local file "
                    "system",
                    path, mode));
  }
}

[[noreturn]] void throw_damaged(std::string const& path, std::string const& what) {
  throw StoreError(fmt::format("{} is damaged: {}; `logboom repair` salvages what can be read", path, what),
                   StoreError::Kind::kDamaged);
}

/// SQLite would take a damaged place in the log for its end.
void mend_log_of(std::string const& path, std::vector<std::string>& mended) {
  auto const log = path + "-wal";
  auto const state = check_log(log);
  if (state.damage.empty()) return;
  for (LogDamage const& damage : state.damage) {
    if (!damage.pages.empty())
      throw_damaged(
          path, fmt::format("of which page the frame at byte {} of its log is cannot be said", damage.offset));
  }
  auto const copy = mend_log(log);
  for (LogDamage const& damage : state.damage)
    mended.push_back(
        fmt::format("{} is damaged at byte {}: {}; as it was it is kept as {}", log, damage.offset,
                    damage.healed ? "one bit, which was put right"
                                  : "the page that stood there may be damaged, what follows is whole",
                    copy));
}

/// Of a file that is to be migrated, and loses an index by it: where the index leads to another table's page, that would go with it.
void refuse_damaged_trees(SQLite::Database& db, std::string const& path) {
  std::string said = db.execAndGet("PRAGMA quick_check(1)").getString();
  if (said == "ok") return;
  said.erase(0, said.find('\n') + 1);  // in which database it is
  throw_damaged(path, said.substr(0, said.find('\n')));
}

/// A connection with the measured settings (docs/store.md), its file at the current schema.
SQLite::Database open_store(std::string const& path, bool may_make) {
  try {
    SQLite::Database db(path,
                        SQLite::OPEN_READWRITE | (may_make ? SQLite::OPEN_CREATE : 0) | SQLite::OPEN_NOMUTEX,
                        kBusyTimeoutMs);
    if (sqlite3_db_readonly(db.getHandle(), "main") == 1) {
      throw StoreError(
          fmt::format("{} cannot be written to; change its permissions, or name another file", path));
    }
    SchemaState const state =
        inspect_schema(db, path);  // before anything that changes the file: it may be somebody else's
    if (sqlite3_db_readonly(db.getHandle(), "main") == 1 && has_strange_version(path))
      throw_damaged(path, "its header");
    if (auto const fault = size_fault(db, path); !fault.empty()) throw_damaged(path, fault);
    db.exec("PRAGMA page_size=16384");
    begin_log(db, path);
    db.exec(
        "PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0; PRAGMA journal_size_limit=67108864;"
        "PRAGMA cache_size=-8000; PRAGMA secure_delete=OFF; PRAGMA trusted_schema=OFF;");
    if (state.version > 0 && state.version < kFirstWithSpans) refuse_damaged_trees(db, path);
    migrate_schema(db, path);
    return db;
  } catch (SQLite::Exception const& cause) {
    // What is asked of it is always the same, and right: it is another schema that does not have it.
    if (cause.getErrorCode() == SQLITE_ERROR) throw_damaged(path, cause.what());
    throw store_error(path, "open", cause);
  }
}

}  // namespace

struct FileWriter::Impl {
  Impl(std::string const& path, std::int64_t log_bound, bool may_make);
  ~Impl();
  Impl(Impl const&) = delete;
  Impl& operator=(Impl const&) = delete;

  void write(std::span<std::unique_ptr<Block> const> blocks, Summarize when);
  void summarize();
  bool may_owe(std::span<std::unique_ptr<Block> const> blocks) const;

  std::string leave();
  void close_settled();
  bool settle();
  std::int64_t bytes();

  void bound_log();
  void refuse_if_moved();
  void prepare(std::span<std::unique_ptr<Block> const> blocks);
  std::int64_t insert_records();
  void advance_ledger(std::span<std::unique_ptr<Block> const> blocks);
  template <class Transaction>
  void or_forget(Transaction const& transaction);
  static int on_commit(void* self, sqlite3*, char const*, int log_pages);

  std::string path;
  std::vector<std::string> mended;
  IncomingRows rows;
  std::optional<OpenedFiles> files;  // outlives the connections
  SQLite::Database db;
  Names names;
  GapTable gaps;
  LedgerTable ledger;
  SQLite::Statement insert_rows, insert_common_rows, insert_first_rows, count_pages;
  std::int64_t page_size;
  std::int64_t first_id;
  std::int64_t last_id;
  Summaries summaries;
  std::int64_t log_bytes = 0;
  std::chrono::nanoseconds commit_took{0};
  bool ending = false;
  std::int64_t const log_bound;
  std::int64_t next_bound = log_bound;  // where bound_log() acts next
  std::optional<std::int64_t> held_log;
  std::string left;  // what leave() said
  Checkpointer checkpointer;
};

namespace {

void mend_schema(SQLite::Database& db, std::string const& path, std::vector<std::string>& mended) {
  auto const differ = schema_differences(db);
  if (differ.empty()) return;
  for (auto const& name : differ) {
    if (name != "logs" && name != "records")
      throw_damaged(path, fmt::format("its schema, where {} is made", name));
  }
  mend_views(db);
  mended.push_back(fmt::format("{}: its views were damaged, and are made anew", path));
}

/// Declares the rows before statements that name them are prepared.
SQLite::Database open_for_writing(std::string const& path, bool may_make, IncomingRows const& rows,
                                  std::vector<std::string>& mended) {
  mend_log_of(path, mended);
  SQLite::Database db = open_store(path, may_make);
  mend_schema(db, path, mended);
  // SQL has no way to put such a row right: its index says otherwise.
  if (auto const damaged = damaged_names(db); !damaged.empty()) throw_damaged(path, damaged.front());
  if (auto const fault = end_fault(db); !fault.empty()) throw_damaged(path, fault);
  if (auto const count = mend_ledger(db); count > 0)
    mended.push_back(fmt::format(
        "{}: {} damaged rows of the ledger were worked out anew from the records of their streams", path,
        count));
  declare_incoming(db, rows);
  return db;
}

}  // namespace

FileWriter::Impl::Impl(std::string const& name, std::int64_t bound, bool may_make)
    : path(name),
      db(open_for_writing(path, may_make, rows, mended)),
      names(db),
      gaps(db, names),
      ledger(db, names),
      insert_rows(db, kInsertIncoming),
      insert_common_rows(db, kInsertCommonIncoming),
      insert_first_rows(db, kInsertFirstIncoming),
      count_pages(db, "PRAGMA page_count"),
      page_size(db.execAndGet("PRAGMA page_size").getInt64()),
      first_id(first_id_of(db)),
      last_id(last_id_of(db)),
      summaries(db, first_id, last_id),
      log_bound(bound),
      checkpointer(path) {
  files.emplace(path);
  int moved = 0;
  sqlite3_file_control(db.getHandle(), "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  if (moved != 0)
    throw StoreError(fmt::format("{} was moved while it was being opened; open it again", path),
                     StoreError::Kind::kTransient);
  sqlite3_wal_hook(db.getHandle(), &Impl::on_commit, this);
  if (!summaries.whole())
    mended.push_back(
        fmt::format("{}: the end of its table span is damaged, and is left alone: who asks for a time reads "
                    "all records behind it; `logboom repair` makes it anew",
                    path));
}

FileWriter::Impl::~Impl() {
  try {
    if (!left.empty() || files->moved()) {
      leave();
      return;
    }
    checkpointer.wait_idle();
    db.setBusyTimeout(0);  // a reader may keep the log from being emptied: then it stays, and loses nothing
    summarize();
    sqlite3_wal_checkpoint_v2(db.getHandle(), "main", SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  } catch (std::exception const&) {
    // The log holds what the file does not, and the records what the summaries do not: the next connection finds both.
  }
}

int FileWriter::Impl::on_commit(void* self, sqlite3*, char const*, int log_pages) {
  auto& impl = *static_cast<Impl*>(self);
  impl.log_bytes = log_pages * impl.page_size;
  if (log_pages >= kCheckpointPages && !impl.ending) impl.checkpointer.request();
  return SQLITE_OK;
}

// Under a load without a pause the checkpoints never catch up with the last commit, and only when they do can the log begin
// anew. So once in a long while the writer waits for one and does the rest itself.
void FileWriter::Impl::bound_log() {
  if (log_bytes < next_bound) return;
  checkpointer.wait_idle();
  int in_log = 0;
  int moved = 0;
  int const done =
      sqlite3_wal_checkpoint_v2(db.getHandle(), "main", SQLITE_CHECKPOINT_PASSIVE, &in_log, &moved);
  // A long reader keeps the log as it is: try again when it has grown by a quarter of the bound.
  bool const whole = done == SQLITE_OK && moved == in_log;
  next_bound = whole ? log_bound : log_bytes + log_bound / 4;
  if (!whole) held_log = log_bytes;
}

std::string FileWriter::Impl::leave() {
  if (!left.empty()) return left;
  try {
    summarize();
  } catch (StoreError const&) {
    // They stay behind by what is owed.
  }
  checkpointer.wait_idle();
  left = files->leave(db, last_id);
  // Closing would remove PATH-wal by its name, which now may be another database's.
  sqlite3_db_config(db.getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  return left;
}

void FileWriter::Impl::refuse_if_moved() {
  if (left.empty() && !files->moved()) return;
  throw StoreError(
      fmt::format(
          "{} or its -wal was removed or replaced while it was being written; open it again, and keep other "
          "programs from moving it",
          path),
      StoreError::Kind::kMoved);
}

void FileWriter::Impl::prepare(std::span<std::unique_ptr<Block> const> blocks) {
  rows.parts.clear();
  rows.parts.reserve(blocks.size());
  std::int64_t next = last_id + 1;
  for (auto const& block : blocks) {
    cut_long_texts(*block);
    IncomingRows::Part& part = rows.parts.emplace_back();
    part.block = block.get();
    part.sites.reserve(block->sites.size());
    part.sources.reserve(block->sources.size());
    for (auto const& site : block->sites) part.sites.push_back(names.site(site));
    for (auto const& source : block->sources) part.sources.push_back(names.source(source));
    part.rare = std::any_of(block->entries.begin(), block->entries.end(), is_rare);
    summaries.add(*block, part.sites, next);
    next += static_cast<std::int64_t>(block->entries.size());
  }
  rows.begin = rows.end = 0;
}

/// How many. The first of a file go on where the file before it ended; from then on SQLite counts.
std::int64_t FileWriter::Impl::insert_records() {
  std::int64_t next = last_id + 1;
  while (rows.show_next()) {
    bool const first = next == first_id;
    SQLite::Statement& insert = first                         ? insert_first_rows
                                : rows.parts[rows.begin].rare ? insert_rows
                                                              : insert_common_rows;
    ScopedReset const reset(insert);
    rows.first_id = next;
    next += insert.exec();
  }
  return next - last_id - 1;
}

void FileWriter::Impl::advance_ledger(std::span<std::unique_ptr<Block> const> blocks) {
  std::map<std::pair<std::int64_t, std::uint64_t>, Progress const*> furthest;
  for (auto const& block : blocks) {
    for (Progress const& progress : block->progress) {
      Progress const*& known = furthest[{names.publisher(progress.publisher), progress.stream}];
      if (known == nullptr || progress.last >= known->last) known = &progress;
    }
  }
  for (auto const& [stream, progress] : furthest) ledger.advance(*progress);
}

/// One transaction. What is in memory of it goes with it when it is rolled back.
template <class Transaction>
void FileWriter::Impl::or_forget(Transaction const& transaction) try {
  transaction();
} catch (...) {
  names.forget();
  summaries.forget();
  try {
    throw;
  } catch (SQLite::Exception const& cause) {
    throw store_error(path, "write to", cause);
  }
}

/// Then the summaries are not behind by more than who opens the file looks for.
bool FileWriter::Impl::may_owe(std::span<std::unique_ptr<Block> const> blocks) const {
  auto owed = summaries.owed();
  for (auto const& block : blocks) owed += static_cast<std::int64_t>(block->entries.size());
  return owed <= Summaries::kMostOwed && summaries.whole() && !ending;
}

void FileWriter::Impl::write(std::span<std::unique_ptr<Block> const> blocks, Summarize when) {
  bound_log();
  std::int64_t next = last_id + 1;
  std::int64_t inserted = 0;
  or_forget([&] {
    refuse_if_moved();
    SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
    prepare(blocks);
    fault_point("store.insert");
    inserted = insert_records();
    fault_point("store.inserted");
    for (auto const& block : blocks) gaps.settle(*block);
    advance_ledger(blocks);
    if (when == Summarize::kMayWait && may_owe(blocks))
      summaries.owe();
    else
      summaries.write();
    refuse_if_moved();  // while it can still be rolled back
    fault_point("store.commit");
    auto const began = std::chrono::steady_clock::now();
    transaction.commit();
    commit_took = std::chrono::steady_clock::now() - began;
    summaries.committed();
    fault_point("store.committed");
  });
  for (auto const& block : blocks) {
    block->first_id = next;
    next += static_cast<std::int64_t>(block->entries.size());
  }
  last_id += inserted;
  rows.parts.clear();
}

/// Writes what is owed, in a transaction of its own.
void FileWriter::Impl::summarize() {
  if (summaries.owed() == 0) return;
  or_forget([&] {
    SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
    summaries.write();
    fault_point("store.summarized");
    transaction.commit();
    summaries.committed();
  });
}

void FileWriter::Impl::close_settled() {
  checkpointer.wait_idle();
  left = fmt::format("the records until now are in the closed files of {}", path);
  sqlite3_db_config(db.getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

// Readers of a moment ago are waited for, some milliseconds: whoever comes after them sees all there is, and hinders nothing.
bool FileWriter::Impl::settle() {
  summarize();
  int in_log = 0;
  int moved = 0;
  db.setBusyTimeout(kReadersEndMs);
  int const done = sqlite3_wal_checkpoint_v2(db.getHandle(), "main", SQLITE_CHECKPOINT_FULL, &in_log, &moved);
  db.setBusyTimeout(kBusyTimeoutMs);
  return done == SQLITE_OK && in_log == moved;
}

std::int64_t FileWriter::Impl::bytes() {
  ScopedReset const reset(count_pages);
  count_pages.executeStep();
  return count_pages.getColumn(0).getInt64() * page_size;
}

namespace {

template <class Work>
auto with_file(std::string const& path, char const* doing, Work const& work) {
  try {
    return work();
  } catch (SQLite::Exception const& cause) {
    bool const opening = doing == std::string_view("open");
    if (opening && cause.getErrorCode() == SQLITE_ERROR) throw_damaged(path, cause.what());
    throw store_error(path, doing, cause);
  } catch (std::system_error const& cause) {
    throw StoreError(
        fmt::format("cannot open {}: no thread for its checkpoints ({}); raise the limit of processes", path,
                    cause.what()),
        StoreError::Kind::kTransient);
  }
}

}  // namespace

FileWriter::FileWriter(std::string const& path, std::int64_t log_bound, bool may_make)
    : impl_(with_file(path, "open", [&] { return std::make_unique<Impl>(path, log_bound, may_make); })) {}
FileWriter::~FileWriter() = default;

std::vector<Progress> FileWriter::ledger(std::size_t most) const {
  return with_file(impl_->path, "read", [&] { return read_ledger(impl_->db, most); });
}

std::int64_t FileWriter::first_id() const noexcept { return impl_->first_id; }
std::int64_t FileWriter::last_id() const noexcept { return impl_->last_id; }

std::int64_t FileWriter::begun() const {
  return with_file(impl_->path, "read", [&] { return begun_of(impl_->db); });
}

std::int64_t FileWriter::bytes() const {
  return with_file(impl_->path, "read", [&] { return impl_->bytes(); });
}

std::int64_t FileWriter::empty_bytes() const {
  return with_file(impl_->path, "read", [&] { return empty_bytes_of(impl_->db); });
}

std::vector<std::string> const& FileWriter::mended() const noexcept { return impl_->mended; }

std::optional<std::int64_t> FileWriter::take_held_log() noexcept {
  return std::exchange(impl_->held_log, std::nullopt);
}

bool FileWriter::moved() const { return !impl_->left.empty() || impl_->files->moved(); }
bool FileWriter::is(std::string const& path) const { return impl_->files->is_file(path); }
void FileWriter::write(std::span<std::unique_ptr<Block> const> blocks, Summarize when) {
  impl_->write(blocks, when);
}
void FileWriter::summarize() { impl_->summarize(); }
std::chrono::nanoseconds FileWriter::commit_took() const noexcept { return impl_->commit_took; }
std::string FileWriter::leave() { return impl_->leave(); }
void FileWriter::checkpoint() {
  impl_->ending = true;  // under a load without a pause one would be running always
  if (impl_->log_bytes >= kLongLog) impl_->checkpointer.request();
}

bool FileWriter::checkpointing() const { return impl_->checkpointer.busy(); }
bool FileWriter::settle() { return impl_->settle(); }
void FileWriter::give_up_name() { impl_->close_settled(); }

}  // namespace logboom::store
