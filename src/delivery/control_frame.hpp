// The parts of control messages to and from msgpack, one by one: what control.cpp and collector_state.cpp are written with.
// What arrives is hostile until proven otherwise. Must not know which messages there are.
#pragma once

#include "delivery/described.hpp"
#include "delivery/receiver_ledger.hpp"
#include "record/wire.hpp"

#include <fmt/format.h>
#include <msgpack.hpp>

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace logboom::delivery {

using Object = msgpack::object;
using Pairs = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

struct FrameBytes {
  std::vector<std::byte> data;
  void write(char const* at, std::size_t size) {
    auto const* bytes = reinterpret_cast<std::byte const*>(at);
    data.insert(data.end(), bytes, bytes + size);
  }
};

class FrameWriter {
 public:
  FrameWriter(std::uint32_t elements, std::string_view kind) {
    packer_.pack_array(elements);
    text(kind);
  }

  FrameWriter& array(std::size_t elements) {
    packer_.pack_array(static_cast<std::uint32_t>(elements));
    return *this;
  }
  FrameWriter& map(std::size_t entries) {
    packer_.pack_map(static_cast<std::uint32_t>(entries));
    return *this;
  }
  FrameWriter& number(std::uint64_t value) {
    packer_.pack_uint64(value);
    return *this;
  }
  FrameWriter& integer(std::int64_t value) {
    packer_.pack_int64(value);
    return *this;
  }
  FrameWriter& text(std::string_view value) {
    packer_.pack_str(static_cast<std::uint32_t>(value.size()));
    packer_.pack_str_body(value.data(), static_cast<std::uint32_t>(value.size()));
    return *this;
  }
  FrameWriter& boolean(bool value) {
    value ? packer_.pack_true() : packer_.pack_false();
    return *this;
  }
  FrameWriter& real(double value) {
    packer_.pack_double(value);
    return *this;
  }
  FrameWriter& id(PublisherId const& value) {
    packer_.pack_bin(static_cast<std::uint32_t>(value.size()));
    packer_.pack_bin_body(reinterpret_cast<char const*>(value.data()),
                          static_cast<std::uint32_t>(value.size()));
    return *this;
  }
  FrameWriter& pairs(Pairs const& list) {
    array(list.size());
    for (auto const& [stream, value] : list) array(2).number(stream).number(value);
    return *this;
  }
  FrameWriter& states(std::vector<StreamState> const& list) {
    array(list.size());
    for (auto const& state : list)
      array(3).number(state.stream).number(state.committed).number(state.expected);
    return *this;
  }
  std::vector<std::byte> take() { return std::move(out_.data); }

 private:
  FrameBytes out_;
  msgpack::packer<FrameBytes> packer_{out_};
};

[[noreturn]] inline void refuse_message(std::string_view kind, std::string_view what) {
  throw wire::FrameError(fmt::format("control message '{}': {}", kind, what));
}

inline std::string_view text_of(Object const& o) noexcept {
  return o.type == msgpack::type::STR ? std::string_view(o.via.str.ptr, o.via.str.size) : std::string_view{};
}

/// One message's elements by position; errors name the message and the element.
class FrameReader {
 public:
  FrameReader(std::string_view kind, msgpack::object_array const& elements)
      : kind_(kind), elements_(elements) {}

  Object const& at(std::uint32_t index, std::string_view name) const {
    if (index >= elements_.size) refuse_message(kind_, fmt::format("'{}' is missing", name));
    return elements_.ptr[index];
  }
  Object const* optional(std::uint32_t index) const {
    return index < elements_.size ? &elements_.ptr[index] : nullptr;
  }
  std::uint64_t number(std::uint32_t index, std::string_view name) const {
    return number(at(index, name), name);
  }
  std::string text(std::uint32_t index, std::string_view name) const { return text(at(index, name), name); }
  PublisherId id(std::uint32_t index) const { return id(at(index, "id")); }

  std::uint64_t number(Object const& o, std::string_view name) const {
    if (o.type != msgpack::type::POSITIVE_INTEGER)
      refuse_message(kind_, fmt::format("'{}' is not an unsigned integer", name));
    return o.via.u64;
  }
  std::int64_t integer(Object const& o, std::string_view name) const {
    if (o.type == msgpack::type::NEGATIVE_INTEGER) return o.via.i64;
    auto const value = number(o, name);
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      refuse_message(kind_, fmt::format("'{}' is out of range", name));
    return static_cast<std::int64_t>(value);
  }
  bool boolean(Object const& o, std::string_view name) const {
    if (o.type != msgpack::type::BOOLEAN) refuse_message(kind_, fmt::format("'{}' is not a bool", name));
    return o.via.boolean;
  }
  double real(Object const& o, std::string_view name) const {
    if (o.type == msgpack::type::FLOAT32 || o.type == msgpack::type::FLOAT64) return o.via.f64;
    return static_cast<double>(integer(o, name));
  }
  std::string text(Object const& o, std::string_view name) const {
    if (o.type != msgpack::type::STR) refuse_message(kind_, fmt::format("'{}' is not a str", name));
    return std::string(text_of(o));
  }
  PublisherId id(Object const& o) const {
    PublisherId value{};
    if (o.type != msgpack::type::BIN || o.via.bin.size != value.size())
      refuse_message(kind_, "'id' is not a bin of 16 bytes");
    std::copy_n(reinterpret_cast<std::byte const*>(o.via.bin.ptr), value.size(), value.begin());
    return value;
  }
  /// Calls `each(row)` with the rows of an array of arrays, each at least `width` wide.
  template <class Each>
  void rows(std::uint32_t index, std::string_view name, std::uint32_t width, Each const& each) const {
    auto const& list = at(index, name);
    if (list.type != msgpack::type::ARRAY) refuse_message(kind_, fmt::format("'{}' is not an array", name));
    for (auto const& row : list.via.array) {
      if (row.type != msgpack::type::ARRAY || row.via.array.size < width)
        refuse_message(kind_, fmt::format("an element of '{}' is not an array of {}", name, width));
      each(row.via.array.ptr);
    }
  }
  Pairs pairs(std::uint32_t index, std::string_view name) const {
    Pairs list;
    rows(index, name, 2,
         [&](Object const* row) { list.emplace_back(number(row[0], "stream"), number(row[1], name)); });
    return list;
  }
  std::string_view kind() const noexcept { return kind_; }
  std::vector<StreamState> states(std::uint32_t index) const {
    std::vector<StreamState> list;
    rows(index, "streams", 3, [&](Object const* row) {
      list.push_back({number(row[0], "stream"), number(row[1], "committed"), number(row[2], "expected")});
    });
    return list;
  }

 private:
  std::string_view kind_;
  msgpack::object_array const& elements_;
};

// --- maps whose entries the struct itself lists

template <class T>
void put(FrameWriter& out, T const& value) {
  if constexpr (Described<T>) {
    std::size_t entries = 0;
    T::members(value, [&](std::string_view, auto const&) { ++entries; });
    out.map(entries);
    T::members(value, [&](std::string_view name, auto const& member) {
      out.text(name);
      put(out, member);
    });
  } else if constexpr (std::same_as<T, std::string>) {
    out.text(value);
  } else if constexpr (std::same_as<T, PublisherId>) {
    out.id(value);
  } else if constexpr (std::same_as<T, bool>) {
    out.boolean(value);
  } else if constexpr (std::floating_point<T>) {
    out.real(value);
  } else if constexpr (std::unsigned_integral<T>) {
    out.number(value);
  } else if constexpr (std::signed_integral<T>) {
    out.integer(value);
  } else {
    out.array(value.size());
    for (auto const& element : value) put(out, element);
  }
}

/// Entries that are not there leave their member as it was; what is not known is ignored. Nesting is bounded by the types.
template <class T>
void get(FrameReader const& in, Object const& from, std::string_view name, T& value) {
  if constexpr (Described<T>) {
    if (from.type != msgpack::type::MAP) refuse_message(in.kind(), fmt::format("'{}' is not a map", name));
    for (auto const& [key, entry] : from.via.map) {
      auto const given = text_of(key);
      T::members(value, [&, &entry = entry](std::string_view known, auto& member) {
        if (known == given) get(in, entry, known, member);
      });
    }
  } else if constexpr (std::same_as<T, std::string>) {
    value = in.text(from, name);
  } else if constexpr (std::same_as<T, PublisherId>) {
    value = in.id(from);
  } else if constexpr (std::same_as<T, bool>) {
    value = in.boolean(from, name);
  } else if constexpr (std::floating_point<T>) {
    value = in.real(from, name);
  } else if constexpr (std::unsigned_integral<T>) {
    value = in.number(from, name);
  } else if constexpr (std::signed_integral<T>) {
    value = in.integer(from, name);
  } else {
    if (from.type != msgpack::type::ARRAY)
      refuse_message(in.kind(), fmt::format("'{}' is not an array", name));
    value.clear();
    for (auto const& element : from.via.array) get(in, element, name, value.emplace_back());
  }
}

}  // namespace logboom::delivery
