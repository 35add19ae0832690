// The parts of a record as msgpack: docs/protocol.md, "Records". Needs the GIL. Must not know rings.
#pragma once

#include "bound_context.hpp"
#include "bus.hpp"
#include "encoder.hpp"
#include "record_parts.hpp"
#include "record_text.hpp"
#include "scratch.hpp"

#include <Python.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace logboom::python {

/// How much of everything goes into a record.
struct Limits {
  std::size_t text;
  std::size_t nodes;
  std::size_t reserve;  // bytes that fields leave to the attributes
};

/// One attempt, within limits: message(), fields(), attributes(). What it refers to outlives it.
class RecordWriter {
 public:
  RecordWriter(Scratch& scratch, Limits const& limits, Parts const& parts, Bus const& bus);

  Encoder& encoder() noexcept { return encoder_; }

  void message(PyObject* message);
  /// Of fields that do not fit the number is told. @return how many were left out
  std::size_t fields(Context const* context);
  /// @param bare the call site says nothing: level and place are attributes as well
  void attributes(PyObject* text, bool arguments, ExceptionText const& exception, bool bare, Level level,
                  std::uint32_t line);
  /// The thread is said by an attribute, since the ring's is another. Before attributes().
  void say_thread() noexcept { say_thread_ = true; }

 private:
  void key(std::string_view name);
  void value(std::string_view name, PyObject* str);
  void field(std::pair<PyObject*, PyObject*> const& field, Step const& base);
  void add_types(Context const& context);
  void place(std::uint32_t line);
  void time();
  void derived();
  void origin();
  void given();
  void types();

  Encoder encoder_;
  std::size_t limit_;
  Parts const& parts_;
  Bus const& bus_;
  std::optional<std::int64_t> time_;
  std::size_t count_ = 0;  // attributes
  bool say_thread_ = false;
};

}  // namespace logboom::python
