// `logboom repair`: mends stores and spools, as far as that can be, and removes nothing. Must not know how.
#include "spool/repair.hpp"
#include "cli/check_target.hpp"
#include "cli/commands.hpp"
#include "cli/described_json.hpp"
#include "record/terminal_text.hpp"
#include "spool/inspection.hpp"
#include "store/repair.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <exception>
#include <memory>
#include <string>
#include <vector>

namespace logboom::cli {
namespace {

constexpr auto kDescription =
    R"(Mends damaged stores and spools. Nothing is removed: what is damaged is kept under another name, which is said.

A store's file: every row that can be read, and has its checksum, goes into a fresh file of the same ids and the same ledger, so that what publishers send goes on to be stored exactly once; what
is lost is declared in `gap` as far as it can be told. The collector must not be running. A file that a collector has set aside (FILE.damaged-TIME) becomes one of the closed files of its store, and is
found by `logboom query` again, also while the collector runs; where its ids have no place there it becomes FILE.repaired.
A spool: one whose `publisher` is damaged gets it anew, one that was set aside gets its name back when this version can read it. What is damaged in rings needs no repair: whoever sends the spool
declares it lost, record by record.)";

constexpr auto kExamples = R"(    logboom repair logs.sqlite
    logboom repair logs.sqlite.damaged-20261126T091500Z
    logboom repair ~/.local/state/logboom/spool && logboom recover
Exit code 0 when all is whole now, 1 when something could not be repaired.)";

struct Choices {
  std::vector<std::string> paths;
  std::string output = "pretty";
};

class Report {
 public:
  explicit Report(bool json) : json_(json) {}

  void add(Json entry, std::string const& text) {
    if (json_)
      files_.push_back(std::move(entry));
    else
      line(text);
  }
  void fail(std::string const& file, std::string const& why) {
    failed_ = true;
    if (json_)
      files_.push_back({{"file", file}, {"state", "failed"}, {"why", why}});
    else
      tell(why);
  }
  void finish() {
    if (json_) fmt::print("{}", json_line({{"files", std::move(files_)}}));
    if (failed_) throw ExitWith{kFailed};
  }

 private:
  static void line(std::string const& text) {
    std::string harmless;
    append_harmless_line(text, harmless);
    fmt::print("{}\n", harmless);
  }
  bool const json_;
  bool failed_ = false;
  Json files_ = Json::array();
};

void repair_store(std::string const& file, Report& report) {
  auto const done = store::repair_file(file);
  if (done.file.empty())
    return report.add({{"file", file}, {"state", "whole"}}, fmt::format("{}: whole; nothing to repair", file));
  Json entry{{"file", file}, {"state", "repaired"}, {"repaired", done.file}, {"kept", done.kept}};
  auto text = fmt::format("{}: repaired", file);
  if (done.file != file) text += fmt::format(", as {}", done.file);
  if (done.salvaged) {
    auto const& salvaged = *done.salvaged;
    entry["records"] = salvaged.records;
    entry["lost"] = salvaged.lost;
    entry["declared"] = salvaged.declared;
    text += fmt::format("; {} records, {} lost, {} of them declared in `gap`", salvaged.records,
                        salvaged.lost, salvaged.declared);
  }
  text += fmt::format("; what was damaged is kept as {}", fmt::join(done.kept, ", "));
  report.add(std::move(entry), text);
}

void repair_spool(std::string const& directory, Report& report) {
  auto const done = spool::repair_spool(directory);
  if (done.in_use)
    return report.add({{"file", directory}, {"state", "in use"}},
                      fmt::format("{}: in use; nothing was done", directory));
  std::uint64_t lost = 0;
  for (auto const& file : spool::inspect_spool(done.directory)) lost += file.lost;
  Json entry{{"file", directory},
             {"state", done.done.empty() ? "nothing to do" : "repaired"},
             {"repaired", done.directory.string()},
             {"done", done.done},
             {"lost", lost}};
  auto text = fmt::format("{}: {}", directory, done.done.empty() ? "nothing to repair" : "");
  for (std::size_t i = 0; i < done.done.size(); ++i) text += (i > 0 ? "; " : "") + done.done[i];
  if (lost > 0) text += fmt::format("; {} records are damaged, and declared lost by whoever sends it", lost);
  report.add(std::move(entry), text);
}

void repair(Choices const& choices) {
  auto const targets = find_targets(choices.paths);
  Report report(choices.output == "json");
  auto const each = [&](std::vector<std::string> const& list, auto const& work) {
    for (auto const& one : list) {
      try {
        work(one, report);
      } catch (std::exception const& error) {
        report.fail(one, error.what());
      }
    }
  };
  each(targets.store_files, repair_store);
  each(targets.spools, repair_spool);
  report.finish();
}

}  // namespace

void add_repair(CLI::App& app) {
  auto const choices = std::make_shared<Choices>();
  auto* const command = app.add_subcommand("repair", "Mend damaged stores and spools");
  command->footer(manual(kDescription, kExamples));
  command->add_option("PATH", choices->paths, "A store's file, a spool, or a directory of spools")->required();
  command->add_option("-o,--output", choices->output, "As lines or as JSON")
      ->check(CLI::IsMember({"pretty", "json"}))
      ->capture_default_str();
  command->callback([choices] { repair(*choices); });
}

}  // namespace logboom::cli
