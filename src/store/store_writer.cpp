#include "store/store_writer.hpp"

#include "posix/fault_point.hpp"
#include "store/archivist.hpp"
#include "store/closed_files.hpp"
#include "store/file_facts.hpp"
#include "store/file_writer.hpp"
#include "store/next_file.hpp"
#include "store/read_connection.hpp"
#include "store/retention_plan.hpp"
#include "store/store_error.hpp"
#include "store/writer_lock.hpp"

#include <SQLiteCpp/Column.h>
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

namespace logboom::store {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kSettleAgain{100},
    kSettleAgainAtMost{2'000};                    // while a reader keeps the log
constexpr std::chrono::seconds kRotateAgain{10};  // after it failed

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

std::int64_t system_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

WriterOptions completed(WriterOptions options) {
  if (!options.now) options.now = system_now;
  if (!options.after_step) options.after_step = [](RotationStep) {};
  return options;
}

std::int64_t last_id_in(ClosedFile const& file) try {
  SQLite::Database db = open_closed(file.path);
  return last_id_of(db);
} catch (SQLite::Exception const& cause) {
  throw store_error(file.path, "read", cause);
}

}  // namespace

struct StoreWriter::Impl {
  Impl(std::string const& given, WriterOptions&& chosen);
  ~Impl();
  Impl(Impl const&) = delete;
  Impl& operator=(Impl const&) = delete;

  void write(std::span<std::unique_ptr<Block> const> blocks);
  void take_up();
  void open();
  Archivist::Current facts() const { return {file->first_id(), begun}; }
  void go_on_in_next_file();
  bool full() const;
  void close_current();
  Summarize when_to_summarize();
  void remember(std::span<std::unique_ptr<Block> const> blocks);
  std::vector<Progress> gained() const;

  std::string const path;
  WriterOptions const options;
  RetentionPlan const plan;
  WriterLock const lock;
  std::unique_ptr<FileWriter> file;  // none after a rotation amid which it could not be opened
  std::int64_t begun = 0;            // of it
  std::int64_t empty_bytes = 0;
  std::int64_t last_id = 0;
  std::int64_t summarized = 0;  // seconds since the epoch, when that was asked for
  bool emptied = false;         // its log, as far as a checkpoint does
  std::chrono::milliseconds settle_again = kSettleAgain;
  Clock::time_point not_before{};  // for the next attempt to rotate
  // What was committed since the next file was asked for; as long as the part of the ledger that moves.
  std::map<std::pair<PublisherId, std::uint64_t>, Progress> advanced;
  std::optional<Archivist> archivist;
};

StoreWriter::Impl::Impl(std::string const& given, WriterOptions&& chosen)
    : path(absolute_path(given)), options(completed(std::move(chosen))), plan(options.retention), lock(path) {
  undo_rotation(path);
  remove_unfinished(path);
  open();
  if (options.retention.many_files())
    archivist.emplace(path, plan, facts(), options.most_streams, options.now, options.notice);
}

StoreWriter::Impl::~Impl() {
  if (!archivist) return;
  archivist.reset();
  remove_database(next_path(path));  // made, and not needed by now: whoever opens the store makes another
}

/// A store without its current file is not a new one: it has ids and a ledger.
void StoreWriter::Impl::take_up() {
  std::error_code none;
  if (std::filesystem::exists(path, none)) return;
  auto const closed = list_closed(path);
  if (closed.empty() && options.least_id <= 1) return;
  std::int64_t first_id = options.least_id;
  if (!closed.empty()) first_id = std::max(first_id, last_id_in(closed.back()) + 1);
  make_next(path, closed.empty() ? "" : closed.back().path, options.most_streams);
  finish_next(path, {}, first_id, options.now());
  begin_store(path);
}

void StoreWriter::Impl::open() {
  take_up();
  // A file made by SQLite would begin with id 1 and no ledger.
  file = std::make_unique<FileWriter>(path, options.log_bound, list_closed(path).empty());
  begun = file->begun();
  empty_bytes = file->empty_bytes();
  last_id = file->last_id();
  if (options.damage) {
    for (auto const& line : file->mended()) options.damage(line);
  }
  if (archivist) archivist->rotated(facts());
}

bool StoreWriter::Impl::full() const {
  return file->last_id() >= file->first_id() && plan.full(begun, file->bytes() - empty_bytes, options.now());
}

/// In three steps, between which records go on being written: the next file is made and the log emptied, on other threads; then the names change.
void StoreWriter::Impl::go_on_in_next_file() {
  if (!archivist || !full() || file->moved()) return;
  if (!archivist->wanted()) {
    advanced.clear();
    archivist->prepare();
    emptied = false;
  }
  if (!archivist->ready() || Clock::now() < not_before) return;
  if (!emptied) file->checkpoint();
  emptied = true;
  if (file->checkpointing()) return;
  if (!file->settle()) {
    not_before = Clock::now() + settle_again;
    settle_again = std::min(2 * settle_again, kSettleAgainAtMost);
    emptied = false;
    return;
  }
  close_current();
}

void StoreWriter::Impl::close_current() {
  bool done = false;
  settle_again = kSettleAgain;
  try {
    finish_next(path, gained(), file->last_id() + 1, options.now());
    options.after_step(RotationStep::kNextWhole);
    fault_point("rotation.next_whole");
    rotate(
        path, closed_path(path, begun, file->first_id()),
        [this](std::string const& name) { return file->is(name); }, options.after_step);
    done = true;
  } catch (std::exception const& cause) {
    not_before = Clock::now() + kRotateAgain;
    if (options.notice)
      options.notice(
          fmt::format("{}: no new file could be begun, it goes on in the old one: {}", path, cause.what()));
  }
  // Whatever came of it, the file that has the name now is the one to go on in.
  file->give_up_name();
  if (done) archivist->destroy(std::move(file));
  file.reset();
  if (!done) undo_rotation(path);
  open();
}

void StoreWriter::Impl::remember(std::span<std::unique_ptr<Block> const> blocks) {
  for (auto const& block : blocks) {
    for (Progress const& progress : block->progress) {
      Progress& known = advanced[{progress.publisher, progress.stream}];
      if (progress.last >= known.last) known = progress;
    }
  }
}

std::vector<Progress> StoreWriter::Impl::gained() const {
  std::vector<Progress> all;
  all.reserve(advanced.size());
  for (auto const& [stream, progress] : advanced) all.push_back(progress);
  return all;
}

/// Records that come one by one, a thousand a second, then cost two pages each and not five; whoever reads the sums sees them two seconds late at most.
Summarize StoreWriter::Impl::when_to_summarize() {
  auto const now = options.now();
  return std::exchange(summarized, now) == now ? Summarize::kMayWait : Summarize::kNow;
}

void StoreWriter::Impl::write(std::span<std::unique_ptr<Block> const> blocks) {
  try {
    if (!file) open();
    go_on_in_next_file();
  } catch (StoreError const& error) {
    // Nothing of `blocks` was written, and what stands in the way now need not for ever.
    throw StoreError(error.what(), StoreError::Kind::kTransient);
  } catch (std::system_error const& error) {
    throw StoreError(fmt::format("cannot open {}: {}; make its directory writable", path, error.what()),
                     StoreError::Kind::kTransient);
  }
  if (blocks.empty()) return file->summarize();
  file->write(blocks, when_to_summarize());
  last_id = file->last_id();
  if (auto const bytes = file->take_held_log(); bytes && options.notice)
    options.notice(fmt::format(
        "{}-wal has grown to {} MiB, since a program reads the store in one long transaction: until it ends "
        "that, the log cannot begin anew",
        path, *bytes >> 20U));
  if (archivist && archivist->wanted()) remember(blocks);
}

StoreWriter::StoreWriter(std::string path, WriterOptions options) try
    : impl_(std::make_unique<Impl>(path, std::move(options))) {
} catch (std::system_error const& cause) {
  throw StoreError(
      fmt::format("cannot open {}: {}; make its directory writable, and raise the limit of processes", path,
                  cause.what()),
      StoreError::Kind::kTransient);
}

StoreWriter::~StoreWriter() = default;

std::vector<Progress> StoreWriter::ledger(std::size_t most) const {
  return impl_->file ? impl_->file->ledger(most) : std::vector<Progress>{};
}

std::int64_t StoreWriter::last_id() const noexcept { return impl_->last_id; }

std::string const& StoreWriter::path() const noexcept { return impl_->path; }

std::string StoreWriter::leave() {
  impl_->archivist.reset();
  return impl_->file ? impl_->file->leave() : std::string("the records until now are in its closed files");
}

void StoreWriter::write(std::span<std::unique_ptr<Block> const> blocks) { impl_->write(blocks); }

std::chrono::nanoseconds StoreWriter::commit_took() const noexcept {
  return impl_->file ? impl_->file->commit_took() : std::chrono::nanoseconds{0};
}

void StoreWriter::wait_idle() {
  if (impl_->archivist) impl_->archivist->wait_idle();
}

}  // namespace logboom::store
