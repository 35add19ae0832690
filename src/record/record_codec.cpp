// msgpack and JSON into values, and back: see record_codec.hpp. The live maps are in live_codec.cpp.
#include "record/record_codec.hpp"

#include "record/value_builder.hpp"
#include "record/value_events.hpp"

#include <msgpack.hpp>
#include <nlohmann/json.hpp>

#include <bit>

namespace logboom {
namespace {

// nlohmann's SAX interface: its names and its bools are given.
class JsonEvents {
 public:
  explicit JsonEvents(ValueBuilder& builder) : builder_(builder) {}

  bool null() { return add({}); }
  bool boolean(bool value) { return add(Value(value)); }
  bool number_integer(std::int64_t value) { return add(Value(value)); }
  bool number_unsigned(std::uint64_t value) { return add(integer_value(value)); }
  bool number_float(double value, std::string const&) { return add(Value(value)); }
  bool string(std::string& text) { return add(Value(std::move(text))); }
  bool binary(std::vector<std::uint8_t>&) { return false; }
  bool start_object(std::size_t) {
    builder_.begin_map();
    return true;
  }
  bool key(std::string& name) {
    builder_.begin_key();
    builder_.add(Value(std::move(name)));
    builder_.end_key();
    return true;
  }
  bool end_object() { return end(); }
  bool start_array(std::size_t) {
    builder_.begin_array();
    return true;
  }
  bool end_array() { return end(); }
  bool parse_error(std::size_t at, std::string const&, nlohmann::detail::exception const&) {
    builder_.refuse(fmt::format("not JSON at byte {}", at));
  }

 private:
  bool add(Value value) {
    builder_.add(std::move(value));
    return true;
  }
  bool end() {
    builder_.end();
    return true;
  }

  ValueBuilder& builder_;
};

void check_size(ValueBuilder const& builder, std::size_t size) {
  if (size > kMaxLiveFrame)
    builder.refuse(fmt::format("{} bytes; at most {} are taken", size, kMaxLiveFrame));
}

Value decode(std::string_view what, std::string_view msgpack) {
  ValueBuilder builder(what);
  check_size(builder, msgpack.size());
  if (msgpack.empty()) builder.refuse("it is empty");
  MsgpackEvents events(builder);
  std::size_t end = 0;
  (void)msgpack::parse(msgpack.data(), msgpack.size(), end, events);
  if (end != msgpack.size()) builder.refuse(fmt::format("{} bytes after its end", msgpack.size() - end));
  return builder.take();
}

// Is msgpack::packer's stream, and knows what the packer does not: that 1.0 is no integer.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out), packer_(*this) {}
  Writer(Writer const&) = delete;
  Writer& operator=(Writer const&) = delete;

  void write(char const* bytes, std::size_t size) { out_.append(bytes, size); }

  void put(Fields const& fields) {
    packer_.pack_map(static_cast<std::uint32_t>(fields.size()));
    for (auto const& [key, value] : fields) {
      put_text(key);
      put(value);
    }
  }

  void put(Value const& value) {
    std::visit([this](auto const& data) { put_data(data); }, value.data());
  }

 private:
  void put_data(std::nullptr_t) { packer_.pack_nil(); }
  void put_data(bool truth) { truth ? packer_.pack_true() : packer_.pack_false(); }
  void put_data(std::int64_t number) { packer_.pack_int64(number); }
  void put_data(std::uint64_t number) { packer_.pack_uint64(number); }
  void put_data(double number) {
    out_ += '\xcb';
    auto const bits = std::bit_cast<std::uint64_t>(number);
    for (unsigned shift = 64; shift > 0; shift -= 8) out_ += static_cast<char>((bits >> (shift - 8)) & 0xffU);
  }
  void put_data(std::string const& text) { put_text(text); }
  void put_data(Value::Bytes const& bytes) {
    packer_.pack_bin(static_cast<std::uint32_t>(bytes.size()));
    packer_.pack_bin_body(reinterpret_cast<char const*>(bytes.data()),
                          static_cast<std::uint32_t>(bytes.size()));
  }
  void put_data(Value::Array const& array) {
    packer_.pack_array(static_cast<std::uint32_t>(array.size()));
    for (Value const& item : array) put(item);
  }
  void put_data(Value::Map const& map) { put(map); }

  void put_text(std::string_view text) {
    packer_.pack_str(static_cast<std::uint32_t>(text.size()));
    packer_.pack_str_body(text.data(), static_cast<std::uint32_t>(text.size()));
  }

  std::string& out_;
  msgpack::packer<Writer> packer_;
};

}  // namespace

Value decode_value(std::string_view msgpack) { return decode("value", msgpack); }

Fields decode_fields(std::string_view msgpack_map) {
  Value value = decode("fields", msgpack_map);
  auto* const map = std::get_if<Value::Map>(&value.data());
  if (map == nullptr) throw wire::FrameError("fields: not a map");
  return std::move(*map);
}

Fields parse_fields_json(std::string_view json_object) {
  if (json_object.empty()) return {};
  ValueBuilder builder("fields");
  check_size(builder, json_object.size());
  JsonEvents events(builder);
  (void)nlohmann::json::sax_parse(json_object, &events);
  Value value = builder.take();
  auto* const map = std::get_if<Value::Map>(&value.data());
  if (map == nullptr) builder.refuse("not a JSON object");
  return std::move(*map);
}

void encode_value(Value const& value, std::string& out) { Writer(out).put(value); }
void encode_fields(Fields const& fields, std::string& out) { Writer(out).put(fields); }

}  // namespace logboom
