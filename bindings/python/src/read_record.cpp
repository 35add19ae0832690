// Records as Python objects. Must not know where they came from.
#include "read_record.hpp"

#include "values.hpp"

namespace py = pybind11;

namespace logboom::python {
namespace {

// Decoders let only valid UTF-8 through; what comes from elsewhere must not end a loop over records.
py::str text(std::string_view utf8) {
  auto* const made =
      PyUnicode_DecodeUTF8(utf8.data(), static_cast<Py_ssize_t>(utf8.size()), "backslashreplace");
  if (made == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::str>(made);
}

py::bytes bytes(void const* data, std::size_t size) { return {static_cast<char const*>(data), size}; }

template <auto kMember>
void text_property(py::class_<ReadRecord>& type, char const* name, char const* doc) {
  type.def_property_readonly(
      name, [](ReadRecord const& self) { return text(self.record().*kMember); }, doc);
}

template <auto kMember>
void number_property(py::class_<ReadRecord>& type, char const* name, char const* doc) {
  type.def_property_readonly(
      name, [](ReadRecord const& self) { return self.record().*kMember; }, doc);
}

}  // namespace

Value const* ReadRecord::attribute(std::string_view key) const noexcept {
  for (auto const& [name, value] : record_.attributes) {
    if (name == key) return &value;
  }
  return nullptr;
}

py::object ReadRecord::fields() {
  if (!fields_) fields_ = to_dict(record_.fields, Types(attribute("types")), "/fields");
  return fields_;
}

py::object ReadRecord::arguments() {
  if (arguments_) return arguments_;
  auto const* const stored = attribute("arguments");
  arguments_ = stored == nullptr ? py::none() : to_arguments(*stored, Types(attribute("types")));
  return arguments_;
}

py::object ReadRecord::attributes() {
  if (attributes_) return attributes_;
  auto dict = to_dict(record_.attributes, Types(), "");
  for (auto const* const shown_elsewhere : {"types", "arguments"}) {
    if (dict.contains(shown_elsewhere)) dict.attr("pop")(shown_elsewhere);
  }
  attributes_ = std::move(dict);
  return attributes_;
}

py::object record_to_python(Record record) {
  return py::cast(new ReadRecord(std::move(record)), py::return_value_policy::take_ownership);
}

void bind_record(py::module_& module) {
  py::class_<ReadRecord> type(
      module, "Record", "One log event, as stored. Attributes are read-only; \"\", 0 or None: not known.");
  number_property<&Record::id>(type, "id", "number in the store, ascending in the order stored");
  number_property<&Record::time>(type, "time", "nanoseconds since 1970, UTC");
  number_property<&Record::level>(type, "level", "Python's numbers");
  text_property<&Record::level_name>(type, "level_name", "");
  text_property<&Record::logger>(type, "logger", "");
  text_property<&Record::message>(type, "message", "rendered");
  text_property<&Record::template_text>(type, "template",
                                        "the call's template; empty when the message was given as a whole");
  text_property<&Record::host>(type, "host", "");
  text_property<&Record::process>(type, "process", "name of the program");
  number_property<&Record::pid>(type, "pid", "");
  number_property<&Record::process_started>(type, "process_started", "nanoseconds since 1970, UTC");
  text_property<&Record::thread>(type, "thread", "name of the thread");
  number_property<&Record::tid>(type, "tid", "number of the thread");
  text_property<&Record::file>(type, "file", "");
  number_property<&Record::line>(type, "line", "");
  text_property<&Record::function>(type, "function", "");
  text_property<&Record::exception_type>(type, "exception_type", "");
  text_property<&Record::exception>(type, "exception", "text with trace");
  text_property<&Record::stack>(type, "stack", "");
  text_property<&Record::task>(type, "task", "name of the asyncio task");
  number_property<&Record::stream>(type, "stream", "of the publisher");
  number_property<&Record::sequence>(type, "sequence", "number within the stream; 0: it has none");
  type.def_property_readonly(
      "publisher",
      [](ReadRecord const& self) {
        return bytes(self.record().publisher.data(), self.record().publisher.size());
      },
      "id of the publisher, 16 bytes; zeros: none");
  type.def_property_readonly("fields", &ReadRecord::fields,
                             "named arguments, extra and context, with their types");
  type.def_property_readonly("arguments", &ReadRecord::arguments,
                             "what the template was given: a tuple, a dict, or None where it is not kept");
  type.def_property_readonly("attributes", &ReadRecord::attributes, "what few records have");
  type.def("__repr__", [](ReadRecord const& self) {
    return py::str("<logboom.Record {} {} {}: {}>")
        .format(self.record().id, text(self.record().level_name), text(self.record().logger),
                text(self.record().message));
  });
}

}  // namespace logboom::python
