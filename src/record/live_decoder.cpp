// A live record, decoded straight into its members: what a viewer spends most of its time with. Must not know where the bytes come from.
#include "record/record_codec.hpp"
#include "record/value_builder.hpp"
#include "record/value_events.hpp"

#include <fmt/format.h>
#include <msgpack.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace logboom {
namespace {

enum class Special { kNumber, kLevel, kLine, kFields, kAttributes, kPublisher };
using Member = std::variant<std::string Record::*, std::uint64_t Record::*, std::int64_t Record::*, Special>;
struct Slot {
  std::string_view key;
  Member member;
};

// In the order in which encode_live() writes them: the next key is nearly always the next slot.
constexpr std::array kSlots{Slot{"id", &Record::id},
                            Slot{"n", Special::kNumber},
                            Slot{"time", &Record::time},
                            Slot{"level", Special::kLevel},
                            Slot{"level_name", &Record::level_name},
                            Slot{"logger", &Record::logger},
                            Slot{"message", &Record::message},
                            Slot{"template", &Record::template_text},
                            Slot{"fields", Special::kFields},
                            Slot{"attributes", Special::kAttributes},
                            Slot{"host", &Record::host},
                            Slot{"process", &Record::process},
                            Slot{"pid", &Record::pid},
                            Slot{"started", &Record::process_started},
                            Slot{"thread", &Record::thread},
                            Slot{"tid", &Record::tid},
                            Slot{"file", &Record::file},
                            Slot{"line", Special::kLine},
                            Slot{"function", &Record::function},
                            Slot{"exception_type", &Record::exception_type},
                            Slot{"exception", &Record::exception},
                            Slot{"stack", &Record::stack},
                            Slot{"task", &Record::task},
                            Slot{"publisher", Special::kPublisher},
                            Slot{"stream", &Record::stream},
                            Slot{"sequence", &Record::sequence}};

[[noreturn]] void refuse(std::string_view why) {
  throw wire::FrameError(fmt::format("live record: {}", why));
}

[[noreturn]] void refuse(Slot const& slot, std::string_view why) {
  refuse(fmt::format("key {} {}", slot.key, why));
}

template <typename Narrow>
Narrow narrowed(Slot const& slot, std::int64_t number) {
  if (number > std::numeric_limits<Narrow>::max() || number < std::numeric_limits<Narrow>::min())
    refuse(slot, "is out of range");
  return static_cast<Narrow>(number);
}

/// msgpack-c's visitor: its names and its bools are given. Values of the map itself go into the record; what is in containers goes through a ValueBuilder.
class RecordEvents : public msgpack::null_visitor {
 public:
  RecordEvents() : builder_("live record"), values_(builder_) {}

  Record take() { return std::move(record_); }
  std::uint64_t n() const noexcept { return n_; }

  bool visit_nil() { return inside() ? values_.visit_nil() : other("is nil"); }
  bool visit_boolean(bool value) { return inside() ? values_.visit_boolean(value) : other("is a bool"); }
  bool visit_positive_integer(std::uint64_t value) {
    if (inside()) return values_.visit_positive_integer(value);
    Slot const* const slot = scalar();
    if (slot == nullptr) return true;
    if (auto const* const member = std::get_if<std::uint64_t Record::*>(&slot->member)) {
      record_.*(*member) = value;
      return true;
    }
    if (slot->member == Member(Special::kNumber)) {
      n_ = value;
      return true;
    }
    constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (value > kMost) refuse(*slot, "is not an integer of 64 bits");
    return signed_number(*slot, static_cast<std::int64_t>(value));
  }
  bool visit_negative_integer(std::int64_t value) {
    if (inside()) return values_.visit_negative_integer(value);
    Slot const* const slot = scalar();
    return slot == nullptr || signed_number(*slot, value);
  }
  bool visit_float32(float value) { return inside() ? values_.visit_float32(value) : other("is a float"); }
  bool visit_float64(double value) { return inside() ? values_.visit_float64(value) : other("is a float"); }
  bool visit_str(char const* text, std::uint32_t size) {
    if (inside()) return values_.visit_str(text, size);
    if (in_key_) {
      slot_ = find({text, size});
      return true;
    }
    Slot const* const slot = scalar();
    if (slot == nullptr) return true;
    auto const* const member = std::get_if<std::string Record::*>(&slot->member);
    if (member == nullptr) refuse(*slot, "is text");
    std::string_view const given(text, size);
    std::string& kept = record_.*(*member);
    kept.clear();
    if (is_utf8(given)) {
      kept = given;
    } else {
      append_valid_utf8(given, kept);
    }
    return true;
  }
  bool visit_bin(char const* bytes, std::uint32_t size) {
    if (inside()) return values_.visit_bin(bytes, size);
    Slot const* const slot = scalar();
    if (slot == nullptr) return true;
    if (slot->member != Member(Special::kPublisher) || size != record_.publisher.size())
      refuse(*slot, "is bytes, or too many or too few of them");
    std::copy_n(reinterpret_cast<std::byte const*>(bytes), size, record_.publisher.begin());
    return true;
  }
  bool visit_ext(char const* typed, std::uint32_t size) {
    return inside() ? values_.visit_ext(typed, size) : other("is an extension");
  }

  bool start_array(std::uint32_t size) {
    if (depth_ == 0) refuse("it is no map");
    ++depth_;
    return values_.start_array(size);
  }
  bool start_map(std::uint32_t size) {
    if (depth_++ == 0) return true;
    return values_.start_map(size);
  }
  bool start_map_key() {
    if (inside()) return values_.start_map_key();
    in_key_ = true;
    slot_ = nullptr;  // of a key that is no text
    return true;
  }
  bool end_map_key() {
    if (inside()) return values_.end_map_key();
    in_key_ = false;
    return true;
  }
  bool end_array() { return end(); }
  bool end_map() { return end(); }

  void parse_error(std::size_t at, std::size_t) const { refuse(fmt::format("not msgpack at byte {}", at)); }
  void insufficient_bytes(std::size_t, std::size_t) const { refuse("it ends in the middle of a value"); }

 private:
  bool inside() const noexcept { return depth_ > 1; }

  Slot const* find(std::string_view key) {
    for (std::size_t i = 0; i < kSlots.size(); ++i) {
      std::size_t const at = (next_ + i) % kSlots.size();
      if (kSlots[at].key != key) continue;
      next_ = at + 1;
      return &kSlots[at];
    }
    return nullptr;
  }

  /// Where a scalar of the map goes; nullptr: nowhere.
  Slot const* scalar() {
    if (depth_ == 0) refuse("it is no map");
    if (++scalars_ > kMaxLiveValues) refuse(fmt::format("more than {} values", kMaxLiveValues));
    return in_key_ ? nullptr : slot_;
  }
  bool other(char const* what) {
    if (Slot const* const slot = scalar()) refuse(*slot, what);
    return true;
  }

  bool signed_number(Slot const& slot, std::int64_t value) {
    if (auto const* const member = std::get_if<std::int64_t Record::*>(&slot.member)) {
      record_.*(*member) = value;
    } else if (slot.member == Member(Special::kLevel)) {
      record_.level = narrowed<Level>(slot, value);
    } else if (slot.member == Member(Special::kLine)) {
      record_.line = narrowed<std::uint32_t>(slot, value);
    } else {
      refuse(slot, "is a number, or negative");
    }
    return true;
  }

  bool end() {
    if (--depth_ == 0) return true;
    values_.end_map();
    if (inside()) return true;
    Value value = builder_.take();
    if (in_key_ || slot_ == nullptr) return true;
    auto* const map = std::get_if<Value::Map>(&value.data());
    if (map != nullptr && slot_->member == Member(Special::kFields)) {
      record_.fields = std::move(*map);
    } else if (map != nullptr && slot_->member == Member(Special::kAttributes)) {
      record_.attributes = std::move(*map);
    } else {
      refuse(*slot_, "is a map or a list");
    }
    return true;
  }

  ValueBuilder builder_;
  MsgpackEvents values_;
  Record record_;
  std::uint64_t n_ = 0;
  Slot const* slot_ = nullptr;  // of the key that was read last
  std::size_t next_ = 0;
  std::size_t scalars_ = 0;
  std::size_t depth_ = 0;  // 1: in the map itself
  bool in_key_ = false;
};

}  // namespace

Record decode_live(std::span<std::byte const> frame, std::uint64_t* n) {
  if (frame.empty()) refuse("it is empty");
  if (frame.size() > kMaxLiveFrame)
    refuse(fmt::format("{} bytes; at most {} are taken", frame.size(), kMaxLiveFrame));
  RecordEvents events;
  std::size_t end = 0;
  (void)msgpack::parse(reinterpret_cast<char const*>(frame.data()), frame.size(), end, events);
  if (end != frame.size()) refuse(fmt::format("{} bytes after its end", frame.size() - end));
  if (n != nullptr) *n = events.n();
  return events.take();
}

}  // namespace logboom
