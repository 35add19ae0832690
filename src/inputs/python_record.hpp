// A record of Python's logging, as its stock socket handlers pickle it, becomes an entry of a block. Must not know sockets or frames.
#pragma once

#include "inputs/pickle_reader.hpp"
#include "inputs/pickle_values.hpp"
#include "record/block.hpp"
#include "record/dictionary.hpp"
#include "record/entry_writer.hpp"
#include "record/ref_table.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace logboom::inputs {

inline constexpr std::size_t kMaxFrame = 1U << 20U;  // bytes of a pickle

/// Reused from record to record. One thread.
class PythonRecords {
 public:
  /// Records go to this block from now on.
  void begin(Block& block);
  /// Adds the record. `host` is where it came from, `arrival` (ns) its time if it has none. The block holds no more entries than before if this throws.
  /// @throws wire::FrameError: no pickle, no dictionary, beyond a bound
  void take(std::span<std::byte const> pickle, std::string_view host, std::int64_t arrival);

 private:
  using Node = pickle::Node;
  using Ref = pickle::Ref;

  struct Record {
    std::string_view logger, level_name, file, function, template_text;  // clean
    Level level = level::kInfo;
    bool has_level = false;
    std::uint32_t line = 0;
    std::uint64_t pid = 0, tid = 0;
    std::string_view thread;
    // What is looked at once all is known.
    Ref msg = pickle::kNothing, args = pickle::kNothing, message = pickle::kNothing;
    std::string_view filename, module;
    std::optional<double> created, msecs;
    bool has_exception = false;
  };

  bool take_known(std::string_view key, Ref value);
  bool take_text(Ref value, std::string_view& member);
  bool take_time(Ref value);
  bool take_natural(Ref value, std::uint64_t& member);
  bool take_line(Ref value);
  bool take_level(Ref value);
  bool take_exception(Ref value);
  bool take_attribute_text(std::string_view key, Ref value);
  void take_field(std::string_view key, Ref value);
  void take_message();
  void render(std::size_t args);
  void derive();
  void attribute(std::string_view key, std::size_t token) { attributes_.emplace_back(key, token); }
  void attribute(std::string_view key, std::string_view text);
  void attribute(std::string_view key, double number);
  void finish(std::string_view host);
  std::uint32_t site();
  std::uint32_t source(std::string_view host);

  pickle::Reader reader_;
  pickle::Values values_{reader_.graph()};
  wire::EntryWriter writer_;
  wire::Dictionary dictionary_;
  Block* block_ = nullptr;
  wire::RefTable sites_, sources_;  // addresses → index in the block
  Entry entry_;
  Record record_;
  std::vector<std::pair<std::string_view, std::size_t>> fields_, attributes_;  // key, token
};

}  // namespace logboom::inputs
