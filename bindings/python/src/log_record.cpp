// A logging.LogRecord as the bytes of a logboom record: see log_record.hpp.
#include "log_record.hpp"

#include "record_parts.hpp"
#include "record_text.hpp"
#include "record_writer.hpp"
#include "ref.hpp"

#include <logboom/detail/record_layout.hpp>

#include <ctime>
#include <exception>
#include <iterator>
#include <string>
#include <string_view>

namespace logboom::python {
namespace {

// The next step is taken when it was too much for the whole.
constexpr Limits kLimits[] = {
    {60'000, 16'384, 4096}, {8192, 4096, 8192}, {2048, 1024, 8192}, {512, 256, 16'384}, {96, 64, 24'576}};

// Records of this thread that have the ring's own number and name need not say them.
struct ThreadIdentity {
  std::uint64_t number = 0;
  unsigned changes = 0;
  std::string name;
};
thread_local ThreadIdentity t_identity;

// Each change takes another ring, and a thread may pass on the records of many.
constexpr unsigned kMaxChanges = 16;

/// `own`: this is what the calling thread is called now, and not what another was.
bool is_rings_thread(std::uint64_t ident, PyObject* name, bool own) {
  std::string_view const text = utf8(name).substr(0, 255);
  if (t_identity.number == ident && t_identity.name == text) return true;
  if (!own || t_identity.changes >= kMaxChanges) return false;
  ++t_identity.changes;
  t_identity.number = ident;
  t_identity.name = text;
  set_thread_identity(ident, text);
  return true;
}

bool is_rings_thread(Parts const& parts) {
  PyObject* const number = parts.number(kThread);
  PyObject* const name = parts.text(kThreadName);
  if (number == nullptr || name == nullptr) return number == nullptr && name == nullptr;
  auto const thread = natural(number);
  if (!thread) return false;
  auto const process = natural(parts.number(kProcess));
  auto const ident = static_cast<std::uint64_t>(*thread);
  return is_rings_thread(ident, name,
                         ident == PyThread_get_thread_ident() && (!process || *process == process_id()));
}

/// What is known of a record before it is written.
struct Draft {
  Parts const& parts;
  PyObject* text;     // str(msg)
  PyObject* message;  // with the arguments put in
  bool arguments;
  ExceptionText const& exception;
  Level level;
  std::uint32_t line;
  bool rings_thread;
};

bool write(Draft const& draft, Bus& bus, Scratch& scratch, EncodedRecord& made) {
  Parts const& parts = draft.parts;
  PyObject* const path = parts.text(kPath);
  PyObject* const function = parts.text(kFunction);
  made.site =
      path != nullptr && function != nullptr ? find_site(path, draft.line, function, draft.level) : nullptr;
  bool const bare = made.site == nullptr;
  if (bare) made.site = &bare_site();
  Ref const context_held(context_value());
  Context const* const context = context_in(context_held.get());

  for (Limits const& limits : kLimits) {
    RecordWriter writer(scratch, limits, parts, bus);
    if (!draft.rings_thread) writer.say_thread();
    writer.message(draft.message);
    std::size_t const left_out = writer.fields(context);
    writer.attributes(draft.text, draft.arguments, draft.exception, bare, draft.level, draft.line);
    if (PyObject* const raised = writer.encoder().take_raised()) {
      if (made.raised == nullptr) {
        made.raised = raised;
      } else {
        Py_DECREF(raised);
      }
    }
    bool const last = &limits == &kLimits[std::size(kLimits) - 1];
    if (writer.encoder().full() || (left_out > parts.left_out && !last)) continue;
    made.size = detail::record_layout::kHeaderSize + writer.encoder().size();
    return true;
  }
  return false;
}

bool encode(PyObject* record, PyObject* formatter, Bus& bus, Scratch& scratch, EncodedRecord& made) {
  Parts parts;
  take_apart(record, parts);
  // It comes from the bus: sent back it would go around for ever.
  if (parts.slots[kOrigin] != nullptr) return false;
  bool const arguments = has_arguments(parts);
  Ref const text(text_of(parts.slots[kMsg], made));
  Ref const message(text ? message_of(record, parts, text.get(), arguments, made) : nullptr);
  Ref const name(logger_name(parts.slots[kName]));
  if (!message || !name) return false;
  ExceptionText exception;
  if (parts.slots[kExceptionInfo] != Py_None || parts.slots[kExceptionText] != Py_None) {
    describe(parts.slots[kExceptionInfo], parts.text(kExceptionText), formatter, made, exception);
  }
  made.logger = bus.logger(name.get());
  if (made.logger == nullptr) return false;
  Draft const draft{parts,     text.get(),      message.get(),  arguments,
                    exception, level_of(parts), line_of(parts), is_rings_thread(parts)};
  return write(draft, bus, scratch, made);
}

void set(Parts& parts, Slot slot, PyObject* object) {
  Py_XINCREF(object);
  parts.slots[slot] = object;
}

bool encode(LogCall const& call, Bus& bus, Scratch& scratch, EncodedRecord& made) {
  Parts parts;
  set(parts, kArgs, call.args);
  set(parts, kLevelName, call.level_name);
  set(parts, kPath, call.path);
  set(parts, kFunction, call.function);
  set(parts, kThreadName, call.thread_name);
  set(parts, kProcessName, call.process_name);
  if (bus.started() == 0) {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    double const relative =
        (static_cast<double>(now.tv_sec) - logging_start()) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
    parts.slots[kRelativeCreated] = PyFloat_FromDouble(relative);
  }
  take_extra(call.extra, parts);
  bool const arguments = has_arguments(parts);
  Ref const text(text_of(call.msg, made));
  if (!text) return false;
  Ref message(arguments ? PyNumber_Remainder(text.get(), call.args) : (Py_INCREF(text.get()), text.get()));
  if (!message) keep_error(made);
  made.logger = bus.logger(call.name);
  if (made.logger == nullptr) return false;
  ExceptionText const none;
  Draft const draft{parts,
                    text.get(),
                    message ? message.get() : text.get(),
                    arguments,
                    none,
                    call.level,
                    call.line,
                    is_rings_thread(call.thread, call.thread_name, true)};
  return write(draft, bus, scratch, made);
}

}  // namespace

bool prepare_log_records() { return prepare_record_parts() && prepare_record_texts(); }

bool encode_log_call(LogCall const& call, Bus& bus, Scratch& scratch, EncodedRecord& made) {
  try {
    bool const encoded = encode(call, bus, scratch, made);
    PyErr_Clear();
    return encoded;
  } catch (std::exception const&) {
    PyErr_Clear();
    return false;
  }
}

bool encode_log_record(PyObject* record, PyObject* formatter, Bus& bus, Scratch& scratch, EncodedRecord& made) {
  try {
    bool const encoded = encode(record, formatter, bus, scratch, made);
    PyErr_Clear();
    return encoded;
  } catch (std::exception const&) {
    PyErr_Clear();
    return false;
  }
}

}  // namespace logboom::python
