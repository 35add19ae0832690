// Laying out a status. Must not know where it came from.
#include "cli/status_page.hpp"

#include "cli/rough_duration.hpp"
#include "cli/table.hpp"
#include "record/terminal_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace logboom::cli {
namespace {

using delivery::Status;

std::string number_text(std::uint64_t number) {
  auto const digits = fmt::format("{}", number);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array<char const*, 6> kUnits{"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  return unit == 0 ? fmt::format("{} B", bytes)
                   : fmt::format("{:.{}f} {}", value, value < 10 ? 1 : 0, kUnits[unit]);
}

std::string rate_text(double rate) {
  return rate > 0 && rate < 10
             ? fmt::format("{:.1f}/s", rate)
             : number_text(static_cast<std::uint64_t>(std::max(0.0, std::round(rate)))) + "/s";
}

std::string ago(std::int64_t then, std::int64_t now) {
  return then == 0 ? "never" : rough_duration(now - then) + " ago";
}

std::string counted(std::uint64_t number, char const* thing) {
  return fmt::format("{} {}{}", number_text(number), thing, number == 1 ? "" : "s");
}

/// Lines of a word and what belongs to it.
class Page {
 public:
  explicit Page(std::size_t width) : width_(width) {}

  void line(char const* word, std::string const& text) {
    std::string harmless;
    append_harmless_line(text, harmless);
    auto whole = fmt::format("{:<11}{}", word, harmless);
    text_ += (width_ > 0 ? cut_to(std::move(whole), width_) : whole) + '\n';
    ++lines_;
  }
  void table(Table const& table) {
    auto const text = table.text(2, width_);
    lines_ += static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    text_ += text;
  }
  std::size_t lines() const noexcept { return lines_; }
  std::string take() { return std::move(text_); }

 private:
  std::size_t const width_;
  std::size_t lines_ = 0;
  std::string text_;
};

constexpr std::uint64_t kLongLog = 320U << 20U;  // bytes: past what the store keeps to by itself

/// Who is let in, and who was not.
void show_access(Page& page, Status const& status) {
  for (auto const& open : status.insecure)
    page.line("INSECURE", open + " asks nobody who they are, and others than this machine reach it");
  auto const refused = status.refused_keys + status.refused_users + status.refused_requests;
  if (!status.curve && refused + status.failed_handshakes == 0) return;
  page.line("access",
            fmt::format("{}; refused: {} for the key, {} for the user, {}; {} failed",
                        status.curve ? counted(status.authorized_keys, "authorised key") : "no keys asked for",
                        number_text(status.refused_keys), number_text(status.refused_users),
                        counted(status.refused_requests, "request"),
                        counted(status.failed_handshakes, "handshake")));
}

void show_store(Page& page, Status const& status) {
  auto const& store = status.store;
  if (store.path.empty()) {
    page.line("store", fmt::format("none; {} records came", rate_text(store.rate)));
  } else {
    page.line("store",
              fmt::format("{}: {}, {}, {}; last commit {}", store.path, counted(store.rows, "row"),
                          bytes_text(store.bytes), rate_text(store.rate), ago(store.committed, status.now)));
  }
  if (!store.trouble.empty()) page.line("", "CANNOT BE WRITTEN: " + store.trouble);
  if (store.log_bytes > kLongLog)
    page.line("", fmt::format("{} of them wait in its log: a program reads in one long transaction",
                              bytes_text(store.log_bytes)));
  if (store.set_aside > 0)
    page.line("", fmt::format("DAMAGED: {} set aside since the start (`logboom repair`)",
                              counted(store.set_aside, "file")));
  if (store.mended > 0)
    page.line("", fmt::format("DAMAGED in {}, and mended", counted(store.mended, "place")));
  if (store.queued_bytes > 0)
    page.line("", fmt::format("{} of {} wait for it", bytes_text(store.queued_bytes),
                              bytes_text(store.queue_bytes)));
}

void show_sinks(Page& page, Status const& status) {
  if (status.sinks.empty()) return;
  page.line("sinks", fmt::format("{}", status.sinks.size()));
  using Align = Table::Align;
  Table table({{"NAME"},
               {"TYPE"},
               {"QUEUED", Align::kRight},
               {"WRITTEN", Align::kRight},
               {"FILTERED", Align::kRight},
               {"SUPPRESSED", Align::kRight},
               {"DROPPED", Align::kRight},
               {"FAILURES", Align::kRight},
               {"STATE"}});
  for (auto const& sink : status.sinks) {
    auto const state =
        sink.failing ? "FAILING: " + sink.last_error
        : sink.last_error.empty()
            ? std::string("ok")
            : fmt::format("ok again; {}: {}", ago(sink.last_error_time, status.now), sink.last_error);
    table.add({sink.name, sink.type, number_text(sink.queued), number_text(sink.written),
               number_text(sink.filtered), number_text(sink.suppressed), number_text(sink.dropped),
               number_text(sink.failures), state});
  }
  page.table(table);
}

std::string state_of(delivery::PublisherState const& publisher) {
  std::string text = publisher.leaving     ? "leaving"
                     : publisher.connected ? "ok"
                                           : "gone; what is in its spool is to be adopted";
  if (!publisher.report.problem.empty()) text += "; " + publisher.report.problem;
  return text;
}

void show_publishers(Page& page, Status const& status, std::size_t height) {
  page.line(
      "publishers",
      fmt::format("{} connected{}; {}, {} unacked, {} of spools", number_text(status.publishers_connected),
                  status.publishers_known > status.publishers_connected
                      ? fmt::format(", {} gone without a bye",
                                    number_text(status.publishers_known - status.publishers_connected))
                      : "",
                  rate_text(status.rate), counted(status.unacked, "record"), bytes_text(status.spool_bytes)));
  if (status.publishers.empty()) return;
  std::size_t most = status.publishers.size();
  if (height > 0 && page.lines() + most + 2 > height)
    most = height > page.lines() + 3 ? height - page.lines() - 3 : 1;
  most = std::min(most, status.publishers.size());
  using Align = Table::Align;
  Table table({{"HOST"},
               {"PID", Align::kRight},
               {"NAME"},
               {"SINCE", Align::kRight},
               {"RATE", Align::kRight},
               {"RECEIVED", Align::kRight},
               {"UNACKED", Align::kRight},
               {"BYTES", Align::kRight},
               {"SPOOL", Align::kRight},
               {"GAPS", Align::kRight},
               {"STATE"}});
  for (std::size_t i = 0; i < most; ++i) {
    auto const& one = status.publishers[i];
    bool const told = one.reported != 0;
    table.add({one.host, fmt::format("{}", one.pid), one.process, rough_duration(status.now - one.started),
               rate_text(one.rate), number_text(one.received), told ? number_text(one.report.unacked) : "?",
               told ? bytes_text(one.report.unacked_bytes) : "?",
               told ? bytes_text(one.report.spool_bytes) : "?", number_text(one.gaps), state_of(one)});
  }
  page.table(table);
  if (auto const more = status.not_listed + (status.publishers.size() - most); more > 0)
    page.line("", fmt::format("and {} more{}", number_text(more), height > 0 ? "" : " (--all lists them)"));
}

}  // namespace

std::string status_page(Status const& status, std::string const& endpoint, std::size_t width,
                        std::size_t height) {
  Page page(width);
  page.line("collector", fmt::format("{}: logboom {}, pid {} on {}, up {}", endpoint, status.program,
                                     status.pid, status.host, rough_duration(status.now - status.started)));
  if (status.endpoints.size() > 1 || (status.endpoints.size() == 1 && status.endpoints.front() != endpoint))
    page.line("", fmt::format("serves {}", fmt::join(status.endpoints, ", ")));
  page.line("records", fmt::format("{}, {} declared lost, {} came twice; {}", number_text(status.records),
                                   number_text(status.gaps), number_text(status.duplicates),
                                   counted(status.bad_frames, "bad frame")));
  show_access(page, status);
  show_store(page, status);
  page.line("viewers", !status.live ? "none are served"
                                    : fmt::format("{} connected, {} missed", number_text(status.viewers),
                                                  number_text(status.missed)));
  if (!status.inputs.empty())
    page.line("inputs", fmt::format("{}: {} connected, {} refused", fmt::join(status.inputs, ", "),
                                    number_text(status.input_connections), number_text(status.input_refused)));
  page.line("spools",
            fmt::format("{} of dead publishers adopted{}", number_text(status.adopted_spools),
                        status.spool_damage > 0 ? "; DAMAGED in " + counted(status.spool_damage, "place") +
                                                      " (the collector's log says where)"
                                                : std::string()));
  page.line("doors",
            fmt::format("{}; {} of {} connections", status.doors_shut ? "SHUT: who comes now waits" : "open",
                        number_text(status.connections), number_text(status.max_connections)));
  if (status.level_rules > 0)
    page.line("levels", fmt::format("{} set on the fly (`logboom level` lists them)",
                                    counted(status.level_rules, "rule")));
  show_sinks(page, status);
  show_publishers(page, status, height);
  return page.take();
}

}  // namespace logboom::cli
