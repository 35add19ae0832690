// The main of a fuzz target where libFuzzer is not at hand: replays the corpus directory given as its argument,
// then a fixed pseudo-random series of mutations of it. Knows nothing of what is being fuzzed.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;

std::vector<Bytes> read_corpus(std::filesystem::path const& directory) {
  std::vector<std::filesystem::path> paths;
  if (std::filesystem::is_directory(directory)) {
    for (auto const& entry : std::filesystem::directory_iterator(directory)) {
      if (entry.is_regular_file()) paths.push_back(entry.path());
    }
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Bytes> corpus{Bytes{}};
  for (auto const& path : paths) {
    std::ifstream in(path, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return corpus;
}

class Mutator {
 public:
  Bytes operator()(Bytes bytes) {
    std::size_t const changes = 1 + below(6);
    for (std::size_t i = 0; i < changes; ++i) change(bytes);
    return bytes;
  }

  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_() % bound); }

 private:
  std::uint8_t byte() {
    // msgpack's and the integers' edges more often than the rest
    static constexpr std::uint8_t kEdges[] = {0x00, 0x01, 0x7f, 0x80, 0x90, 0xa0, 0xc0, 0xc4, 0xc6, 0xcf,
                                              0xd9, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xff, '{',  '"'};
    return below(2) == 0 ? kEdges[below(std::size(kEdges))] : static_cast<std::uint8_t>(random_());
  }

  void change(Bytes& bytes) {
    if (bytes.empty() || below(8) == 0) {
      auto const at = bytes.begin() + static_cast<std::ptrdiff_t>(below(bytes.size() + 1));
      bytes.insert(at, 1 + below(16), byte());
      return;
    }
    std::size_t const at = below(bytes.size());
    switch (below(4)) {
      case 0: bytes[at] = byte(); break;
      case 1: bytes[at] = static_cast<std::uint8_t>(bytes[at] ^ (1U << below(8))); break;
      case 2: bytes.resize(at); break;
      default: {
        std::size_t const end = at + 1 + below(std::min<std::size_t>(bytes.size() - at, 16));
        bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                    bytes.begin() + static_cast<std::ptrdiff_t>(std::min(end, bytes.size())));
      }
    }
  }

  std::mt19937_64 random_{7514};
};

void run(Bytes const& bytes) {
  // exactly as large as the input, so that AddressSanitizer sees a read past its end
  Bytes const exact(bytes.begin(), bytes.end());
  (void)LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    (void)std::fprintf(stderr, "usage: %s CORPUS_DIRECTORY\n", argv[0]);
    return 2;
  }
  std::vector<Bytes> const corpus = read_corpus(argv[1]);
  for (auto const& bytes : corpus) run(bytes);
  constexpr std::size_t kMutations = 5000;
  Mutator mutate;
  for (std::size_t i = 0; i < kMutations; ++i) run(mutate(corpus[mutate.below(corpus.size())]));
  (void)std::printf("%zu inputs and %zu mutations of them\n", corpus.size(), kMutations);
  return 0;
}
