// How many bytes the rings of a dead process hold, and how many records.
#include "measurement.hpp"
#include "spool/ring_file.hpp"

#include <CLI/CLI.hpp>

#include <filesystem>

namespace {

bench::Json measure(std::string const& spool) {
  std::uint64_t bytes = 0, records = 0;
  for (auto const& entry : std::filesystem::directory_iterator(spool)) {
    if (!entry.path().filename().string().starts_with("ring.")) continue;
    auto const ring = logboom::spool::RingFile::open(entry.path());
    bytes += ring.head() - ring.tail();
    records += ring.next_sequence() - ring.base();
  }
  return {{"bytes", bytes}, {"records", records}};
}

}  // namespace

int main(int argc, char** argv) {
  std::string spool;
  CLI::App app("Bytes in the rings of a spool");
  app.add_option("SPOOL", spool, "One publisher's directory")->required()->check(CLI::ExistingDirectory);
  CLI11_PARSE(app, argc, argv);
  return bench::print_result("ring_bytes", [&] { return measure(spool); });
}
