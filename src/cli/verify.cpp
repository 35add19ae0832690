// `logboom verify`: whether stores and spools are whole. Must not know how that is found out.
#include "cli/address_probe.hpp"
#include "cli/check_target.hpp"
#include "cli/commands.hpp"
#include "cli/described_json.hpp"
#include "record/terminal_text.hpp"
#include "spool/inspection.hpp"
#include "store/inspection.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace logboom::cli {
namespace {

constexpr auto kDescription =
    R"(Says of each file of a store or spool whether it is whole, and where it is damaged. Reads only.

A store's file stands for its closed files too; a collector may be writing to it. Every row is tested against the checksum that it carries, and the structure of
the file by SQLite's own check, which takes as long as reading all of it. Of a spool every record is tested; those of running publishers are left out, since they change while they are read.
`logboom repair` mends what can be mended.)";

constexpr auto kExamples = R"(    logboom verify logs.sqlite
    logboom verify ~/.local/state/logboom/spool
    logboom verify -o json logs.sqlite | jq '.files[] | select(.state == "damaged")'
Exit code 0 when all is whole, 1 when something is damaged.)";

struct Choices {
  std::vector<std::string> paths;
  std::string output = "pretty";
};

/// Of either kind of file.
struct Verdict {
  struct Place {
    std::string file;
    std::uint64_t offset = 0;
    std::string what;
  };
  std::string file, kind, state;  // "whole", "damaged", "in use"
  std::uint64_t records = 0, unchecked = 0, lost = 0, damaged = 0;
  std::vector<Place> places;
};

Verdict verdict_of(store::Inspection const& found) {
  Verdict verdict{
      found.file,    "store", found.whole() ? "whole" : "damaged", found.records, found.unchecked, found.lost,
      found.damaged, {}};
  for (auto const& place : found.places) verdict.places.push_back({place.file, place.offset, place.what});
  return verdict;
}

Verdict verdict_of(spool::InspectedFile const& found) {
  Verdict verdict{found.path,    found.kind, found.damaged == 0 ? "whole" : "damaged",
                  found.records, 0,          found.lost,
                  found.damaged, {}};
  for (auto const& damage : found.damage) verdict.places.push_back({found.path, damage.offset, damage.what});
  return verdict;
}

std::vector<Verdict> look(CheckTargets const& targets) {
  std::vector<Verdict> verdicts;
  for (auto const& file : targets.store_files) verdicts.push_back(verdict_of(store::inspect_file(file)));
  for (auto const& spool : targets.spools) {
    if (holder_of_lock((std::filesystem::path(spool) / "lock").native()) != 0) {
      verdicts.push_back({spool, "spool", "in use", 0, 0, 0, 0, {}});
      continue;
    }
    for (auto const& file : spool::inspect_spool(spool)) verdicts.push_back(verdict_of(file));
  }
  return verdicts;
}

void line(std::string const& text) {
  std::string harmless;
  append_harmless_line(text, harmless);
  fmt::print("{}\n", harmless);
}

void show(Verdict const& verdict) {
  std::string text = verdict.file + ": ";
  if (verdict.state == "damaged")
    text += fmt::format("DAMAGED in {} place{}", verdict.damaged, verdict.damaged == 1 ? "" : "s");
  else
    text += verdict.state;
  if (verdict.kind == "store" || verdict.kind == "ring" || verdict.kind == "overflow")
    text += fmt::format("; {} records", verdict.records);
  if (verdict.unchecked > 0) text += fmt::format(", {} of them without a checksum", verdict.unchecked);
  if (verdict.lost > 0) text += fmt::format(", {} lost", verdict.lost);
  line(text);
  for (auto const& place : verdict.places) {
    auto const file = place.file == verdict.file ? std::string() : place.file + " ";
    line(place.offset > 0 ? fmt::format("  {}byte {}: {}", file, place.offset, place.what)
                          : fmt::format("  {}{}", file, place.what));
  }
  if (verdict.places.size() < verdict.damaged)
    line(fmt::format("  and {} more", verdict.damaged - verdict.places.size()));
}

Json json_of(Verdict const& verdict) {
  auto places = Json::array();
  for (auto const& place : verdict.places)
    places.push_back({{"file", place.file}, {"offset", place.offset}, {"what", place.what}});
  return {{"file", verdict.file},       {"kind", verdict.kind},           {"state", verdict.state},
          {"records", verdict.records}, {"unchecked", verdict.unchecked}, {"lost", verdict.lost},
          {"damaged", verdict.damaged}, {"places", std::move(places)}};
}

void verify(Choices const& choices) {
  auto const verdicts = look(find_targets(choices.paths));
  std::uint64_t damaged = 0;
  auto files = Json::array();
  for (auto const& verdict : verdicts) {
    damaged += verdict.damaged;
    if (choices.output == "json")
      files.push_back(json_of(verdict));
    else
      show(verdict);
  }
  if (choices.output == "json")
    fmt::print("{}", json_line({{"damaged", damaged}, {"files", std::move(files)}}));
  else if (verdicts.empty())
    line("no spools there");
  if (damaged > 0) throw ExitWith{kFailed};
}

}  // namespace

void add_verify(CLI::App& app) {
  auto const choices = std::make_shared<Choices>();
  auto* const command = app.add_subcommand("verify", "Say whether stores and spools are whole");
  command->footer(manual(kDescription, kExamples));
  command->add_option("PATH", choices->paths, "A store's file, a spool, or a directory of spools")->required();
  command->add_option("-o,--output", choices->output, "As lines or as JSON")
      ->check(CLI::IsMember({"pretty", "json"}))
      ->capture_default_str();
  command->callback([choices] { verify(*choices); });
}

}  // namespace logboom::cli
