// An upstream spool whose files a disk or a person has changed: it opens, what it gives is what was put in, and it takes more. The input is a list of changes: file, place, what.
#include "upstream/forward_spool.hpp"

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

namespace {

using namespace logboom;
using upstream::ForwardSpool;

namespace fs = std::filesystem;
using Contents = std::vector<std::byte>;

constexpr std::uint64_t kFrames = 20;
constexpr std::size_t kLargest = std::size_t{256} << 10U;  // that doubles

void require(bool holds, char const* what) {
  if (holds) return;
  (void)std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

Contents contents_of(std::uint64_t number) {
  return Contents(10 + number * 7, static_cast<std::byte>(number));
}

std::uint64_t take(std::span<std::uint8_t const>& code, std::size_t bytes) {
  std::uint64_t value = 0;
  for (; bytes > 0 && !code.empty(); --bytes, code = code.subspan(1)) value = value << 8U | code.front();
  return value;
}

struct Sound {
  std::uint64_t stream = 0;
  std::vector<std::string> names, files;
};

/// As a collector left it; made once.
Sound const& sound(fs::path const& directory) {
  static Sound const made = [&] {
    fs::remove_all(directory);
    Sound one;
    {
      ForwardSpool spool(directory, ForwardSpool::kLeastBound);
      one.stream = spool.stream();
      for (std::uint64_t i = 1; i <= kFrames; ++i)
        require(spool.append(contents_of(i), 3), "a frame finds room");
    }
    for (auto const& entry : fs::directory_iterator(directory)) {
      std::ifstream in(entry.path(), std::ios::binary);
      one.names.push_back(entry.path().filename().string());
      one.files.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
    }
    return one;
  }();
  return made;
}

void change(std::string& file, std::span<std::uint8_t const>& code) {
  auto const how = take(code, 1) % 4;
  std::size_t const at = file.empty() ? 0 : take(code, 2) % file.size();
  if (how == 0) file.resize(at);
  if (how == 1 && !file.empty()) file[at] = static_cast<char>(take(code, 1));
  if (how == 2) file.insert(at, take(code, 1), static_cast<char>(take(code, 1)));
  if (how == 3 && file.size() < kLargest) file += file.substr(at);
}

void write(fs::path const& directory, Sound const& made, std::span<std::uint8_t const> code) {
  auto files = made.files;
  while (!code.empty()) change(files[take(code, 1) % files.size()], code);
  for (std::size_t i = 0; i < files.size(); ++i) {
    std::ofstream out(directory / made.names[i], std::ios::binary | std::ios::trunc);
    out << files[i];
  }
}

void judge(fs::path const& directory, Sound const& made) {
  ForwardSpool spool(directory, ForwardSpool::kLeastBound);
  require(spool.stream() != made.stream, "a number never stands for two frames");
  for (auto held = spool.oldest(); held.first < held.end && held.stream != spool.stream();
       held = spool.oldest()) {
    for (auto number = held.first; number < held.end; ++number) {
      auto const frame = spool.read(held.stream, number);
      require(frame.contents.empty() || held.stream != made.stream || frame.contents == contents_of(number),
              "a frame is as it was, or known to be damaged");
    }
    (void)spool.release(held.stream, held.end - 1);
  }
  require(spool.append(contents_of(1), 1) || spool.error(), "a refusal has a reason");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  static fs::path const directory =
      fs::temp_directory_path() / ("logboom-forward-spool-fuzz-" + std::to_string(::getpid()));
  auto const& made = sound(directory);
  fs::remove_all(directory);
  fs::create_directory(directory);
  fs::permissions(directory, fs::perms::owner_all);
  write(directory, made, {data, size});
  judge(directory, made);
  fs::remove_all(directory);
  return 0;
}
