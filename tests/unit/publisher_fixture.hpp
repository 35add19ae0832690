// A publisher in a directory of its own, without a collector, and its rings read back through the wire form as records.
#pragma once

#include "publisher/engine.hpp"
#include "publisher/settings.hpp"
#include "publisher/state.hpp"
#include "record/wire.hpp"

#include <logboom/logboom.hpp>
#include <logboom/record.hpp>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <stdlib.h>
#include <sys/resource.h>

namespace logboom::publisher::test {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "logboom-front-XXXXXX").native();
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(TemporaryDirectory const&) = delete;
  TemporaryDirectory& operator=(TemporaryDirectory const&) = delete;
  std::filesystem::path const& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// While it lives every file that grows is refused.
class FullDisk {
 public:
  FullDisk() {
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit full = before_;
    full.rlim_cur = 1;
    setrlimit(RLIMIT_FSIZE, &full);
  }
  ~FullDisk() { setrlimit(RLIMIT_FSIZE, &before_); }
  FullDisk(FullDisk const&) = delete;
  FullDisk& operator=(FullDisk const&) = delete;

 private:
  rlimit before_{};
};

/// Options of a publisher that reaches nobody and leaves nothing outside `directory`.
inline PublisherOptions private_options(std::filesystem::path const& directory) {
  PublisherOptions options;
  options.endpoint = "ipc://" + (directory / "bus").native();
  options.spool = (directory / "spool").native();
  options.levels = "trace";
  options.name = "front-test";
  options.flush_timeout = std::chrono::milliseconds(0);
  return options;
}

/// The records of a ring that still stand in it, as a collector would store them. Gaps are shown as records of logger `logboom.gap`.
inline std::vector<Record> records_of(spool::RingFile const& ring, wire::Publisher const& identity,
                                      wire::Catalogue const& catalogue) {
  Block block;
  wire::BatchDecoder decoder;
  wire::BatchBuilder builder(identity, catalogue);
  bool open = false;
  auto const finish = [&] {
    if (!open) return;
    open = false;
    auto const batch = builder.finish();
    std::vector<std::byte> const frame(batch.begin(), batch.end());
    decoder.open(frame);
    for (wire::StreamPart const& part : decoder.streams()) decoder.take(part, part.first, block);
  };
  std::uint64_t const head = ring.head();
  for (std::uint64_t at = ring.tail(); at < head;) {
    auto const frame = ring.read(at);
    if (!frame) {
      ADD_FAILURE() << "damaged frame at " << at;
      break;
    }
    if (!open)
      builder.begin_stream(ring.stream(), ring.base(), frame->sequence, ring.tid(), ring.thread_name());
    open = true;
    if (frame->kind == detail::kKindGap) {
      builder.add_gap(0, frame->next - frame->sequence, "dropped");
    } else {
      EXPECT_TRUE(wire::whole_record(frame->payload)) << "record " << frame->sequence;
      builder.add(frame->payload, 0);
    }
    at = frame->end;
    if (builder.full()) finish();
  }
  finish();
  std::vector<Record> records;
  for (std::size_t i = 0; i < block.entries.size(); ++i) records.push_back(to_record(block, i));
  return records;
}

/// One publisher: its loggers, and what they have logged.
class Bus {
 public:
  Bus() : Bus([](PublisherOptions&) {}) {}
  template <class Change>
  explicit Bus(Change const& change) {
    PublisherOptions options = private_options(directory_.path());
    change(options);
    state_ = new State(resolve(options));  // as a Publisher's: never freed
    engine_ = state_->engine();
  }
  ~Bus() { close(); }
  Bus(Bus const&) = delete;
  Bus& operator=(Bus const&) = delete;

  void close() {
    if (engine_ == nullptr) return;
    engine_.reset();
    state_->close(std::chrono::nanoseconds(0));
  }

  Logger logger(std::string_view name = "test") { return Logger(state_->loggers().get(name)); }
  State& state() { return *state_; }
  Engine& engine() { return *state_->engine(); }
  std::filesystem::path const& directory() const { return directory_.path(); }

  /// All records but those of the publisher itself, ring by ring.
  std::vector<Record> records() {
    std::vector<Record> found;
    for (auto const& slot : engine().slots()) {
      for (Record& record : records_of(slot->file, engine().identity(), engine().catalogue())) {
        if (record.logger != "logboom.publisher") found.push_back(std::move(record));
      }
    }
    return found;
  }
  std::vector<Record> own_records() {
    std::vector<Record> found;
    for (auto const& slot : engine().slots()) {
      for (Record& record : records_of(slot->file, engine().identity(), engine().catalogue())) {
        if (record.logger == "logboom.publisher") found.push_back(std::move(record));
      }
    }
    return found;
  }
  /// The one record there is.
  Record only() {
    auto found = records();
    EXPECT_EQ(found.size(), 1U);
    return found.empty() ? Record{} : found.back();
  }
  Record last() {
    auto found = records();
    EXPECT_FALSE(found.empty());
    return found.empty() ? Record{} : found.back();
  }

 private:
  TemporaryDirectory directory_;
  State* state_ = nullptr;
  std::shared_ptr<Engine> engine_;
};

/// The text of a field, or of an attribute; "(absent)".
inline std::string field_text(Record const& record, std::string_view name) {
  Value const* const value = find_field(record, name);
  if (value == nullptr) return "(absent)";
  if (auto const* text = std::get_if<std::string>(&value->data())) return *text;
  if (auto const* number = std::get_if<std::int64_t>(&value->data())) return std::to_string(*number);
  if (auto const* number = std::get_if<std::uint64_t>(&value->data())) return std::to_string(*number);
  if (auto const* number = std::get_if<double>(&value->data())) return fmt::format("{}", *number);
  if (auto const* flag = std::get_if<bool>(&value->data())) return *flag ? "true" : "false";
  return std::holds_alternative<std::nullptr_t>(value->data()) ? "nil" : "(other)";
}

}  // namespace logboom::publisher::test
