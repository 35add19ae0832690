// Python objects as msgpack, straight into memory, with the types that JSON does not say beside them. Needs the GIL. Runs code of the
// objects (repr, str) and survives what that does. Must not know records or rings.
#pragma once

#include <Python.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace logboom::python {

/// Where a value is, from the inside out: the steps of a JSON pointer. Lives on the stack of who encodes.
struct Step {
  Step const* outer = nullptr;
  std::string_view name{};  ///< of the outermost: "/fields", with its slash
  PyObject* key = nullptr;  ///< a str
  Py_ssize_t index = -1;    ///< of an array, when there is no key
};

/// JSON pointer → name of the Python type, in the order met.
using TypeNames = std::vector<std::pair<std::string, std::string>>;

class Encoder {
 public:
  static constexpr std::size_t kMaxTypes = 256;
  static constexpr std::size_t kMaxNodes =
      16'384;  ///< in one value, nested ones counted, unless told less; the rest is the text `…`
  static constexpr int kMaxDepth = 16;  ///< of containers in containers; what is deeper is the text `…`

  /// Writes to begin … end; texts are cut to `text_limit` bytes (below 64 Ki) and say so.
  Encoder(std::byte* begin, std::byte* end, std::size_t text_limit, std::size_t max_nodes = kMaxNodes) noexcept
      : begin_(begin), at_(begin), end_(end), text_limit_(text_limit), max_nodes_(max_nodes) {}
  ~Encoder() { Py_XDECREF(raised_); }
  Encoder(Encoder const&) = delete;
  Encoder& operator=(Encoder const&) = delete;

  /// One value, whatever the object is. Leaves no Python exception set.
  void value(PyObject* object, Step const& step);
  /// The args of a LogRecord: a tuple, whose type need not be told, or whatever stands in its place.
  void arguments(PyObject* object, Step const& step);
  /// A str as text; no value of another kind.
  void text(PyObject* str);
  void text(std::string_view utf8);
  void integer(std::int64_t number);
  void integer(std::uint64_t number);
  void real(double number);
  void nil();
  void array_header(std::size_t count);
  /// With 16 bits of count, for set_count() to set.
  std::byte* map_header(std::size_t count = 0);
  void set_count(std::byte* header, std::size_t count) noexcept;
  void raw(std::byte const* bytes, std::size_t size);

  /// Something did not fit: what was written is no use.
  bool full() const noexcept { return full_; }
  std::size_t size() const noexcept { return static_cast<std::size_t>(at_ - begin_); }
  std::byte* here() const noexcept { return at_; }
  /// Takes back what was written after `here()` gave this, and that it was too much.
  void rewind(std::byte* to) noexcept {
    at_ = to;
    full_ = false;
  }

  TypeNames& types() noexcept { return types_; }
  /// A KeyboardInterrupt or the like that came up while code of an object ran: to be raised by the caller in the end. New reference, or null.
  PyObject* take_raised() noexcept { return std::exchange(raised_, nullptr); }

 private:
  bool room(std::size_t bytes) noexcept {
    if (static_cast<std::size_t>(end_ - at_) >= bytes && !full_) [[likely]]
      return true;
    full_ = true;
    return false;
  }
  void value(PyObject* object, Step const& step, int depth, bool typed);
  void other(PyObject* object, Step const& step, int depth, bool typed);
  void long_text(PyObject* str);
  void integer(PyObject* number, Step const& step, bool typed);
  void floating(double number, Step const& step, bool typed);
  void bytes(char const* data, std::size_t size);
  void dict(PyObject* object, Step const& step, int depth, std::string_view type, bool typed);
  void pairs(PyObject* object, Step const& step, int depth);
  void sequence(PyObject* object, Step const& step, int depth);
  void iterable(PyObject* object, Step const& step, int depth);
  void dataclass(PyObject* object, Step const& step, int depth);
  void text_of(PyObject* text, PyObject* object, char const* method);
  void failed(PyObject* object, char const* method);
  void type(Step const& step, std::string_view name, bool typed);

  std::byte* begin_;
  std::byte* at_;
  std::byte* end_;
  std::size_t text_limit_;
  std::size_t max_nodes_;
  std::size_t nodes_ = 0;
  bool full_ = false;
  PyObject* raised_ = nullptr;
  TypeNames types_;
};

/// "module.Class" of a type.
std::string class_name(PyTypeObject* type);

}  // namespace logboom::python
