// Lines to a descriptor that somebody may or may not read: a terminal, a pipe. Waits for the reader for as long as it takes, but for the end. Must not know records.
#pragma once

#include "sinks/writer.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>

namespace logboom::sinks {

class ConsoleWriter final : public Writer {
 public:
  static constexpr std::chrono::milliseconds kLastWords{1'000};  // that a stuck reader is waited for at the end

  /// @param descriptor stays open, is not closed. @param name for errors: "standard output"
  ConsoleWriter(int descriptor, std::string name, std::chrono::milliseconds last_words = kLastWords);
  ~ConsoleWriter() override;
  ConsoleWriter(ConsoleWriter const&) = delete;
  ConsoleWriter& operator=(ConsoleWriter const&) = delete;

  void write(LogChunk& chunk) override;
  void hurry() noexcept override;

 private:
  void take_out_written(LogChunk& chunk);
  void wait_writable() const;
  int patience() const;

  int const descriptor_;
  std::string const name_;
  std::chrono::milliseconds const last_words_;
  int const hurry_;       // eventfd: wakes a write that waits for the reader
  std::size_t done_ = 0;  // bytes of the chunk's first record that an attempt before has written
  std::atomic<std::chrono::steady_clock::time_point> end_{};  // once hurried
};

}  // namespace logboom::sinks
