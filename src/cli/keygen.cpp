// `logboom keygen`: a pair of CURVE keys. Must not know what they are for.
#include "cli/commands.hpp"
#include "curve/secret_file.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <memory>
#include <string>

namespace logboom::cli {
namespace {

constexpr auto kDescription =
    R"(Makes a pair of keys for CURVE: the secret one goes into FILE, which only you can read, and the public one is printed.

Whoever has the file is the one whom the public key stands for. A file that is there already is never overwritten. Keys are 40 characters
of Z85, as ZeroMQ's tools have them. docs/security.md says who needs which key.)";

constexpr auto kExamples =
    R"(    logboom keygen -o collector.secret > collector.public
    echo "publish $(logboom keygen -o worker.secret) workers of web1" >> authorized-keys
    logboom keygen -o worker.secret --show             the public key of a file that is there)";

struct Choices {
  std::string file = "logboom.secret";
  bool show = false;
};

void keygen(Choices const& choices) {
  if (choices.show) {
    fmt::print("{}\n", curve::read_secret_file(choices.file).public_key);
    return;
  }
  auto const pair = curve::make_pair();
  curve::write_secret_file(choices.file, pair);
  fmt::print("{}\n", pair.public_key);
}

}  // namespace

void add_keygen(CLI::App& app) {
  auto const choices = std::make_shared<Choices>();
  auto* const command = app.add_subcommand("keygen", "Make a pair of keys for CURVE");
  command->footer(manual(kDescription, kExamples));
  command->add_option("-o,--output", choices->file, "File for the secret key; it must not be there yet")
      ->type_name("FILE")
      ->capture_default_str();
  command->add_flag("--show", choices->show, "Make none: print the public key that belongs to FILE");
  command->callback([choices] { keygen(*choices); });
}

}  // namespace logboom::cli
