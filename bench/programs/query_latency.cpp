// How long the usual questions to a store take, each asked again and again. Opening the file is part of every question, as it is for `logboom query`.
#include "measurement.hpp"

#include <logboom/query.hpp>

#include <SQLiteCpp/SQLiteCpp.h>
#include <CLI/CLI.hpp>

#include <functional>
#include <limits>

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::size_t kPage = 200;

class Questions {
 public:
  Questions(std::string path, int repeats) : path_(std::move(path)), repeats_(repeats) {}

  bench::Json ask_all() {
    // Newest first is a page. A word and a field that one record in a hundred has; and rarer ones, within an hour.
    ask("last 100", 100, [](logboom::Filter&) {});
    ask("last hour, WARNING and above", kPage, [&](logboom::Filter& filter) {
      filter.level = logboom::level::kWarning;
      filter.since = hour_ago();
    });
    ask("last hour", kPage, [&](logboom::Filter& filter) { filter.since = hour_ago(); });
    ask("an hour of long ago", kPage, [&](logboom::Filter& filter) {
      filter.since = hour_ago() - 5 * 3600 * kSecond;
      filter.until = *filter.since + 3600 * kSecond;
    });
    ask("one logger prefix", kPage, [](logboom::Filter& filter) { filter.loggers = {"app.module3"}; });
    ask("text search, 1 in 100", kPage, [](logboom::Filter& filter) { filter.regex = "of user42"; });
    ask("one field, 1 in 100", kPage,
        [](logboom::Filter& filter) { filter.fields = {logboom::parse_field_test("user~^user42")}; });
    ask("last hour, text, 1 in 10,000", kPage, [&](logboom::Filter& filter) {
      filter.regex = "of user4242";
      filter.since = hour_ago();
    });
    ask("last hour, one field, 1 in 10,000", kPage, [&](logboom::Filter& filter) {
      filter.fields = {logboom::parse_field_test("user=user4242")};
      filter.since = hour_ago();
    });
    count_a_day();
    return answers_;
  }

 private:
  std::int64_t hour_ago() {
    std::int64_t newest = 0;
    logboom::Query query;
    query.last = 1;
    logboom::query(path_, query, [&](logboom::Record const& record) {
      newest = record.time;
      return true;
    });
    return newest - 3600 * kSecond;
  }

  void time(std::string const& name, std::function<std::size_t()> const& question) {
    std::vector<double> times;
    std::size_t rows = 0;
    for (int i = 0; i < repeats_; ++i) {
      std::int64_t const begin = bench::monotonic();
      rows = question();
      times.push_back(static_cast<double>(bench::monotonic() - begin) / 1e6);
    }
    answers_[name] = {{"ms", bench::distribution(times)}, {"rows", rows}};
  }

  template <class Narrow>
  void ask(std::string const& name, std::size_t last, Narrow const& narrow) {
    logboom::Query query;
    query.last = last;
    narrow(query.filter);
    time(name, [&] {
      std::size_t rows = 0;
      logboom::query(path_, query, [&](logboom::Record const&) { return ++rows > 0; });
      return rows;
    });
  }

  /// Plain SQL on the roll-up, as docs/store.md shows it.
  void count_a_day() {
    std::int64_t const day_ago = (hour_ago() - 23 * 3600 * kSecond) / (60 * kSecond);
    time("counts per minute and level, a day", [&] {
      SQLite::Database database(path_, SQLite::OPEN_READONLY);
      SQLite::Statement query(database, "SELECT minute, level, n FROM minute_level WHERE minute >= ?");
      query.bind(1, day_ago);
      std::size_t rows = 0;
      while (query.executeStep()) ++rows;
      return rows;
    });
  }

  std::string path_;
  int repeats_;
  bench::Json answers_;
};

}  // namespace

int main(int argc, char** argv) {
  std::string path;
  int repeats = 21;
  CLI::App app("Asks a store the usual questions");
  app.add_option("STORE", path, "The store's file")->required()->check(CLI::ExistingFile);
  app.add_option("--repeats", repeats, "How often each is asked")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  return bench::print_result("query_latency", [&] { return Questions(path, repeats).ask_all(); });
}
