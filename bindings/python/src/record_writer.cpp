// Message, fields and attributes, in this order.
#include "record_writer.hpp"

#include "ref.hpp"

#include <logboom/detail/record_layout.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace logboom::python {
namespace {

constexpr std::size_t kHeader = detail::record_layout::kHeaderSize;

// What of a path's end is the module's name, as LogRecord sees it.
std::string_view file_name(std::string_view path) {
  std::size_t const slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string_view module_name(std::string_view file) {
  std::size_t const dot = file.rfind('.');
  // As os.path.splitext: leading dots belong to the name.
  return dot == std::string_view::npos || file.find_first_not_of('.') > dot ? file : file.substr(0, dot);
}

bool is(PyObject* str, std::string_view ascii) {
  return PyUnicode_IS_COMPACT_ASCII(str) &&
         static_cast<std::size_t>(PyUnicode_GET_LENGTH(str)) == ascii.size() &&
         std::memcmp(PyUnicode_1BYTE_DATA(str), ascii.data(), ascii.size()) == 0;
}

}  // namespace

RecordWriter::RecordWriter(Scratch& scratch, Limits const& limits, Parts const& parts, Bus const& bus)
    : encoder_(scratch.bytes + kHeader, scratch.bytes + Scratch::kSize, limits.text, limits.nodes),
      limit_(Scratch::kSize - kHeader - limits.reserve),
      parts_(parts),
      bus_(bus) {}

void RecordWriter::message(PyObject* message) {
  encoder_.array_header(1);
  encoder_.text(message);
}

std::size_t RecordWriter::fields(Context const* context) {
  std::size_t const most = 254 - (context != nullptr ? context->count : 0);
  if (parts_.count == 0 && context == nullptr) {
    encoder_.nil();
    return 0;
  }
  std::byte* const header = encoder_.map_header();
  std::size_t count = 0, left_out = parts_.left_out;
  Step const base{nullptr, "/fields"};
  auto const fits = [&](std::byte* before) {
    if (!encoder_.full() && encoder_.size() <= limit_) return true;
    encoder_.rewind(before);
    ++left_out;
    return false;
  };
  for (std::size_t i = 0; i < parts_.count; ++i) {
    if (count == most) {
      left_out += parts_.count - i;
      break;
    }
    std::byte* const before = encoder_.here();
    std::size_t const types = encoder_.types().size();
    field(parts_.extras[i], base);
    if (fits(before)) {
      ++count;
    } else {
      encoder_.types().resize(types);
    }
  }
  if (context != nullptr) {
    std::byte* const before = encoder_.here();
    encoder_.raw(reinterpret_cast<std::byte const*>(context->encoded.data()), context->encoded.size());
    if (fits(before)) {
      count += context->count;
      add_types(*context);
    }
  }
  if (left_out > 0) {
    encoder_.text(std::string_view("…"));
    encoder_.integer(std::uint64_t{left_out});
    ++count;
  }
  encoder_.set_count(header, count);
  return left_out;
}

void RecordWriter::attributes(PyObject* text, bool arguments, ExceptionText const& exception, bool bare,
                              Level level, std::uint32_t line) {
  std::byte* const header = encoder_.map_header();
  if (bare) {
    key("level");
    encoder_.integer(std::int64_t{level});
    place(line);
  }
  if (PyObject* const name = parts_.text(kLevelName); name != nullptr && !is(name, level_name(level)))
    value("level_name", name);
  time();
  if (arguments) {
    value("template", text);
    key("arguments");
    encoder_.arguments(parts_.slots[kArgs], Step{nullptr, "/arguments"});
  }
  if (!exception.type.empty()) {
    key("exception_type");
    encoder_.text(std::string_view(exception.type));
  }
  if (exception.text != nullptr) value("exception", exception.text);
  if (PyObject* const stack = parts_.text(kStack)) value("stack", stack);
  if (PyObject* const task = parts_.text(kTask)) value("task", task);
  if (PyObject* const name = parts_.text(kProcessName); name != nullptr && !is(name, "MainProcess"))
    value("process_name", name);
  derived();
  origin();
  given();
  types();
  encoder_.set_count(header, count_);
}

void RecordWriter::key(std::string_view name) {
  encoder_.text(name);
  ++count_;
}
void RecordWriter::value(std::string_view name, PyObject* str) {
  key(name);
  encoder_.text(str);
}

void RecordWriter::field(std::pair<PyObject*, PyObject*> const& field, Step const& base) {
  if (PyUnicode_Check(field.first)) {
    encoder_.text(field.first);
    encoder_.value(field.second, Step{&base, {}, field.first, -1});
    return;
  }
  Ref const shown(PyObject_Repr(field.first));
  PyErr_Clear();
  PyObject* const name = shown && PyUnicode_Check(shown.get()) ? shown.get() : slot_name(kName);
  encoder_.text(name);
  encoder_.value(field.second, Step{&base, {}, name, -1});
}

void RecordWriter::add_types(Context const& context) {
  for (Context::Type const& type : context.types) {
    bool const hidden =
        std::any_of(parts_.extras.begin(), parts_.extras.begin() + static_cast<std::ptrdiff_t>(parts_.count),
                    [&](auto const& extra) {
                      return extra.first == type.name ||
                             (PyUnicode_Check(extra.first) && PyUnicode_Compare(extra.first, type.name) == 0);
                    });
    if (!hidden && encoder_.types().size() < Encoder::kMaxTypes)
      encoder_.types().emplace_back(type.pointer, type.type);
  }
}

void RecordWriter::place(std::uint32_t line) {
  if (PyObject* const path = parts_.text(kPath)) value("file", path);
  if (PyObject* const function = parts_.text(kFunction)) value("function", function);
  if (line == 0) return;
  key("line");
  encoder_.integer(std::uint64_t{line});
}

void RecordWriter::time() {
  time_ = time_of(parts_);
  if (!time_) return;
  key("time");
  encoder_.integer(*time_);
}

// What follows from path and time, unless it does not.
void RecordWriter::derived() {
  if (auto const relative = parts_.real(kRelativeCreated); relative && std::isfinite(*relative)) {
    std::int64_t const started = bus_.started();
    constexpr double kTolerance = 0.002;  // ms
    if (started == 0 || !time_ ||
        std::abs(static_cast<double>(*time_ - started) / 1e6 - *relative) > kTolerance) {
      key("relative_created");
      encoder_.real(*relative);
    }
  }
  if (auto const ms = parts_.real(kMilliseconds); ms && time_ && std::isfinite(*ms)) {
    auto const within = static_cast<double>(((*time_ % 1'000'000'000) + 1'000'000'000) % 1'000'000'000) / 1e6;
    // Python ≥ 3.12 cuts, earlier ones do not: both say the same. 999.99 may have become the next second.
    double const difference = std::abs(within - *ms);
    if (difference >= 1.001 && difference <= 998.999) {
      key("msecs");
      encoder_.real(*ms);
    }
  }
  PyObject* const path = parts_.text(kPath);
  PyObject* const file = parts_.text(kFileName);
  PyObject* const module = parts_.text(kModule);
  if (path == nullptr || file == nullptr || module == nullptr) return;
  std::string_view const derived_file = file_name(utf8(path));
  if (utf8(file) != derived_file) value("filename", file);
  if (utf8(module) != module_name(derived_file)) value("module", module);
}

void RecordWriter::origin() {
  if (auto const process = natural(parts_.number(kProcess)); process && *process != process_id()) {
    key("pid");
    encoder_.integer(*process);
  }
  if (!say_thread_) return;
  if (auto const thread = natural(parts_.number(kThread))) {
    key("tid");
    encoder_.integer(*thread);
  }
  if (PyObject* const name = parts_.text(kThreadName)) value("thread", name);
}

void RecordWriter::given() {
  PyObject* const attributes = parts_.slots[kAttributes];
  if (attributes == nullptr || !PyDict_Check(attributes)) return;
  PyObject *name = nullptr, *given = nullptr;
  Py_ssize_t position = 0;
  while (PyDict_Next(attributes, &position, &name, &given) != 0) {
    if (!PyUnicode_Check(name)) continue;
    if (PyUnicode_Check(given)) {
      value(utf8(name), given);
    } else if (auto const number = natural(PyLong_Check(given) ? given : nullptr)) {
      key(utf8(name));
      encoder_.integer(*number);
    }
  }
}

void RecordWriter::types() {
  TypeNames const& types = encoder_.types();
  if (types.empty()) return;
  key("types");
  std::byte* const header = encoder_.map_header();
  constexpr std::size_t kMaxBytes = 8192;
  std::size_t count = 0, bytes = 0;
  for (auto const& [pointer, type] : types) {
    bytes += pointer.size() + type.size();
    if (bytes > kMaxBytes) break;
    encoder_.text(std::string_view(pointer));
    encoder_.text(std::string_view(type));
    ++count;
  }
  encoder_.set_count(header, count);
}

}  // namespace logboom::python
