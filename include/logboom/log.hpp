// The logging macros. Light on purpose: no socket, msgpack or database header is reachable from here, of fmt only fmt/core.h, and of the standard library little more than that
// takes along: no <atomic>, <chrono>, <functional> or <memory>.
//
//     LOGBOOM_INFO(log, "solved {cells} cells in {ms:.1f} ms", cells, ms, logboom::field("step", k));
//
// The template is a literal in fmt's syntax and is checked, with the arguments' types, when the program is compiled. `{name}` also makes a field of
// that name; `{}` does not; the same name twice is the same argument; `{0}` counts from 0 and is not mixed with the others. Fields follow the arguments.
// An empty template takes one argument, the message as it is.
//
// A call below the logger's level costs one relaxed load and a branch and evaluates no argument. A call that passes copies its arguments into memory
// of this thread that survives the process; it never throws, prints or exits. It waits only if that memory is full and the publisher's policy says so.
//
// A process has at most 65,530 call sites; those beyond keep the level and show their first argument.
//
// Arguments: integers to 64 bits, floating point, bool, char, texts (any bytes; std::string, string_view, char*, char[N] up to its NUL, u8string; std::filesystem::path),
// enums (by their formatter, else as number), pointers, chrono durations and time points, std::error_code (as "system:2 No such file or directory"), std::optional (nil when empty), and all that fmt can
// format, which is formatted at the call. A null char* is "(null)". A record has at most 64 KiB; of one that would be longer the longest texts are cut and end in `…[cut N bytes]`.
#pragma once

#include <logboom/context.hpp>
#include <logboom/detail/log_call.hpp>
#include <logboom/detail/sampling.hpp>
#include <logboom/field.hpp>
#include <logboom/level.hpp>
#include <logboom/logger.hpp>

/// Calls below this level (a number) are not compiled. Not for LOGBOOM_LOG, whose level is not known then.
#ifndef LOGBOOM_MIN_LEVEL
#define LOGBOOM_MIN_LEVEL 0
#endif

#define LOGBOOM_DETAIL_SITE(number, text)                                \
  static constinit ::logboom::detail::CallSite logboom_detail_site {     \
    number, __LINE__, text, __FILE__, static_cast<char const*>(__func__) \
  }

#define LOGBOOM_DETAIL_CALL(logger, number, text, ...)                                                       \
  do {                                                                                                       \
    if constexpr ((number) >= (LOGBOOM_MIN_LEVEL)) {                                                         \
      if (::logboom::Logger const logboom_detail_logger = (logger); logboom_detail_logger.enabled(number)) { \
        LOGBOOM_DETAIL_SITE(number, text);                                                                   \
        ::logboom::detail::log(logboom_detail_logger, logboom_detail_site,                                   \
                               ::logboom::detail::NoAttributes{}, text __VA_OPT__(, ) __VA_ARGS__);          \
      }                                                                                                      \
    }                                                                                                        \
  } while (false)

/// LOGBOOM_INFO(logger, "template", arguments…, fields…) and its kin.
#define LOGBOOM_TRACE(logger, text, ...) \
  LOGBOOM_DETAIL_CALL(logger, ::logboom::level::kTrace, text __VA_OPT__(, ) __VA_ARGS__)
#define LOGBOOM_DEBUG(logger, text, ...) \
  LOGBOOM_DETAIL_CALL(logger, ::logboom::level::kDebug, text __VA_OPT__(, ) __VA_ARGS__)
#define LOGBOOM_INFO(logger, text, ...) \
  LOGBOOM_DETAIL_CALL(logger, ::logboom::level::kInfo, text __VA_OPT__(, ) __VA_ARGS__)
#define LOGBOOM_WARNING(logger, text, ...) \
  LOGBOOM_DETAIL_CALL(logger, ::logboom::level::kWarning, text __VA_OPT__(, ) __VA_ARGS__)
#define LOGBOOM_ERROR(logger, text, ...) \
  LOGBOOM_DETAIL_CALL(logger, ::logboom::level::kError, text __VA_OPT__(, ) __VA_ARGS__)
#define LOGBOOM_CRITICAL(logger, text, ...) \
  LOGBOOM_DETAIL_CALL(logger, ::logboom::level::kCritical, text __VA_OPT__(, ) __VA_ARGS__)

/// With a level known when the program runs: any number.
#define LOGBOOM_LOG(logger, number, text, ...)                                          \
  do {                                                                                  \
    if (::logboom::Logger const logboom_detail_logger = (logger); true) {               \
      if (::logboom::Level const logboom_detail_level = (number);                       \
          logboom_detail_logger.enabled(logboom_detail_level)) {                        \
        LOGBOOM_DETAIL_SITE(::logboom::level::kInfo, text);                             \
        ::logboom::detail::log(logboom_detail_logger, logboom_detail_site,              \
                               ::logboom::detail::LevelAttribute{logboom_detail_level}, \
                               text __VA_OPT__(, ) __VA_ARGS__);                        \
      }                                                                                 \
    }                                                                                   \
  } while (false)

/// At ERROR, with an exception as last argument (std::exception or std::exception_ptr): LOGBOOM_EXCEPTION(log, "step {} failed", k, e).
/// Its type, its text and those nested in it are kept apart from the message.
#define LOGBOOM_EXCEPTION(logger, text, ...)                                                             \
  do {                                                                                                   \
    if constexpr (::logboom::level::kError >= (LOGBOOM_MIN_LEVEL)) {                                     \
      if (::logboom::Logger const logboom_detail_logger = (logger);                                      \
          logboom_detail_logger.enabled(::logboom::level::kError)) {                                     \
        LOGBOOM_DETAIL_SITE(::logboom::level::kError, text);                                             \
        ::logboom::detail::log_exception(logboom_detail_logger, logboom_detail_site, text, __VA_ARGS__); \
      }                                                                                                  \
    }                                                                                                    \
  } while (false)

// A call that is sampled has two ends, without and with the number: its arguments are evaluated once, before them.
#define LOGBOOM_DETAIL_SAMPLED(kind, argument, logger, number, text, ...)                                    \
  do {                                                                                                       \
    if constexpr ((number) >= (LOGBOOM_MIN_LEVEL)) {                                                         \
      if (::logboom::Logger const logboom_detail_logger = (logger); logboom_detail_logger.enabled(number)) { \
        static constinit ::logboom::detail::kind logboom_detail_sampler{};                                   \
        if (auto const logboom_detail_sample = logboom_detail_sampler.take argument) {                       \
          LOGBOOM_DETAIL_SITE(number, text);                                                                 \
          ::logboom::detail::log_sampled(logboom_detail_logger, logboom_detail_site,                         \
                                         ::logboom::detail::NoAttributes{},                                  \
                                         logboom_detail_sample.suppressed, text __VA_OPT__(, ) __VA_ARGS__); \
        }                                                                                                    \
      }                                                                                                      \
    }                                                                                                        \
  } while (false)

#define LOGBOOM_DETAIL_LOG_SAMPLED(kind, argument, logger, number, text, ...)                                \
  do {                                                                                                       \
    if (::logboom::Logger const logboom_detail_logger = (logger); true) {                                    \
      if (::logboom::Level const logboom_detail_level = (number);                                            \
          logboom_detail_logger.enabled(logboom_detail_level)) {                                             \
        static constinit ::logboom::detail::kind logboom_detail_sampler{};                                   \
        if (auto const logboom_detail_sample = logboom_detail_sampler.take argument) {                       \
          LOGBOOM_DETAIL_SITE(::logboom::level::kInfo, text);                                                \
          ::logboom::detail::log_sampled(logboom_detail_logger, logboom_detail_site,                         \
                                         ::logboom::detail::LevelAttribute{logboom_detail_level},            \
                                         logboom_detail_sample.suppressed, text __VA_OPT__(, ) __VA_ARGS__); \
        }                                                                                                    \
      }                                                                                                      \
    }                                                                                                        \
  } while (false)

// Sampling, of each call site for itself, whatever its logger and thread. The next record says in the field `suppressed` how many calls before it became none, if any did.
// Calls below the logger's level are not counted. What is suppressed evaluates no argument and costs a few nanoseconds more than a level that is off: no lock, no allocation.

/// The first call, and then every n-th: LOGBOOM_EVERY_N(1000, log, logboom::level::kInfo, "template", arguments…, fields…).
#define LOGBOOM_EVERY_N(n, logger, number, text, ...) \
  LOGBOOM_DETAIL_LOG_SAMPLED(EveryN, (n), logger, number, text __VA_OPT__(, ) __VA_ARGS__)
/// At most one in each such time, a std::chrono::duration: LOGBOOM_EVERY(1s, log, logboom::level::kInfo, "template", arguments…, fields…). By a clock that is never set; from 100 ms on
/// exact to a few milliseconds.
#define LOGBOOM_EVERY(interval, logger, number, text, ...) \
  LOGBOOM_DETAIL_LOG_SAMPLED(Every, (interval), logger, number, text __VA_OPT__(, ) __VA_ARGS__)
/// The first call of the process: LOGBOOM_ONCE(log, logboom::level::kInfo, "template", arguments…, fields…).
#define LOGBOOM_ONCE(logger, number, text, ...) \
  LOGBOOM_DETAIL_LOG_SAMPLED(Once, (), logger, number, text __VA_OPT__(, ) __VA_ARGS__)

/// The same with the level in the name: LOGBOOM_INFO_EVERY_N(1000, log, "template", …), LOGBOOM_INFO_EVERY(1s, log, "template", …), LOGBOOM_INFO_ONCE(log, "template", …).
#define LOGBOOM_TRACE_EVERY_N(n, logger, text, ...) \
  LOGBOOM_DETAIL_SAMPLED(EveryN, (n), logger, ::logboom::level::kTrace, text __VA_OPT__(, ) __VA_ARGS__)
#define LOGBOOM_TRACE_EVERY(interval, logger, text, ...) \
  LOGBOOM_DETAIL_SAMPLED(Every, (interval), logger, ::logboom::level::kTrace, text __VA_OPT__(, ) __VA_ARGS__)
#define LOGBOOM_TRACE_ONCE(logger, text, ...) \
  LOGBOOM_DETAIL_SAMPLED(Once, (), logger, ::logboom::level::kTrace, text __VA_OPT__(, ) __VA_ARGS__)
#define LOGBOOM_DEBUG_EVERY_N(n, logger, text, ...) \
  LOGBOOM_DETAIL_SAMPLED(EveryN, (n), logger, ::logboom::level::kDebug, text __VA_OPT__(, ) __VA_ARGS__)
#define LOGBOOM_DEBUG_EVERY(interval, logger, text, ...) \
  LOGBOOM_DETAIL_SAMPLED(Every, (interval), logger, ::logboom::level::kDebug, text __VA_OPT__(, ) __VA_ARGS__)
#define LOGBOOM_DEBUG_ONCE(logger, text, ...) \
  LOGBOOM_DETAIL_SAMPLED(Once, (), logger, ::logboom::level::kDebug, text __VA_OPT__(, ) __VA_ARGS__)
#define LOGBOOM_INFO_EVERY_N(n, logger, text, ...) \
  LOGBOOM_DETAIL_SAMPLED(EveryN, (n), logger, ::logboom::level::kInfo, text __VA_OPT__(, ) __VA_ARGS__)
#define LOGBOOM_INFO_EVERY(interval, logger, text, ...) \
  LOGBOOM_DETAIL_SAMPLED(Every, (interval), logger, ::logboom::level::kInfo, text __VA_OPT__(, ) __VA_ARGS__)
#define LOGBOOM_INFO_ONCE(logger, text, ...) \
  LOGBOOM_DETAIL_SAMPLED(Once, (), logger, ::logboom::level::kInfo, text __VA_OPT__(, ) __VA_ARGS__)
#define LOGBOOM_WARNING_EVERY_N(n, logger, text, ...) \
  LOGBOOM_DETAIL_SAMPLED(EveryN, (n), logger, ::logboom::level::kWarning, text __VA_OPT__(, ) __VA_ARGS__)
#define LOGBOOM_WARNING_EVERY(interval, logger, text, ...)                      \
  LOGBOOM_DETAIL_SAMPLED(Every, (interval), logger, ::logboom::level::kWarning, \
                         text __VA_OPT__(, ) __VA_ARGS__)
#define LOGBOOM_WARNING_ONCE(logger, text, ...) \
  LOGBOOM_DETAIL_SAMPLED(Once, (), logger, ::logboom::level::kWarning, text __VA_OPT__(, ) __VA_ARGS__)
#define LOGBOOM_ERROR_EVERY_N(n, logger, text, ...) \
  LOGBOOM_DETAIL_SAMPLED(EveryN, (n), logger, ::logboom::level::kError, text __VA_OPT__(, ) __VA_ARGS__)
#define LOGBOOM_ERROR_EVERY(interval, logger, text, ...) \
  LOGBOOM_DETAIL_SAMPLED(Every, (interval), logger, ::logboom::level::kError, text __VA_OPT__(, ) __VA_ARGS__)
#define LOGBOOM_ERROR_ONCE(logger, text, ...) \
  LOGBOOM_DETAIL_SAMPLED(Once, (), logger, ::logboom::level::kError, text __VA_OPT__(, ) __VA_ARGS__)
#define LOGBOOM_CRITICAL_EVERY_N(n, logger, text, ...) \
  LOGBOOM_DETAIL_SAMPLED(EveryN, (n), logger, ::logboom::level::kCritical, text __VA_OPT__(, ) __VA_ARGS__)
#define LOGBOOM_CRITICAL_EVERY(interval, logger, text, ...)                      \
  LOGBOOM_DETAIL_SAMPLED(Every, (interval), logger, ::logboom::level::kCritical, \
                         text __VA_OPT__(, ) __VA_ARGS__)
#define LOGBOOM_CRITICAL_ONCE(logger, text, ...) \
  LOGBOOM_DETAIL_SAMPLED(Once, (), logger, ::logboom::level::kCritical, text __VA_OPT__(, ) __VA_ARGS__)
