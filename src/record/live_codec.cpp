// The messages of docs/protocol.md, "Live": see record_codec.hpp. Records are decoded in live_decoder.cpp.
#include "record/record_codec.hpp"

#include <fmt/format.h>
#include <msgpack.hpp>

#include <algorithm>

namespace logboom {
namespace {

// A msgpack map of which the entries are known before their number is.
class MapWriter {
 public:
  explicit MapWriter(std::string& out) : out_(out), packer_(*this), start_(out.size()) {
    out_.append("\xde\0\0", 3);
  }
  MapWriter(MapWriter const&) = delete;
  MapWriter& operator=(MapWriter const&) = delete;

  void write(char const* bytes, std::size_t size) { out_.append(bytes, size); }  // msgpack::packer's stream

  void text(std::string_view key, std::string_view value) {
    if (value.empty()) return;
    begin(key);
    put_text(value);
  }
  void number(std::string_view key, std::uint64_t value) {
    if (value == 0) return;
    begin(key);
    packer_.pack_uint64(value);
  }
  void signed_number(std::string_view key, std::int64_t value) {
    begin(key);
    packer_.pack_int64(value);
  }
  void encoded(std::string_view key, std::string_view msgpack) {
    if (msgpack.empty()) return;
    begin(key);
    out_.append(msgpack);
  }
  void id(std::string_view key, PublisherId const& value) {
    if (value == PublisherId{}) return;
    begin(key);
    packer_.pack_bin(static_cast<std::uint32_t>(value.size()));
    packer_.pack_bin_body(reinterpret_cast<char const*>(value.data()),
                          static_cast<std::uint32_t>(value.size()));
  }
  void counters(std::string_view key, std::vector<std::pair<std::string, std::uint64_t>> const& values) {
    begin(key);
    packer_.pack_map(static_cast<std::uint32_t>(values.size()));
    for (auto const& [topic, n] : values) {
      put_text(topic);
      packer_.pack_uint64(n);
    }
  }

  void presence(LivePresence const& presence) {
    number("joined", presence.joined);
    begin("present");
    packer_.pack_uint64(presence.present);
    if (presence.settled > 0) signed_number("settled", presence.settled);
    auto const count = std::min(presence.who.size(), LivePresence::kMaxWho);
    begin("who");
    packer_.pack_array(static_cast<std::uint32_t>(count));
    for (std::size_t i = 0; i < count; ++i) {
      packer_.pack_array(2);
      put_text(presence.who[i].first);
      packer_.pack_uint64(presence.who[i].second);
    }
  }

  void finish() {
    out_[start_ + 1] = static_cast<char>(entries_ >> 8U);
    out_[start_ + 2] = static_cast<char>(entries_ & 0xffU);
  }

 private:
  void begin(std::string_view key) {
    ++entries_;
    put_text(key);
  }
  void put_text(std::string_view text) {
    packer_.pack_str(static_cast<std::uint32_t>(text.size()));
    packer_.pack_str_body(text.data(), static_cast<std::uint32_t>(text.size()));
  }

  std::string& out_;
  msgpack::packer<MapWriter> packer_;
  std::size_t start_;
  unsigned entries_ = 0;
};

[[noreturn]] void refuse(std::string_view key, std::string_view why) {
  throw wire::FrameError(fmt::format("live message: key {} {}", key, why));
}

std::uint64_t take_unsigned(std::string_view key, Value const& value) {
  if (auto const* const number = std::get_if<std::int64_t>(&value.data()); number != nullptr && *number >= 0) {
    return static_cast<std::uint64_t>(*number);
  }
  if (auto const* const number = std::get_if<std::uint64_t>(&value.data())) return *number;
  refuse(key, "is not an unsigned integer");
}

std::int64_t take_signed(std::string_view key, Value const& value) {
  if (auto const* const number = std::get_if<std::int64_t>(&value.data())) return *number;
  refuse(key, "is not an integer of 64 bits");
}

Fields take_map(std::string_view key, Value& value) {
  if (auto* const map = std::get_if<Value::Map>(&value.data())) return std::move(*map);
  refuse(key, "is not a map");
}

/// At most kMaxWho; an entry of another form is left out.
void take_who(Value const& value, LivePresence& presence) {
  auto const* const list = std::get_if<Value::Array>(&value.data());
  if (list == nullptr) refuse("who", "is not a list");
  for (auto const& one : *list) {
    auto const* const pair = std::get_if<Value::Array>(&one.data());
    if (pair == nullptr || pair->size() < 2 || presence.who.size() >= LivePresence::kMaxWho) continue;
    if (auto const* const host = std::get_if<std::string>(&pair->front().data()))
      presence.who.emplace_back(*host, take_unsigned("who", (*pair)[1]));
  }
}

std::string_view as_text(std::span<std::byte const> frame) {
  return {reinterpret_cast<char const*>(frame.data()), frame.size()};
}

}  // namespace

void live_topic(Level level, std::string_view logger, std::string& out) {
  out += static_cast<char>('0' + std::clamp(level / 10, 0, 5));
  out.append(logger.substr(0, kMaxTopic - 2));  // bytes: every record of the name has the same topic
  out += '.';
}

void encode_live(Block const& block, std::size_t index, std::uint64_t n, std::string& out) {
  Entry const& entry = block.entries[index];
  Site const& site = *block.sites[entry.site];
  Source const& source = *block.sources[entry.source];
  out.clear();
  MapWriter map(out);
  map.signed_number("id", block.first_id + static_cast<std::int64_t>(index));
  map.number("n", n);
  map.signed_number("time", entry.time);
  map.signed_number("level", site.level);
  map.text("level_name", site.level_name);
  map.text("logger", site.logger);
  map.text("message", entry.message);
  map.text("template", site.template_text);
  map.encoded("fields", entry.fields_msgpack);
  map.encoded("attributes", entry.attributes_msgpack);
  map.text("host", source.host);
  map.text("process", source.process);
  map.number("pid", source.pid);
  if (source.started != 0) map.signed_number("started", source.started);
  map.text("thread", source.thread);
  map.number("tid", source.tid);
  map.text("file", site.file);
  map.number("line", site.line);
  map.text("function", site.function);
  map.text("exception_type", entry.exception_type);
  map.text("exception", entry.exception);
  map.text("stack", entry.stack);
  map.text("task", entry.task);
  map.id("publisher", source.publisher);
  map.number("stream", source.stream);
  map.number("sequence", entry.sequence);
  map.finish();
}

void encode_counters(LiveCounters const& counters, std::string& out) {
  out.clear();
  MapWriter map(out);
  map.number("epoch", counters.epoch);
  if (counters.since != 0) map.signed_number("since", counters.since);
  map.signed_number("id", counters.id);
  map.counters("counters", counters.counters);
  if (counters.presence) map.presence(*counters.presence);
  if (counters.wants_missed) map.number("missed", 1);
  map.finish();
}

LiveCounters decode_counters(std::span<std::byte const> frame) {
  LiveCounters result;
  LivePresence presence;
  bool said = false;
  for (auto& [key, value] : decode_fields(as_text(frame))) {
    if (key == "joined") presence.joined = take_unsigned(key, value);
    if (key == "settled") presence.settled = take_signed(key, value);
    if (key == "who") take_who(value, presence);
    if (key == "present") {
      presence.present = take_unsigned(key, value);
      said = true;
    }
    if (key == "missed") result.wants_missed = take_unsigned(key, value) != 0;
    if (key == "epoch") result.epoch = take_unsigned(key, value);
    if (key == "since") result.since = take_signed(key, value);
    if (key == "id") result.id = take_signed(key, value);
    if (key != "counters") continue;
    Fields topics = take_map(key, value);
    if (topics.size() > kMaxSyncCounters)
      refuse(key, fmt::format("has more than {} topics", kMaxSyncCounters));
    for (auto& [topic, number] : topics) result.counters.emplace_back(topic, take_unsigned(topic, number));
  }
  if (said) result.presence = std::move(presence);
  return result;
}

}  // namespace logboom
