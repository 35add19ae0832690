// Pickles of Python's socket handlers become records: what CPython itself makes of each frame is asked for while the test runs (inputs_python_reference.py).
#include "inputs/python_record.hpp"
#include "record/wire.hpp"

#include <logboom/record.hpp>

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace logboom::inputs {
namespace {

using Json = nlohmann::json;

std::string from_hex(std::string const& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

std::vector<Json> cases(std::string const& directories) {
  std::string const command =
      "/usr/bin/python3 -B '" LOGBOOM_SOURCE_DIR "/tests/unit/inputs_python_reference.py' " + directories;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> const pipe(::popen(command.c_str(), "r"), ::pclose);
  std::vector<Json> found;
  std::string line;
  for (int c = std::fgetc(pipe.get()); c != EOF; c = std::fgetc(pipe.get())) {
    if (c != '\n') {
      line += static_cast<char>(c);
      continue;
    }
    found.push_back(Json::parse(line));
    line.clear();
  }
  return found;
}

Json object(std::string_view json) { return json.empty() ? Json::object() : Json::parse(json); }

Json stored(Block const& block) {
  Entry const& entry = block.entries.back();
  Record const record = to_record(block, block.entries.size() - 1);
  return {{"logger", record.logger},
          {"message", record.message},
          {"level", record.level},
          {"level_name", record.level_name},
          {"file", record.file},
          {"line", record.line},
          {"function", record.function},
          {"pid", record.pid},
          {"tid", record.tid},
          {"thread", record.thread},
          {"time", record.time},
          {"exception", record.exception},
          {"exception_type", record.exception_type},
          {"stack", record.stack},
          {"task", record.task},
          {"template", record.template_text},
          {"fields", object(entry.fields_json)},
          {"attributes", object(entry.attributes_json)}};
}

void check(std::vector<Json> const& all, std::size_t at_least) {
  ASSERT_GE(all.size(), at_least);
  PythonRecords records;
  Block block;
  records.begin(block);
  for (auto const& one : all) {
    SCOPED_TRACE(one["name"].get<std::string>());
    auto const pickle = from_hex(one["pickle"]);
    ASSERT_NO_THROW(records.take(std::as_bytes(std::span(pickle)), "host", 1)) << pickle.substr(0, 100);
    Json const found = stored(block);
    EXPECT_EQ(to_record(block, block.entries.size() - 1).host, "host");
    // member by member: a difference is seen where it is
    for (auto const& [key, value] : one["record"].items())
      EXPECT_EQ(found[key], value) << key << ": " << Json::diff(found[key], value).dump().substr(0, 2000);
  }
}

TEST(Pickle, SaysWhatPythonSays) { check(cases("'" LOGBOOM_SOURCE_DIR "/tests/fuzz/corpus/pickle'"), 300); }

TEST(Pickle, FramesOfSeveralPythonVersions) {
  std::string const shared = LOGBOOM_SOURCE_DIR "/../shared/pickles";
  if (!std::filesystem::exists(shared)) GTEST_SKIP() << shared << " is not here";
  check(cases("'" + shared + "'"), 318);
}

}  // namespace
}  // namespace logboom::inputs
