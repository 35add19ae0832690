#include "store/record_rows.hpp"

#include "record/record_codec.hpp"
#include "store/scoped_reset.hpp"

#include <SQLiteCpp/Column.h>
#include <fmt/format.h>

#include <cstring>
#include <string_view>

namespace logboom::store {
namespace {

constexpr std::size_t kHeld = 4'096;  // sites, and sources, of each generation
constexpr std::size_t kBytesHeld = 2U << 20U;

std::string_view text_of(SQLite::Statement& row, int index) {
  SQLite::Column const column = row.getColumn(index);
  char const* const text = column.getText();
  return {text, static_cast<std::size_t>(column.getBytes())};
}

std::uint64_t unsigned_of(SQLite::Statement& row, int index) {
  return static_cast<std::uint64_t>(row.getColumn(index).getInt64());
}

Fields fields_of(SQLite::Statement& row, int index) {
  std::string_view const json = text_of(row, index);
  if (json.empty()) return {};
  try {
    return parse_fields_json(json);
  } catch (wire::FrameError const&) {
    return {{"…", Value(std::string(json))}};  // edited by hand: shown as it is, the record is not lost for it
  }
}

void put_site(Record& record, Site const& site) {
  record.level_name = site.level_name;
  record.logger = site.logger;
  record.template_text = site.template_text;
  record.file = site.file;
  record.line = site.line;
  record.function = site.function;
}

void put_source(Record& record, Source const& source) {
  record.publisher = source.publisher;
  record.host = source.host;
  record.process = source.process;
  record.pid = source.pid;
  record.process_started = source.started;
  record.stream = source.stream;
  record.tid = source.tid;
  record.thread = source.thread;
}

}  // namespace

std::string tested_columns(bool texts, bool fields) {
  return fmt::format("r.id, {}, {}", texts ? "r.message, r.exception" : "NULL, NULL",
                     fields ? "r.fields, r.attributes" : "NULL, NULL");
}

Record read_tested_row(SQLite::Statement& row) {
  Record record;
  record.id = row.getColumn(0).getInt64();
  record.message = text_of(row, 1);
  record.exception = text_of(row, 2);
  record.fields = fields_of(row, 3);
  record.attributes = fields_of(row, 4);
  return record;
}

RecordRows::RecordRows(SQLite::Database& db)
    : find_site_(db,
                 "SELECT logger, level, level_name, file, line, function, template FROM site WHERE id = ?"),
      find_source_(
          db,
          "SELECT p.uuid, o.host, o.process, o.pid, o.started, o.stream, o.tid, o.thread FROM source o "
          "LEFT JOIN publisher p ON p.id = o.publisher_id WHERE o.id = ?"),
      sites_(kHeld, kBytesHeld),
      sources_(kHeld, kBytesHeld) {}

std::shared_ptr<Site const> RecordRows::site(std::int64_t id) {
  if (auto known = sites_.find(id)) return *known;
  auto site = std::make_shared<Site>();
  ScopedReset const reset(find_site_);
  find_site_.bind(1, id);
  if (find_site_.executeStep()) {
    site->logger = text_of(find_site_, 0);
    site->level = find_site_.getColumn(1).getInt();
    site->level_name = text_of(find_site_, 2);
    site->file = text_of(find_site_, 3);
    site->line = static_cast<std::uint32_t>(find_site_.getColumn(4).getInt64());
    site->function = text_of(find_site_, 5);
    site->template_text = text_of(find_site_, 6);
  }
  sites_.add(id, site,
             sizeof *site + site->logger.size() + site->file.size() + site->function.size() +
                 site->template_text.size());
  return site;
}

std::shared_ptr<Source const> RecordRows::source(std::int64_t id) {
  if (auto known = sources_.find(id)) return *known;
  auto source = std::make_shared<Source>();
  ScopedReset const reset(find_source_);
  find_source_.bind(1, id);
  if (find_source_.executeStep()) {
    std::string_view const uuid = text_of(find_source_, 0);
    if (uuid.size() == source->publisher.size())
      std::memcpy(source->publisher.data(), uuid.data(), uuid.size());
    source->host = text_of(find_source_, 1);
    source->process = text_of(find_source_, 2);
    source->pid = unsigned_of(find_source_, 3);
    source->started = find_source_.getColumn(4).getInt64();
    source->stream = unsigned_of(find_source_, 5);
    source->tid = unsigned_of(find_source_, 6);
    source->thread = text_of(find_source_, 7);
  }
  sources_.add(id, source,
               sizeof *source + source->host.size() + source->process.size() + source->thread.size());
  return source;
}

Record RecordRows::read(SQLite::Statement& row) {
  Record record;
  record.id = row.getColumn(0).getInt64();
  record.time = row.getColumn(1).getInt64();
  record.level = row.getColumn(2).getInt();
  put_site(record, *site(row.getColumn(3).getInt64()));
  put_source(record, *source(row.getColumn(4).getInt64()));
  record.sequence = unsigned_of(row, 5);
  record.message = text_of(row, 6);
  record.fields = fields_of(row, 7);
  record.exception_type = text_of(row, 8);
  record.exception = text_of(row, 9);
  record.stack = text_of(row, 10);
  record.task = text_of(row, 11);
  record.attributes = fields_of(row, 12);
  return record;
}

}  // namespace logboom::store
