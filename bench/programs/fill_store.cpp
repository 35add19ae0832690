// Makes a large store through the store's own writer, and says how fast. Takes lines on stdin: "to N" fills it up to N rows; "flood" writes at full speed until the next line.
// Each is answered with one JSON object a line. Only the time inside the writer counts: making the records is not the store's.
#include "measurement.hpp"
#include "sample_blocks.hpp"
#include "store/store_writer.hpp"

#include <poll.h>
#include <CLI/CLI.hpp>

#include <chrono>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <thread>
#include <utility>

namespace {

constexpr std::size_t kTransaction = 10'000;  // rows

class Filler {
 public:
  Filler(std::string const& path, double rate, logboom::RetentionOptions retention)
      : file_size_(retention.file_size),
        writer_(path, options(retention)),
        samples_(rate, 1'795'000'000'000'000'000) {}

  /// A file that is full by far is closed (which takes several steps, some of them on other threads), and closed files have the form that they keep.
  void finish() {
    while (file_size_ > 0 && bytes() > 2 * file_size_) {
      writer_.write({});
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    writer_.wait_idle();
  }

  bench::Json fill_to(std::uint64_t rows) {
    return timed([&] { return rows_ < rows; },
                 [&] { return std::min<std::uint64_t>(kTransaction, rows - rows_); });
  }
  /// At least one transaction.
  bench::Json flood() {
    bool first = true;
    return timed([&] { return std::exchange(first, false) || !line_waits(); }, [] { return kTransaction; });
  }

 private:
  /// Of the file and its log.
  std::uint64_t bytes() const {
    std::error_code none;
    auto const log = std::filesystem::file_size(writer_.path() + "-wal", none);
    return std::filesystem::file_size(writer_.path()) + (none ? 0 : log);
  }

  static logboom::store::WriterOptions options(logboom::RetentionOptions retention) {
    logboom::store::WriterOptions made;
    made.retention = retention;
    return made;
  }

  template <class More, class Rows>
  bench::Json timed(More const& more, Rows const& rows) {
    std::vector<double> times;  // ms a transaction
    std::uint64_t const before = rows_;
    double seconds = 0;
    while (more()) {
      auto const blocks = samples_.make(rows());
      std::int64_t const begin = bench::monotonic();
      writer_.write(blocks);
      auto const took = static_cast<double>(bench::monotonic() - begin);
      seconds += took / 1e9;
      times.push_back(took / 1e6);
      for (auto const& block : blocks) rows_ += block->entries.size();
    }
    auto const written = static_cast<double>(rows_ - before);
    return {{"rows", rows_},
            {"written", rows_ - before},
            {"rate", seconds > 0 ? written / seconds : 0},
            {"transaction_ms", bench::distribution(times)}};
  }

  static bool line_waits() {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    return ::poll(&input, 1, 0) > 0;
  }

  std::uint64_t file_size_;
  logboom::store::StoreWriter writer_;
  bench::SampleBlocks samples_;
  std::uint64_t rows_ = 0;
};

}  // namespace

int main(int argc, char** argv) try {
  std::string path;
  double rate = 100;
  logboom::RetentionOptions retention;
  CLI::App app("Makes a large store");
  app.add_option("STORE", path, "The file; made anew")->required();
  app.add_option("--rate", rate, "Rows a second, by the times of the records")->check(CLI::PositiveNumber);
  app.add_option("--file-size", retention.file_size, "Bytes after which a new file is begun; 0: one file");
  app.add_flag("--compress", retention.compress, "Compress files that are full");
  CLI11_PARSE(app, argc, argv);
  std::ios::sync_with_stdio(false);
  std::cin.rdbuf()->pubsetbuf(nullptr, 0);  // or line_waits() would not see what is in the buffer
  Filler filler(path, rate, retention);
  for (std::string line; std::getline(std::cin, line);) {
    if (line.starts_with("to ")) {
      std::cout << filler.fill_to(std::stoull(line.substr(3))).dump() << std::endl;
    } else if (line == "flood") {
      std::cout << filler.flood().dump() << std::endl;
    } else if (line != "stop") {  // which only ends a flood
      throw std::invalid_argument("unknown line \"" + line + "\"");
    }
  }
  filler.finish();
  return 0;
} catch (std::exception const& error) {
  std::cerr << "fill_store: " << error.what() << '\n';
  return 1;
}
