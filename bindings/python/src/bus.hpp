// A publisher as the Python handlers have it: with its loggers and call sites found by Python's own strings. Lives as long as the process.
// Everything here needs the GIL unless it says otherwise. Must not know LogRecords.
#pragma once

#include <Python.h>

#include <logboom/detail/call_site.hpp>
#include <logboom/publisher.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

namespace logboom::python {

class Bus {
 public:
  /// @throws std::invalid_argument as Publisher does
  explicit Bus(PublisherOptions const& options);
  Bus(Bus const&) = delete;
  Bus& operator=(Bus const&) = delete;

  Publisher& publisher() noexcept { return *publisher_; }
  /// The logger of a str. nullptr: no memory.
  detail::LoggerNode const* logger(PyObject* name);
  /// When the program began (ns), as the publisher says it; 0 where it does not: in a forked child.
  std::int64_t started() const noexcept;
  bool closed() const noexcept { return publisher_ == nullptr; }

  /// Waits without the GIL until what was logged is stored; where no collector answers no longer than `unanswered`. Not with a lock held.
  bool flush(std::chrono::milliseconds timeout, std::chrono::milliseconds unanswered);
  /// The end of the process, with no interpreter left: what is in the spool and not sent stays there.
  void close() noexcept;

 private:
  std::unique_ptr<Publisher> publisher_;
  std::atomic<int> flushing_{0};  // threads
  PyObject* loggers_;             // dict of str → int, the node's address
  std::int64_t started_;
  std::int64_t made_in_;  // process
};

/// The number of this process. Known without a system call: renewed after a fork.
std::int64_t process_id() noexcept;
void renew_process_id() noexcept;

/// The call site of a log call, made when it is seen first; nullptr once there are too many (the record says where it comes from then).
/// `path` and `function` are str.
detail::CallSite* find_site(PyObject* path, std::uint32_t line, PyObject* function, Level level);
/// Of records that say everything themselves.
detail::CallSite& bare_site() noexcept;

}  // namespace logboom::python
