// Records made at run time: encoded aside, then copied into the ring. Everything that a call site would say is an attribute here.
#include <logboom/dynamic.hpp>

#include "record/record_codec.hpp"
#include "record/utf8.hpp"

#include <logboom/detail/call_site.hpp>
#include <logboom/detail/clock.hpp>
#include <logboom/detail/encode.hpp>
#include <logboom/detail/record_layout.hpp>
#include <logboom/detail/write.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <string>

namespace logboom {
namespace {

constexpr std::size_t kExtrasLimit = 48U << 10U;  // bytes of fields and attributes

constinit detail::CallSite dynamic_site{level::kInfo, 0, "", "", ""};

/// Key and value pairs as the body of a msgpack map, up to a limit.
class Pairs {
 public:
  explicit Pairs(std::size_t limit) : limit_(limit) {}

  void add(std::string_view key, Value const& value) {
    auto const before = body_.size();
    encode_value(Value{std::string(key)}, body_);
    encode_value(value, body_);
    if (body_.size() <= limit_ && count_ < wire::kMaxFields - 1) {
      ++count_;
      return;
    }
    body_.resize(before);
    ++left_out_;
  }
  void add(Fields const& fields) {
    for (auto const& [key, value] : fields) add(key, value);
  }
  void add_raw(std::byte const* bytes, std::size_t size, std::size_t count) {
    body_.append(reinterpret_cast<char const*>(bytes), size);
    count_ += count;
  }
  void count_left_out(std::uint64_t left_out) {
    if (left_out == 0) return;
    encode_value(Value{std::string("…")}, body_);
    encode_value(Value{left_out}, body_);
    ++count_;
  }

  std::uint64_t left_out() const noexcept { return left_out_; }
  std::size_t size() const noexcept { return count_ == 0 ? 1 : 3 + body_.size(); }
  void append_to(std::string& record) const {
    if (count_ == 0) {
      record.push_back(static_cast<char>(detail::record_layout::kNil));
      return;
    }
    record.push_back(static_cast<char>(0xde));  // map 16
    record.push_back(static_cast<char>(count_ >> 8U));
    record.push_back(static_cast<char>(count_ & 0xffU));
    record += body_;
  }

 private:
  std::size_t limit_;
  std::string body_;
  std::size_t count_ = 0;
  std::uint64_t left_out_ = 0;
};

Pairs attributes_of(DynamicRecord const& record) {
  Pairs pairs(kExtrasLimit);
  auto const text = [&pairs](std::string_view key, std::string_view value) {
    if (!value.empty()) pairs.add(key, Value{std::string(value)});
  };
  if (record.level != level::kInfo) pairs.add("level", Value{std::int64_t{record.level}});
  text("level_name", record.level_name);
  if (record.time) pairs.add("time", Value{*record.time});
  text("file", record.file);
  text("function", record.function);
  if (record.line != 0) pairs.add("line", Value{std::uint64_t{record.line}});
  pairs.add(record.attributes);
  return pairs;
}

Pairs fields_of(DynamicRecord const& record, Pairs const& attributes) {
  Pairs pairs(kExtrasLimit - std::min(kExtrasLimit, attributes.size()));
  pairs.add(record.fields);
  pairs.count_left_out(pairs.left_out() + attributes.left_out());
  if (auto const* const context = detail::thread_state.context)
    pairs.add_raw(context->bytes, context->size, context->count);
  return pairs;
}

void append_message(std::string_view message, std::size_t room, std::string& record) {
  std::string cut;
  if (message.size() > room) {
    constexpr std::size_t kMark = 40;
    auto const kept = whole_prefix(message, room > kMark ? room - kMark : 0);
    cut = fmt::format("{}…[cut {} bytes]", message.substr(0, kept), message.size() - kept);
    message = cut;
  }
  record.push_back(static_cast<char>(0xdb));  // str 32
  auto const size = record.size();
  record.resize(size + 4);
  detail::record_layout::store32(reinterpret_cast<std::byte*>(record.data() + size),
                                 static_cast<std::uint32_t>(message.size()));
  record += message;
}

std::string encode(DynamicRecord const& record) {
  auto const attributes = attributes_of(record);
  auto const fields = fields_of(record, attributes);
  std::string encoded(detail::record_layout::kHeaderSize, '\0');
  encoded.push_back(static_cast<char>(0x91));  // one argument: the message
  append_message(record.message,
                 detail::kLongestRecord - encoded.size() - 5 - fields.size() - attributes.size(), encoded);
  fields.append_to(encoded);
  attributes.append_to(encoded);
  return encoded;
}

}  // namespace

bool log(Logger logger, DynamicRecord const& record) noexcept {
  if (!logger.enabled(record.level)) return false;
  try {
    auto const encoded = encode(record);
    auto const place = detail::find_place(logger.node(), dynamic_site, 0, encoded.size());
    if (place.payload == nullptr) return true;  // dropped, and counted
    std::memcpy(place.payload, encoded.data(), encoded.size());
    detail::record_layout::store_header(place.payload, 6, detail::ticks(), place.site, logger.node().id);
    detail::commit(place.producer->ring, encoded.size());
    if (place.producer->shared) detail::release_shared(*place.producer);
    return true;
  } catch (std::exception const&) {
    return false;
  }
}

}  // namespace logboom
