// From an argument to the value that goes into the record: fixed-width scalars, views of texts, text made at the call.
// Must not know templates, rings or loggers.
#pragma once

#include <logboom/detail/argument_kind.hpp>
#include <logboom/export.hpp>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace logboom::detail {

struct Character {
  char value;
};
struct Pointer {
  std::uint64_t address;
};
struct Nanoseconds {
  std::int64_t count;
};
struct Timestamp {
  std::int64_t seconds;
  std::uint32_t nanoseconds;
};
/// Text that fmt has made of an argument with its spec.
struct Rendered {
  std::string_view text;
};
template <class V>
struct Maybe {
  bool present;
  V value;
};

LOGBOOM_API std::string error_code_text(char const* category, int value, std::string (*message)(void const*),
                                        void const* error) noexcept;

/// Keeps the text that fmt makes of an argument, while the log call runs: 256 bytes in place, more on the heap. An exception's text takes the place of one that cannot be made.
class FormattedText {
 public:
  template <class T>
  FormattedText(T const& value, std::string_view spec) noexcept {
    assign(value, spec);
  }
  FormattedText() noexcept {}  // NOLINT(modernize-use-equals-default): leaves the bytes as they are
  FormattedText(FormattedText const&) = delete;
  FormattedText& operator=(FormattedText const&) = delete;
  ~FormattedText() { delete[] heap_; }

  /// Once.
  template <class T>
  void assign(T const& value, std::string_view spec) noexcept {
    format(spec, fmt::make_format_args(value));
  }
  Rendered view() const noexcept { return {{heap_ != nullptr ? heap_ : inline_, size_}}; }

 private:
  LOGBOOM_API void format(std::string_view spec, fmt::format_args arguments) noexcept;

  char inline_[256];
  char* heap_ = nullptr;
  std::size_t size_ = 0;
};

inline constexpr std::int64_t kMaxCount = 9'223'372'036'854'775'807;
inline constexpr std::int64_t kMinCount = -kMaxCount - 1;

/// In nanoseconds; what does not fit is the nearest that does, a NaN is 0.
template <class Duration>
constexpr std::int64_t to_nanoseconds(Duration const& duration) noexcept {
  using Period = typename Duration::period;
  if constexpr (std::is_floating_point_v<typename Duration::rep>) {
    long double const count =
        static_cast<long double>(duration.count()) * Period::num * 1'000'000'000 / Period::den;
    if (count != count) return 0;
    if (count >= 9223372036854775807.0L) return kMaxCount;
    if (count <= -9223372036854775808.0L) return kMinCount;
    return static_cast<std::int64_t>(count);
  } else {
    __extension__ using Wide = __int128;
    Wide const count = static_cast<Wide>(duration.count()) * Period::num * 1'000'000'000 / Period::den;
    if (count > kMaxCount) return kMaxCount;
    if (count < kMinCount) return kMinCount;
    return static_cast<std::int64_t>(count);
  }
}

template <class TimePoint>
concept SystemTime = requires(typename TimePoint::clock clock, TimePoint const& time) {
  clock.to_time_t(time);
}
|| requires(typename TimePoint::clock clock) { clock.to_time_t(clock.now()); };

/// Seconds and nanoseconds apart, so that the years beyond 2262 fit.
template <class Duration>
constexpr Timestamp to_timestamp(Duration const& since_epoch) noexcept {
  using Period = typename Duration::period;
  if constexpr (std::is_floating_point_v<typename Duration::rep>) {
    std::int64_t const count = to_nanoseconds(since_epoch);
    std::int64_t const part = count % 1'000'000'000;
    return {count / 1'000'000'000 - (part < 0 ? 1 : 0),
            static_cast<std::uint32_t>(part < 0 ? part + 1'000'000'000 : part)};
  } else {
    __extension__ using Wide = __int128;
    Wide const ticks = static_cast<Wide>(since_epoch.count()) * Period::num;
    Wide seconds = ticks / Period::den;
    Wide rest = ticks % Period::den;
    if (rest < 0) {
      rest += Period::den;
      --seconds;
    }
    return {static_cast<std::int64_t>(seconds), static_cast<std::uint32_t>(rest * 1'000'000'000 / Period::den)};
  }
}

inline std::string_view array_text(char const* text, std::size_t size) noexcept {
  return {text, ::strnlen(text, size)};
}
inline std::string_view pointer_text(char const* text) noexcept {
  return text != nullptr ? std::string_view(text) : std::string_view("(null)");
}

template <class T>
std::string error_text(T const& error) noexcept {
  return error_code_text(
      error.category().name(), error.value(),
      [](void const* e) { return static_cast<T const*>(e)->message(); }, &error);
}

template <class T>
std::uint64_t address_of(T const& pointer) noexcept {
  if constexpr (std::is_null_pointer_v<T>) {
    return 0;
  } else if constexpr (std::is_function_v<T>) {
    return reinterpret_cast<std::uintptr_t>(&pointer);
  } else {
    return reinterpret_cast<std::uintptr_t>(pointer);
  }
}

template <class T>
auto time_value(T const& time) noexcept {
  using Clock = typename T::clock;
  if constexpr (SystemTime<T>) {
    return to_timestamp(time.time_since_epoch());
  } else if constexpr (requires { Clock::to_sys(time); }) {
    return to_timestamp(Clock::to_sys(time).time_since_epoch());
  } else {
    return Nanoseconds{to_nanoseconds(time.time_since_epoch())};
  }
}

template <class Optional>
auto prepare_optional(Optional const& value, std::string_view spec) noexcept;

/// What an argument becomes before it is passed on; owns the text if there must be one. `spec` is for what fmt formats.
template <class T>
auto prepare(T const& value, std::string_view spec) noexcept {
  constexpr Kind kKindOf = kKind<T>;
  static_assert(kKindOf != Kind::kUnsupported,
                "logboom: an argument of this type cannot be logged; give it a fmt::formatter (or include "
                "the fmt header that has one, "
                "such as fmt/ranges.h)");
  using Type = std::remove_cvref_t<T>;
  if constexpr (kKindOf == Kind::kBool) {
    return static_cast<bool>(value);
  } else if constexpr (kKindOf == Kind::kCharacter) {
    return Character{value};
  } else if constexpr (kKindOf == Kind::kSigned || (kKindOf == Kind::kUnsigned && sizeof(Type) < 8)) {
    return static_cast<std::int64_t>(value);
  } else if constexpr (kKindOf == Kind::kUnsigned) {
    return static_cast<std::uint64_t>(value);
  } else if constexpr (kKindOf == Kind::kFloat || kKindOf == Kind::kDouble) {
    return static_cast<Type>(value);
  } else if constexpr (kKindOf == Kind::kEnum) {
    return prepare(static_cast<std::conditional_t<std::is_same_v<std::underlying_type_t<Type>, char>,
                                                  signed char, std::underlying_type_t<Type>>>(value),
                   spec);
  } else if constexpr (kKindOf == Kind::kText) {
    return static_cast<std::string_view>(value);
  } else if constexpr (kKindOf == Kind::kTextPointer) {
    return pointer_text(const_cast<char const*>(value));
  } else if constexpr (kKindOf == Kind::kTextArray) {
    return array_text(const_cast<char const*>(value), sizeof(Type));
  } else if constexpr (kKindOf == Kind::kUtf8) {
    std::u8string_view const text = value;
    return std::string_view(reinterpret_cast<char const*>(text.data()), text.size());
  } else if constexpr (kKindOf == Kind::kPath) {
    return std::string_view(value.native());
  } else if constexpr (kKindOf == Kind::kErrorCode) {
    return error_text(value);
  } else if constexpr (kKindOf == Kind::kPointer) {
    return Pointer{address_of(value)};
  } else if constexpr (kKindOf == Kind::kDuration) {
    return Nanoseconds{to_nanoseconds(value)};
  } else if constexpr (kKindOf == Kind::kTimePoint) {
    return time_value(value);
  } else if constexpr (kKindOf == Kind::kOptional) {
    return prepare_optional(value, spec);
  } else if constexpr (kKindOf == Kind::kFormatted) {
    return FormattedText(value, spec);
  }
}

/// For types whose prepared value cannot be copied: made in place.
template <class T>
struct PreparedOptional {
  using Prepared = decltype(prepare(std::declval<T const&>(), {}));

  PreparedOptional() noexcept = default;
  template <class Optional>
  PreparedOptional(Optional const& from, std::string_view spec) noexcept {
    assign(from, spec);
  }
  template <class Optional>
  void assign(Optional const& from, std::string_view spec) noexcept {
    present = from.has_value();
    if (!present) return;
    if constexpr (requires { value.assign(*from, spec); }) {
      value.assign(*from, spec);
    } else {
      value = prepare(*from, spec);
    }
  }
  bool present = false;
  Prepared value{};
};

template <class Optional>
auto prepare_optional(Optional const& value, std::string_view spec) noexcept {
  return PreparedOptional<typename Optional::value_type>(value, spec);
}

/// What is passed to the out-of-line function: trivially copyable, and as few types as can be.
template <class V>
V const& pass(V const& value) noexcept {
  return value;
}
inline std::string_view pass(std::string const& text) noexcept { return text; }
inline Rendered pass(FormattedText const& text) noexcept { return text.view(); }
template <class T>
auto pass(PreparedOptional<T> const& optional) noexcept {
  using V = std::remove_cvref_t<decltype(pass(optional.value))>;
  return optional.present ? Maybe<V>{true, pass(optional.value)} : Maybe<V>{false, V{}};
}

template <class V>
inline constexpr bool kIsRendered = std::is_same_v<V, Rendered>;
template <class V>
inline constexpr bool kIsRendered<Maybe<V>> = kIsRendered<V>;

}  // namespace logboom::detail
