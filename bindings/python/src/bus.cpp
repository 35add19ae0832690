// Publishers, loggers and call sites by Python's strings: see bus.hpp.
#include "bus.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>

namespace logboom::python {
namespace {

constexpr Py_ssize_t kMaxLoggers = 65'536;  // as many as a publisher has
constexpr std::size_t kMaxSites = 16'384;   // of the 65,536 that a process has

std::int64_t g_process = getpid();

constinit detail::CallSite g_bare_site{level::kInfo, 0, "", "", ""};

// nullptr when it cannot be had.
std::unique_ptr<char[]> copy_of(PyObject* str) {
  Py_ssize_t size = 0;
  char const* const utf8 = PyUnicode_AsUTF8AndSize(str, &size);
  if (utf8 == nullptr) {
    PyErr_Clear();
    return nullptr;
  }
  constexpr Py_ssize_t kLongest = 4096;
  if (size > kLongest || std::memchr(utf8, '\0', static_cast<std::size_t>(size)) != nullptr) return nullptr;
  auto copy = std::make_unique<char[]>(static_cast<std::size_t>(size) + 1);
  std::memcpy(copy.get(), utf8, static_cast<std::size_t>(size) + 1);
  return copy;
}

struct SiteEntry {
  PyObject* path;
  PyObject* function;
  std::uint32_t line;
  Level level;
  detail::CallSite* site;
  SiteEntry* next;  // of the same hash
};

bool same(PyObject* a, PyObject* b) {
  if (a == b) return true;
  bool const equal = PyUnicode_Compare(a, b) == 0;
  PyErr_Clear();
  return equal;
}

}  // namespace

std::int64_t process_id() noexcept { return g_process; }
void renew_process_id() noexcept { g_process = getpid(); }

Bus::Bus(PublisherOptions const& options)
    : publisher_(std::make_unique<Publisher>(options)),
      loggers_(PyDict_New()),
      started_(options.started),
      made_in_(process_id()) {}

std::int64_t Bus::started() const noexcept { return made_in_ == process_id() ? started_ : 0; }

detail::LoggerNode const* Bus::logger(PyObject* name) {
  if (PyObject* const known = PyDict_GetItemWithError(loggers_, name)) {
    return static_cast<detail::LoggerNode const*>(PyLong_AsVoidPtr(known));
  }
  PyErr_Clear();
  if (publisher_ == nullptr) return nullptr;
  std::string text;
  Py_ssize_t size = 0;
  if (char const* const utf8 = PyUnicode_AsUTF8AndSize(name, &size)) {
    text.assign(utf8, static_cast<std::size_t>(size));
  } else {
    PyErr_Clear();
    PyObject* const bytes = PyUnicode_AsEncodedString(name, "utf-8", "backslashreplace");
    if (bytes != nullptr)
      text.assign(PyBytes_AS_STRING(bytes), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes)));
    Py_XDECREF(bytes);
    PyErr_Clear();
  }
  detail::LoggerNode const& node = publisher_->logger(text).node();
  if (PyDict_GET_SIZE(loggers_) < kMaxLoggers) {
    PyObject* const address = PyLong_FromVoidPtr(const_cast<detail::LoggerNode*>(&node));
    if (address != nullptr) PyDict_SetItem(loggers_, name, address);
    Py_XDECREF(address);
    PyErr_Clear();
  }
  return &node;
}

bool Bus::flush(std::chrono::milliseconds timeout, std::chrono::milliseconds unanswered) {
  Publisher* const publisher = publisher_.get();
  if (publisher == nullptr) return true;
  flushing_.fetch_add(1);
  // No guard object: at the interpreter's end the thread may not come back from RestoreThread.
  PyThreadState* const thread = PyEval_SaveThread();
  auto const first = std::min(timeout, unanswered);
  bool done = publisher->flush(first);
  if (!done && timeout > first && publisher->status().connected) done = publisher->flush(timeout - first);
  flushing_.fetch_sub(1);
  PyEval_RestoreThread(thread);
  return done;
}

void Bus::close() noexcept {
  // A daemon thread that still waits in there needs it until the process is gone.
  if (flushing_.load() > 0) static_cast<void>(publisher_.release());
  publisher_.reset();
}

detail::CallSite& bare_site() noexcept { return g_bare_site; }

detail::CallSite* find_site(PyObject* path, std::uint32_t line, PyObject* function, Level level) {
  static auto& sites = *new std::unordered_map<std::size_t, SiteEntry*>();
  static std::size_t count = 0;
  Py_hash_t const path_hash = PyObject_Hash(path), function_hash = PyObject_Hash(function);
  std::size_t hash = static_cast<std::size_t>(path_hash) ^ static_cast<std::size_t>(function_hash) * 31;
  hash ^= (std::size_t{line} << 20U) ^ (static_cast<std::size_t>(static_cast<unsigned>(level)) << 44U);
  auto const found = sites.find(hash);
  SiteEntry* const first = found != sites.end() ? found->second : nullptr;
  for (SiteEntry* entry = first; entry != nullptr; entry = entry->next) {
    if (entry->line == line && entry->level == level && same(entry->path, path) &&
        same(entry->function, function))
      return entry->site;
  }
  if (count >= kMaxSites) return nullptr;
  auto file = copy_of(path), name = copy_of(function);
  if (file == nullptr || name == nullptr) return nullptr;
  Py_INCREF(path);
  Py_INCREF(function);
  auto* const site = new detail::CallSite{level, line, "", file.release(), name.release()};  // for good
  sites[hash] = new SiteEntry{path, function, line, level, site, first};
  ++count;
  return site;
}

}  // namespace logboom::python
