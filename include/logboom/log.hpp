// The logging macros. Light on purpose: no socket, msgpack or database header is reachable from here, and of fmt only fmt/core.h.
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
