// A record as those see it who read it back: viewers, queries, formatters. Knows nothing of wire, store or sockets.
#pragma once

#include <logboom/level.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace logboom {

/// Value of a field: what JSON can say, and bytes. Bytes that are not UTF-8 arrive as `bytes`.
class Value {
 public:
  using Bytes = std::vector<std::byte>;
  using Array = std::vector<Value>;
  using Map = std::vector<std::pair<std::string, Value>>;  // in the order written
  using Data =
      std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string, Bytes, Array, Map>;

  Value() noexcept : data_(nullptr) {}
  // Implicit: a value is what it holds.
  Value(Data data) noexcept : data_(std::move(data)) {}

  Data const& data() const noexcept { return data_; }
  Data& data() noexcept { return data_; }

  friend bool operator==(Value const&, Value const&) = default;

 private:
  Data data_;
};

using Fields = Value::Map;

/// One log event, rendered. Texts are valid UTF-8. Empty or zero means: not known.
struct Record {
  /// Number in the store (or, without a store, in this run of the collector); ascending in the order stored.
  std::int64_t id = 0;
  std::int64_t time = 0;  ///< nanoseconds since the Unix epoch, UTC
  Level level = level::kInfo;
  std::string level_name;
  std::string logger;
  std::string message;
  std::string template_text;  ///< the call's template; empty when the message was given as a whole
  Fields fields;              ///< named arguments, explicit fields, context; in this order
  Fields attributes;          ///< what few records have and no member below names

  std::string host;
  std::string process;  ///< name of the process
  std::uint64_t pid = 0;
  std::int64_t process_started = 0;  ///< nanoseconds since the Unix epoch; when the publisher started
  std::string thread;                ///< name of the thread
  std::uint64_t tid = 0;
  std::string file;
  std::uint32_t line = 0;
  std::string function;

  std::string exception_type;
  std::string exception;  ///< text of the exception, with nested ones and trace
  std::string stack;
  std::string task;

  std::array<std::byte, 16> publisher{};  ///< id of the publisher; all zero for a plain record
  std::uint64_t stream = 0;
  std::uint64_t sequence = 0;  ///< number within the stream, from 1; 0 for a plain record
};

/// The value of a field by name: a field, an attribute, or nullptr.
LOGBOOM_API Value const* find_field(Record const& record, std::string_view name) noexcept;

}  // namespace logboom
