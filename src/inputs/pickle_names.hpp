// Names in pickles whose meaning is known: what stands for a value. Nothing is ever called by them. Must not know opcodes or nodes.
#pragma once

#include "inputs/pickle_graph.hpp"

#include <string_view>

namespace logboom::inputs::pickle {

enum class Known : std::uint8_t {
  kNo,
  kObject,
  kBytes,
  kByteArray,
  kList,
  kTuple,
  kDict,
  kSet,
  kFrozenSet,
  kComplex,
  kEncode,         // _codecs.encode
  kReconstructor,  // copyreg._reconstructor
  kNewObject,      // copyreg.__newobj__
  kNewObjectEx,
  kDateTime,
  kDate,
  kTime,
  kTimeDelta,
  kTimeZone,
  kUtc,       // of pytz and dateutil
  kPytz,      // pytz._p
  kZoneInfo,  // zoneinfo.ZoneInfo._unpickle
  kDecimal,
  kUuid,
  kOrderedDict,
  kDeque,
  kDefaultDict,
  kPosixPath,
  kWindowsPath,
  kGetAttr
};

/// Of Python 2 and 3 alike.
Known known_name(std::string_view module, std::string_view name) noexcept;

/// Python 2's module under Python 3's name: `__builtin__` and `exceptions` are `builtins`, `copy_reg` is `copyreg`.
std::string_view module_today(std::string_view module) noexcept;

/// Whether a call of this name with one number or text may be the member of an enum, which a pickle does not tell from other calls: a class by its
/// spelling, and no exception.
bool may_be_enum(std::string_view module, std::string_view name, bool of_text) noexcept;

}  // namespace logboom::inputs::pickle
