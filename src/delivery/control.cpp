// Control messages to and from msgpack. What arrives is hostile until proven otherwise: sizes, depth and types are checked before anything is kept.
#include "delivery/control.hpp"

#include <fmt/format.h>
#include <msgpack.hpp>

#include <algorithm>
#include <limits>

namespace logboom::delivery {
namespace {

// An array's claimed size is allocated before its elements are seen: this and the depth bound what a short frame can cost (8 × 4096 × 24 bytes).
constexpr std::size_t kMaxElements = 4096;
constexpr std::size_t kDepth = 8;

using Object = msgpack::object;
using Pairs = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

// --- encode

struct Bytes {
  std::vector<std::byte> data;
  void write(char const* at, std::size_t size) {
    auto const* bytes = reinterpret_cast<std::byte const*>(at);
    data.insert(data.end(), bytes, bytes + size);
  }
};

class Writer {
 public:
  Writer(std::uint32_t elements, std::string_view kind) {
    packer_.pack_array(elements);
    text(kind);
  }

  Writer& array(std::size_t elements) {
    packer_.pack_array(static_cast<std::uint32_t>(elements));
    return *this;
  }
  Writer& map(std::size_t entries) {
    packer_.pack_map(static_cast<std::uint32_t>(entries));
    return *this;
  }
  Writer& number(std::uint64_t value) {
    packer_.pack_uint64(value);
    return *this;
  }
  Writer& integer(std::int64_t value) {
    packer_.pack_int64(value);
    return *this;
  }
  Writer& text(std::string_view value) {
    packer_.pack_str(static_cast<std::uint32_t>(value.size()));
    packer_.pack_str_body(value.data(), static_cast<std::uint32_t>(value.size()));
    return *this;
  }
  Writer& id(PublisherId const& value) {
    packer_.pack_bin(static_cast<std::uint32_t>(value.size()));
    packer_.pack_bin_body(reinterpret_cast<char const*>(value.data()),
                          static_cast<std::uint32_t>(value.size()));
    return *this;
  }
  Writer& pairs(Pairs const& list) {
    array(list.size());
    for (auto const& [stream, value] : list) array(2).number(stream).number(value);
    return *this;
  }
  Writer& states(std::vector<StreamState> const& list) {
    array(list.size());
    for (auto const& state : list)
      array(3).number(state.stream).number(state.committed).number(state.expected);
    return *this;
  }
  std::vector<std::byte> take() { return std::move(out_.data); }

 private:
  Bytes out_;
  msgpack::packer<Bytes> packer_{out_};
};

struct Encoder {
  std::vector<std::byte> operator()(Hello const& m) const {
    Writer out(4, "hello");
    auto const& p = m.publisher;
    out.number(m.version).array(5).id(p.id).text(p.host).number(p.pid).text(p.process).integer(p.started);
    out.array(m.streams.size());
    for (auto const& s : m.streams) out.array(3).number(s.stream).number(s.base).number(s.next);
    return out.take();
  }
  std::vector<std::byte> operator()(Flush const& m) const {
    return Writer(2, "flush").number(m.token).take();
  }
  std::vector<std::byte> operator()(Bye const& m) const {
    return Writer(3, "bye").id(m.id).pairs(m.last).take();
  }
  std::vector<std::byte> operator()(InfoRequest const&) const { return Writer(1, "info").take(); }
  std::vector<std::byte> operator()(Welcome const& m) const {
    Writer out(7, "welcome");
    out.number(m.version).number(m.epoch).number(m.window).text(m.levels).states(m.streams);
    return out.map(1).text("forward").number(m.forward).take();
  }
  std::vector<std::byte> operator()(Ack const& m) const {
    return Writer(4, "ack").number(m.epoch).number(m.window).states(m.streams).take();
  }
  std::vector<std::byte> operator()(Resend const& m) const {
    return Writer(3, "resend").number(m.epoch).pairs(m.expected).take();
  }
  std::vector<std::byte> operator()(Levels const& m) const {
    return Writer(2, "levels").text(m.rules).take();
  }
  std::vector<std::byte> operator()(Flushed const& m) const {
    return Writer(2, "flushed").number(m.token).take();
  }
  std::vector<std::byte> operator()(Error const& m) const { return Writer(2, "error").text(m.text).take(); }
  std::vector<std::byte> operator()(Info const& m) const {
    Writer out(2, "info");
    out.map(6).text("version").number(m.version).text("epoch").number(m.epoch).text("host").text(m.host);
    return out.text("pid").number(m.pid).text("database").text(m.database).text("last_id").integer(m.last_id).take();
  }
  std::vector<std::byte> operator()(Unknown const& m) const { return Writer(1, m.kind).take(); }
};

// --- decode

[[noreturn]] void refuse(std::string_view kind, std::string_view what) {
  throw wire::FrameError(fmt::format("control message '{}': {}", kind, what));
}

std::string_view text_of(Object const& o) noexcept {
  return o.type == msgpack::type::STR ? std::string_view(o.via.str.ptr, o.via.str.size) : std::string_view{};
}

/// One message's elements by position; errors name the message and the element.
class Reader {
 public:
  Reader(std::string_view kind, msgpack::object_array const& elements) : kind_(kind), elements_(elements) {}

  Object const& at(std::uint32_t index, std::string_view name) const {
    if (index >= elements_.size) refuse(kind_, fmt::format("'{}' is missing", name));
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
      refuse(kind_, fmt::format("'{}' is not an unsigned integer", name));
    return o.via.u64;
  }
  std::int64_t integer(Object const& o, std::string_view name) const {
    if (o.type == msgpack::type::NEGATIVE_INTEGER) return o.via.i64;
    auto const value = number(o, name);
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      refuse(kind_, fmt::format("'{}' is out of range", name));
    return static_cast<std::int64_t>(value);
  }
  std::string text(Object const& o, std::string_view name) const {
    if (o.type != msgpack::type::STR) refuse(kind_, fmt::format("'{}' is not a str", name));
    return std::string(text_of(o));
  }
  PublisherId id(Object const& o) const {
    PublisherId value{};
    if (o.type != msgpack::type::BIN || o.via.bin.size != value.size())
      refuse(kind_, "'id' is not a bin of 16 bytes");
    std::copy_n(reinterpret_cast<std::byte const*>(o.via.bin.ptr), value.size(), value.begin());
    return value;
  }
  /// Calls `each(row)` with the rows of an array of arrays, each at least `width` wide.
  template <class Each>
  void rows(std::uint32_t index, std::string_view name, std::uint32_t width, Each const& each) const {
    auto const& list = at(index, name);
    if (list.type != msgpack::type::ARRAY) refuse(kind_, fmt::format("'{}' is not an array", name));
    for (auto const& row : list.via.array) {
      if (row.type != msgpack::type::ARRAY || row.via.array.size < width)
        refuse(kind_, fmt::format("an element of '{}' is not an array of {}", name, width));
      each(row.via.array.ptr);
    }
  }
  Pairs pairs(std::uint32_t index, std::string_view name) const {
    Pairs list;
    rows(index, name, 2,
         [&](Object const* row) { list.emplace_back(number(row[0], "stream"), number(row[1], name)); });
    return list;
  }
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

Control read_hello(Reader const& in) {
  Hello m;
  m.version = in.number(1, "version");
  if (m.version != wire::kVersion)
    return m;  // the rest may mean anything; the receiver answers with an error
  auto const& publisher = in.at(2, "publisher");
  if (publisher.type != msgpack::type::ARRAY) refuse("hello", "'publisher' is not an array");
  Reader const p("hello", publisher.via.array);
  m.publisher = {p.id(0), p.text(1, "host"), p.number(2, "pid"), p.text(3, "process"),
                 p.integer(p.at(4, "started"), "started")};
  in.rows(3, "streams", 3, [&](Object const* row) {
    m.streams.push_back({in.number(row[0], "stream"), in.number(row[1], "base"), in.number(row[2], "next")});
  });
  return m;
}

Control read_welcome(Reader const& in) {
  Welcome m;
  m.version = in.number(1, "version");
  if (m.version != wire::kVersion) return m;
  m.epoch = in.number(2, "epoch");
  m.window = in.number(3, "window");
  m.levels = in.text(4, "levels");
  m.streams = in.states(5);
  if (auto const* const features = in.optional(6); features != nullptr && features->type == msgpack::type::MAP) {
    for (auto const& [key, value] : features->via.map) {
      if (text_of(key) == "forward") m.forward = in.number(value, "forward");
    }
  }
  return m;
}

Control read_info(Reader const& in) {
  Info m;
  auto const& map = in.at(1, "info");
  if (map.type != msgpack::type::MAP) refuse("info", "'info' is not a map");
  for (auto const& [key, value] : map.via.map) {
    auto const name = text_of(key);
    if (name == "version") m.version = in.number(value, name);
    if (name == "epoch") m.epoch = in.number(value, name);
    if (name == "host") m.host = in.text(value, name);
    if (name == "pid") m.pid = in.number(value, name);
    if (name == "database") m.database = in.text(value, name);
    if (name == "last_id") m.last_id = in.integer(value, name);
  }
  return m;
}

Control read(std::string_view kind, msgpack::object_array const& elements) {
  Reader const in(kind, elements);
  if (kind == "hello") return read_hello(in);
  if (kind == "flush") return Flush{in.number(1, "token")};
  if (kind == "bye") return Bye{in.id(1), elements.size > 2 ? in.pairs(2, "last") : Pairs{}};
  if (kind == "welcome") return read_welcome(in);
  if (kind == "ack") return Ack{in.number(1, "epoch"), in.number(2, "window"), in.states(3)};
  if (kind == "resend") return Resend{in.number(1, "epoch"), in.pairs(2, "expected")};
  if (kind == "levels") return Levels{in.text(1, "rules")};
  if (kind == "flushed") return Flushed{in.number(1, "token")};
  if (kind == "error") return Error{in.text(1, "text")};
  // Question and answer share the kind: the question has no second element.
  if (kind == "info" && elements.size == 1) return InfoRequest{};
  if (kind == "info") return read_info(in);
  return Unknown{std::string(kind.substr(0, 64))};
}

}  // namespace

std::vector<std::byte> encode(Control const& message) { return std::visit(Encoder{}, message); }

Control decode(std::span<std::byte const> frame) {
  if (frame.size() > wire::kMaxControl)
    refuse("?", fmt::format("{} bytes, at most {} are taken", frame.size(), wire::kMaxControl));
  try {
    std::size_t used = 0;
    // References into the frame: texts are copied once, into the struct.
    auto const by_reference = [](msgpack::type::object_type, std::size_t, void*) { return true; };
    msgpack::unpack_limit const limit(kMaxElements, kMaxElements, wire::kMaxControl, wire::kMaxControl,
                                      wire::kMaxControl, kDepth);
    auto const handle = msgpack::unpack(reinterpret_cast<char const*>(frame.data()), frame.size(), used,
                                        by_reference, nullptr, limit);
    if (used != frame.size()) refuse("?", "bytes follow the message");
    auto const& message = handle.get();
    if (message.type != msgpack::type::ARRAY || message.via.array.size == 0)
      refuse("?", "not a msgpack array that begins with its kind");
    auto const& kind = message.via.array.ptr[0];
    if (kind.type != msgpack::type::STR) refuse("?", "the kind is not a str");
    return read(text_of(kind), message.via.array);
  } catch (msgpack::unpack_error const& error) {
    refuse("?", fmt::format("not valid msgpack ({})", error.what()));
  }
}

}  // namespace logboom::delivery
