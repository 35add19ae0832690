// The yardstick for the store: one thread puts the rows that a collector has stored into a fresh file, with one prepared statement, row by row, in transactions of 10,000;
// no index, default page size, nothing else running. Which safety it has is the caller's choice: the target says nothing of it, and NORMAL is the faster one.
#include "measurement.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <CLI/CLI.hpp>

#include <filesystem>

namespace {

struct Row {
  std::int64_t created;
  int level;
  std::int64_t site, source, sequence;
  std::string message, fields;
};

std::vector<Row> rows_of(std::string const& path) {
  SQLite::Database database(path, SQLite::OPEN_READONLY);
  SQLite::Statement query(database,
                          "SELECT created, level, site_id, source_id, ifnull(sequence, 0), message, "
                          "ifnull(fields, '') FROM record");
  std::vector<Row> rows;
  while (query.executeStep()) {
    rows.push_back({query.getColumn(0), query.getColumn(1), query.getColumn(2), query.getColumn(3),
                    query.getColumn(4), query.getColumn(5), query.getColumn(6)});
  }
  return rows;
}

void insert_transaction(SQLite::Database& database, SQLite::Statement& insert, std::vector<Row> const& rows,
                        std::size_t begin, std::size_t end) {
  database.exec("BEGIN");
  for (std::size_t i = begin; i < end; ++i) {
    auto const& row = rows[i];
    insert.bind(1, row.created);
    insert.bind(2, row.level);
    insert.bind(3, row.site);
    insert.bind(4, row.source);
    insert.bind(5, row.sequence);
    insert.bindNoCopy(6, row.message);
    insert.bindNoCopy(7, row.fields);
    insert.exec();
    insert.reset();
  }
  database.exec("COMMIT");
}

bench::Json insert(std::string const& stored, std::string const& path, std::string const& safety) {
  auto const rows = rows_of(stored);
  std::filesystem::remove(path);
  SQLite::Database database(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  database.exec(
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=" + safety +
      ";CREATE TABLE record(id INTEGER PRIMARY KEY, created INTEGER, level INTEGER, site_id INTEGER, "
      "source_id INTEGER, sequence INTEGER, message TEXT, fields TEXT)");
  SQLite::Statement statement(database,
                              "INSERT INTO record(created, level, site_id, source_id, sequence, message, "
                              "fields) VALUES(?,?,?,?,?,?,?)");
  constexpr std::size_t kTransaction = 10'000;
  std::int64_t const begin = bench::monotonic();
  for (std::size_t i = 0; i < rows.size(); i += kTransaction)
    insert_transaction(database, statement, rows, i, std::min(rows.size(), i + kTransaction));
  double const seconds = static_cast<double>(bench::monotonic() - begin) / 1e9;
  return {{"rows", rows.size()}, {"rate", static_cast<double>(rows.size()) / seconds}};
}

}  // namespace

int main(int argc, char** argv) {
  std::string stored, path, safety = "NORMAL";
  CLI::App app("Inserts a store's rows into another file, by a prepared statement");
  app.add_option("STORE", stored, "Where the rows come from")->required()->check(CLI::ExistingFile);
  app.add_option("FILE", path, "Where they go; replaced")->required();
  app.add_option("--synchronous", safety, "PRAGMA synchronous")->check(CLI::IsMember({"NORMAL", "FULL"}));
  CLI11_PARSE(app, argc, argv);
  return bench::print_result("raw_inserts", [&] { return insert(stored, path, safety); });
}
