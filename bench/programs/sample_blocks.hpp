// Records as a fleet of services makes them, ready for the store's writer: 12 loggers with 5 call sites each, 200 processes on 8 hosts, messages of 60 to 120 characters, two to
// four fields. Seeded: the same rows every time. Must not know the store.
#pragma once

#include "record/block.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace bench {

class SampleBlocks {
 public:
  static constexpr std::size_t kBlock = 250;  // records of a batch of 64 KiB

  /// `rate`: records a second by their times, on average. `begin`: time of the first, ns.
  SampleBlocks(double rate, std::int64_t begin)
      : step_(static_cast<std::uint64_t>(2e9 / rate)), time_(begin) {
    for (int i = 0; i < 60; ++i) sites_.push_back(make_site(i));
    for (unsigned i = 0; i < 200; ++i) sources_.push_back(make_source(i));
    sequences_.resize(sources_.size());
  }

  /// `rows` records (the last block may have fewer than kBlock).
  std::vector<std::unique_ptr<logboom::Block>> make(std::size_t rows) {
    std::vector<std::unique_ptr<logboom::Block>> blocks;
    for (std::size_t made = 0; made < rows; made += kBlock)
      blocks.push_back(make_block(std::min(kBlock, rows - made)));
    return blocks;
  }

 private:
  static std::shared_ptr<logboom::Site const> make_site(int number) {
    logboom::Site site;
    site.level = number % 20 == 0 ? 40 : number % 7 == 0 ? 30 : 20;
    site.level_name = logboom::level_name(site.level);
    site.logger = fmt::format("app.module{}.part", number % 12);
    site.template_text = "request {id} of {user} took {ms:.1f} ms";
    site.file = "/usr/src/app/module.cpp";
    site.line = static_cast<std::uint32_t>(100 + number);
    site.function = "handle_request";
    return std::make_shared<logboom::Site const>(site);
  }

  static std::shared_ptr<logboom::Source const> make_source(unsigned number) {
    logboom::Source source;
    source.publisher[0] = std::byte(number % 251);
    source.publisher[15] = std::byte{1};
    source.host = fmt::format("host{}", number % 8);
    source.process = fmt::format("worker-{}", number);
    source.pid = 1000 + number;
    source.tid = 1000 + number;
    source.thread = "main";
    return std::make_shared<logboom::Source const>(source);
  }

  std::unique_ptr<logboom::Block> make_block(std::size_t rows) {
    auto block = std::make_unique<logboom::Block>();
    std::size_t const from = random_() % sources_.size();
    block->sites = sites_;
    block->sources = {sources_[from]};
    for (std::size_t i = 0; i < rows; ++i) add_entry(*block, ++sequences_[from]);
    block->progress.push_back({sources_[from]->publisher, 0, sequences_[from]});
    return block;
  }

  void add_entry(logboom::Block& block, std::uint64_t sequence) {
    logboom::Entry& entry = block.entries.emplace_back();
    time_ += static_cast<std::int64_t>(random_() % step_);
    entry.time = time_;
    entry.sequence = sequence;
    entry.site = static_cast<std::uint32_t>(random_() % sites_.size());
    std::string message = fmt::format("request {:016x} of user{:04} took {:.1f} ms", random_(),
                                      random_() % 10'000, static_cast<double>(random_() % 10'000) / 10);
    message.resize(60 + random_() % 61, '.');
    std::string fields =
        fmt::format(R"({{"id":{},"user":"user{:04}")", random_() % 1'000'000, random_() % 10'000);
    if (random_() % 2 == 0) fields += fmt::format(R"(,"ms":{}.5)", random_() % 1000);
    if (random_() % 3 == 0) fields += R"(,"table":"users")";
    entry.message = block.arena.copy(message);
    entry.fields_json = block.arena.copy(fields + "}");
  }

  std::uint64_t step_;
  std::int64_t time_;
  std::mt19937_64 random_{20261120};
  std::vector<std::shared_ptr<logboom::Site const>> sites_;
  std::vector<std::shared_ptr<logboom::Source const>> sources_;
  std::vector<std::uint64_t> sequences_;
};

}  // namespace bench
