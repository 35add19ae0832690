// Asks a script beside the tests, whose answers are those of Python itself.
#pragma once

#include <gtest/gtest.h>

#include <unistd.h>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace logboom::test {

/// A case is a line, without its end. One answer a case.
inline std::vector<std::string> ask_python(std::string const& script, std::vector<std::string> const& cases) {
  auto const path =
      std::filesystem::temp_directory_path() / ("logboom_reference_" + std::to_string(::getpid()) + ".txt");
  std::ofstream file(path, std::ios::binary);
  for (std::string const& line : cases) file << line << '\n';
  file.close();
  std::string const command =
      "/usr/bin/python3 -B '" LOGBOOM_SOURCE_DIR "/tests/unit/" + script + "' '" + path.string() + "'";
  std::FILE* const pipe = ::popen(command.c_str(), "r");
  std::string text;
  char buffer[65536];
  while (std::size_t const size = std::fread(buffer, 1, sizeof buffer, pipe)) text.append(buffer, size);
  EXPECT_EQ(::pclose(pipe), 0) << command;
  std::filesystem::remove(path);
  std::vector<std::string> answers;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) answers.push_back(line);
  return answers;
}

}  // namespace logboom::test
