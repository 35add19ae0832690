// The handle through which a program logs. Must not know what becomes of a record.
#pragma once

#include <logboom/detail/call_site.hpp>
#include <logboom/export.hpp>
#include <logboom/level.hpp>

#include <string_view>

namespace logboom {

/// A named source of records: one pointer, to be copied freely. Valid as long as the process lives; any thread. Comes from Publisher::logger();
/// one made by default is silent.
class Logger {
 public:
  Logger() noexcept : node_(&kSilent) {}
  explicit Logger(detail::LoggerNode const& node) noexcept : node_(&node) {}

  /// Whether a record of this level is made: one relaxed load.
  bool enabled(Level level) const noexcept { return level >= node_->threshold.load_relaxed(); }
  /// The lowest level of which records are made now.
  Level level() const noexcept { return node_->threshold.load_relaxed(); }
  std::string_view name() const noexcept { return node_->name; }

  detail::LoggerNode const& node() const noexcept { return *node_; }

  friend bool operator==(Logger, Logger) noexcept = default;

 private:
  LOGBOOM_API static constinit detail::LoggerNode const kSilent;

  detail::LoggerNode const* node_;
};

}  // namespace logboom
