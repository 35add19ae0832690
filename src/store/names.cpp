#include "store/names.hpp"

#include "store/row_check.hpp"
#include "store/scoped_reset.hpp"

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Database.h>

#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <tuple>

namespace logboom::store {
namespace {

std::size_t mix(std::size_t seed, std::size_t value) noexcept {
  return (seed ^ value) * 0x9e3779b97f4a7c15ULL + (seed >> 29U);
}

std::size_t hash_text(std::string const& text) noexcept { return std::hash<std::string_view>{}(text); }

auto parts(Site const& s) {
  return std::tie(s.line, s.level, s.logger, s.template_text, s.file, s.function, s.level_name);
}

auto parts(Source const& s) {
  return std::tie(s.stream, s.tid, s.pid, s.started, s.publisher, s.host, s.process, s.thread);
}

// Texts and ids go in by reference: each statement runs at once and is reset before they go away.
void bind(SQLite::Statement& statement, Site const& site) {
  statement.bindNoCopy(1, site.logger);
  statement.bind(2, site.level);
  statement.bindNoCopy(3, site.level_name);
  statement.bindNoCopy(4, site.file);
  statement.bind(5, site.line);
  statement.bindNoCopy(6, site.function);
  statement.bindNoCopy(7, site.template_text);
}

void bind(SQLite::Statement& statement, Source const& source, std::int64_t publisher) {
  statement.bind(1, publisher);
  statement.bindNoCopy(2, source.host);
  statement.bindNoCopy(3, source.process);
  statement.bind(4, static_cast<std::int64_t>(source.pid));
  statement.bind(5, source.started);
  statement.bind(6, static_cast<std::int64_t>(source.stream));
  statement.bind(7, static_cast<std::int64_t>(source.tid));
  statement.bindNoCopy(8, source.thread);
}

std::int64_t checksum(Site const& site) noexcept {
  return site_checksum(site.level, site.line, site.logger, site.level_name, site.file, site.function,
                       site.template_text);
}

std::int64_t checksum(Source const& source, std::int64_t publisher) noexcept {
  SourceCells cells;
  cells.publisher_id = publisher;
  cells.pid = static_cast<std::int64_t>(source.pid);
  cells.started = source.started;
  cells.stream = static_cast<std::int64_t>(source.stream);
  cells.tid = static_cast<std::int64_t>(source.tid);
  cells.host = source.host;
  cells.process = source.process;
  cells.thread = source.thread;
  return cells.checksum();
}

/// The id that `find` yields, or that `add` makes; `bind_all` binds the same values to either, and `add` has the checksum after them.
template <class Bind>
std::int64_t find_or_add(SQLite::Database& db, SQLite::Statement& find, SQLite::Statement& add,
                         std::int64_t checksum, Bind const& bind_all) {
  {
    ScopedReset const reset(find);
    bind_all(find);
    if (find.executeStep()) return find.getColumn(0).getInt64();
  }
  ScopedReset const reset(add);
  bind_all(add);
  add.bind(add.getBindParameterCount(), checksum);
  add.exec();
  return db.getLastInsertRowid();
}

}  // namespace

std::size_t SiteHash::operator()(std::shared_ptr<Site const> const& site) const noexcept {
  std::size_t hash = mix(site->line, static_cast<std::size_t>(site->level));
  hash = mix(hash, hash_text(site->logger));
  hash = mix(hash, hash_text(site->template_text));
  return mix(hash, hash_text(site->file));
}

bool SiteEqual::operator()(std::shared_ptr<Site const> const& a,
                           std::shared_ptr<Site const> const& b) const noexcept {
  return a == b || parts(*a) == parts(*b);
}

std::size_t PublisherHash::operator()(PublisherId const& id) const noexcept {
  return std::hash<std::string_view>{}({reinterpret_cast<char const*>(id.data()), id.size()});
}

std::size_t SourceHash::operator()(std::shared_ptr<Source const> const& source) const noexcept {
  std::size_t hash = mix(PublisherHash{}(source->publisher), source->stream);
  hash = mix(hash, source->tid);
  hash = mix(hash, source->pid);
  return mix(hash, hash_text(source->host));
}

bool SourceEqual::operator()(std::shared_ptr<Source const> const& a,
                             std::shared_ptr<Source const> const& b) const noexcept {
  return a == b || parts(*a) == parts(*b);
}

Names::Names(SQLite::Database& db)
    : db_(db),
      find_publisher_(db, "SELECT id FROM publisher WHERE uuid = ?"),
      add_publisher_(db, "INSERT INTO publisher(uuid, checksum) VALUES(?, ?)"),
      find_site_(
          db,
          "SELECT id FROM site WHERE logger = ? AND level = ? AND level_name = ? AND file = ? AND line = ? "
          "AND function = ? AND template = ?"),
      add_site_(db,
                "INSERT INTO site(logger, level, level_name, file, line, function, template, checksum) "
                "VALUES(?, ?, ?, ?, ?, ?, ?, ?)"),
      find_source_(db,
                   "SELECT id FROM source WHERE publisher_id = ? AND host = ? AND process = ? AND pid = ? "
                   "AND started = ? "
                   "AND stream = ? AND tid = ? AND thread = ?"),
      add_source_(
          db,
          "INSERT INTO source(publisher_id, host, process, pid, started, stream, tid, thread, checksum) "
          "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)"),
      publishers_(kNamesHeld / 2, kNameBytesHeld / 2),
      sites_(kNamesHeld / 2, kNameBytesHeld / 2),
      sources_(kNamesHeld / 2, kNameBytesHeld / 2) {}

std::int64_t Names::publisher(PublisherId const& id) {
  if (auto const known = publishers_.find(id)) return *known;
  std::int64_t const found = find_or_add(
      db_, find_publisher_, add_publisher_,
      publisher_checksum({reinterpret_cast<char const*>(id.data()), id.size()}),
      [&](SQLite::Statement& statement) { statement.bindNoCopy(1, id.data(), static_cast<int>(id.size())); });
  publishers_.add(id, found, sizeof id);
  return found;
}

std::int64_t Names::site(std::shared_ptr<Site const> const& site) {
  if (auto const known = sites_.find(site)) return *known;
  std::int64_t const found = find_or_add(db_, find_site_, add_site_, checksum(*site),
                                         [&](SQLite::Statement& statement) { bind(statement, *site); });
  sites_.add(site, found,
             sizeof *site + site->logger.size() + site->template_text.size() + site->file.size() +
                 site->function.size() + site->level_name.size());
  return found;
}

std::int64_t Names::source(std::shared_ptr<Source const> const& source) {
  if (auto const known = sources_.find(source)) return *known;
  std::int64_t const owner = publisher(source->publisher);
  std::int64_t const found =
      find_or_add(db_, find_source_, add_source_, checksum(*source, owner),
                  [&](SQLite::Statement& statement) { bind(statement, *source, owner); });
  sources_.add(source, found,
               sizeof *source + source->host.size() + source->process.size() + source->thread.size());
  return found;
}

void Names::forget() {
  publishers_.clear();
  sites_.clear();
  sources_.clear();
}

}  // namespace logboom::store
