// The log call itself: one out-of-line function for each list of value types, which encodes straight into the thread's ring.
// Hot path: must not lock, allocate or call the system.
#pragma once

#include <logboom/detail/attributes.hpp>
#include <logboom/detail/call_site.hpp>
#include <logboom/detail/clock.hpp>
#include <logboom/detail/encode.hpp>
#include <logboom/detail/ring.hpp>
#include <logboom/field.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace logboom::detail {

inline constexpr std::size_t kLongestRecord = kMaxFrame - sizeof(FrameHeader);
inline constexpr std::size_t kMaxCallFields = 64;

template <class V>
std::size_t room(Field<V> const& field) noexcept {
  return room(field.name) + room(field.value);
}
template <class V>
std::size_t text_size(Field<V> const& field) noexcept {
  return text_size(field.value);
}

template <class V>
std::byte* put_argument(std::byte* at, V const& value, std::size_t limit) noexcept {
  if constexpr (kIsField<V>) {
    return at;
  } else {
    return put(at, value, limit);
  }
}
template <class V>
std::byte* put_field(std::byte* at, V const& value, std::size_t limit) noexcept {
  if constexpr (kIsField<V>) {
    return put(put(at, value.name, kNoLimit), value.value, limit);
  } else {
    return at;
  }
}

/// Bit i: argument i is text that fmt has made with its spec.
template <class... Values>
consteval std::uint64_t rendered_mask() {
  std::uint64_t mask = 0, bit = 1;
  ((mask |= kIsRendered<Values> ? bit : 0, bit <<= 1U), ...);
  return mask;
}

template <class Attributes, class... Values>
[[gnu::cold, gnu::noinline]] std::size_t limit_texts(std::size_t excess, Attributes const& attributes,
                                                     Values const&... values) noexcept {
  std::size_t const lengths[] = {attributes.text_size(), text_size(values)...};
  return text_limit(lengths, sizeof...(Values) + 1, excess);
}

/// A level that passed, with checked arguments: the record is in the ring, or counted as dropped, when this returns.
template <class Attributes, class... Values>
[[gnu::noinline]] void write(LoggerNode const& logger, CallSite& site, Attributes attributes,
                             Values... values) noexcept {
  constexpr std::size_t kFields = (std::size_t{0} + ... + std::size_t{kIsField<Values>});
  constexpr std::size_t kArguments = sizeof...(Values) - kFields;
  static_assert(kFields <= kMaxCallFields, "logboom: a log call takes at most 64 fields");

  ContextBuffer const* const context = thread_state.context;
  std::size_t size = record_layout::kHeaderSize + 3 + (kFields > 0 ? 3 : 0) + attributes.size() +
                     (std::size_t{0} + ... + room(values));
  if (context != nullptr) size += 3U + context->size;
  std::size_t limit = kNoLimit;
  if (size > kLongestRecord) [[unlikely]] {
    limit = limit_texts(size - kLongestRecord, attributes, values...);
    size = kLongestRecord;
  }

  Producer* producer = thread_state.producer;
  std::uint32_t id = site.id.load_acquire();
  std::byte* payload = nullptr;
  if (producer->publisher == logger.live.load_relaxed() && id != 0) [[likely]] {
    payload = reserve(producer->ring, size);
  }
  if (payload == nullptr) [[unlikely]] {
    Place const place = find_place(logger, site, rendered_mask<Values...>(), size);
    if (place.payload == nullptr) return;
    producer = place.producer;
    payload = place.payload;
    id = place.site;
  }

  unsigned const elements = Attributes::kAny ? 6 : kFields > 0 || context != nullptr ? 5 : 4;
  record_layout::store_header(payload, elements, ticks(), id, logger.id);
  std::byte* at = put_array_header(payload + record_layout::kHeaderSize, kArguments);
  ((at = put_argument(at, values, limit)), ...);
  if (kFields > 0 || context != nullptr) {
    at = put_map_header(at, kFields + (context != nullptr ? context->count : 0));
    ((at = put_field(at, values, limit)), ...);
    if (context != nullptr) {
      std::memcpy(at, context->bytes, context->size);
      at += context->size;
    }
  } else if (Attributes::kAny) {
    at = put8(at, record_layout::kNil);
  }
  at = attributes.put(at, limit);
  commit(producer->ring, static_cast<std::size_t>(at - payload));
  if (producer->shared) [[unlikely]]
    release_shared(*producer);
}

}  // namespace logboom::detail
