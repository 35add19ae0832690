// See pickle_names.hpp.
#include "inputs/pickle_names.hpp"

#include <algorithm>
#include <array>

namespace logboom::inputs::pickle {
namespace {

struct Name {
  std::string_view module, name;
  Known known;
};

constexpr Name kNames[] = {
    {"builtins", "object", Known::kObject},
    {"builtins", "bytes", Known::kBytes},
    {"builtins", "bytearray", Known::kByteArray},
    {"builtins", "list", Known::kList},
    {"builtins", "tuple", Known::kTuple},
    {"builtins", "dict", Known::kDict},
    {"builtins", "set", Known::kSet},
    {"builtins", "frozenset", Known::kFrozenSet},
    {"builtins", "complex", Known::kComplex},
    {"builtins", "getattr", Known::kGetAttr},
    {"_codecs", "encode", Known::kEncode},
    {"copyreg", "_reconstructor", Known::kReconstructor},
    {"copyreg", "__newobj__", Known::kNewObject},
    {"copyreg", "__newobj_ex__", Known::kNewObjectEx},
    {"datetime", "datetime", Known::kDateTime},
    {"datetime", "date", Known::kDate},
    {"datetime", "time", Known::kTime},
    {"datetime", "timedelta", Known::kTimeDelta},
    {"datetime", "timezone", Known::kTimeZone},
    {"pytz", "_UTC", Known::kUtc},
    {"dateutil.tz.tz", "tzutc", Known::kUtc},
    {"pytz", "_p", Known::kPytz},
    {"zoneinfo", "ZoneInfo._unpickle", Known::kZoneInfo},
    {"decimal", "Decimal", Known::kDecimal},
    {"_pydecimal", "Decimal", Known::kDecimal},
    {"uuid", "UUID", Known::kUuid},
    {"collections", "OrderedDict", Known::kOrderedDict},
    {"collections", "deque", Known::kDeque},
    {"collections", "defaultdict", Known::kDefaultDict},
    {"pathlib", "PosixPath", Known::kPosixPath},
    {"pathlib", "PurePosixPath", Known::kPosixPath},
    {"pathlib", "WindowsPath", Known::kWindowsPath},
    {"pathlib", "PureWindowsPath", Known::kWindowsPath},
};

}  // namespace

Known known_name(std::string_view module, std::string_view name) noexcept {
  module = module_today(module);
  if (module == "pathlib._local") module = "pathlib";  // Python 3.13
  auto const* const at = std::find_if(std::begin(kNames), std::end(kNames), [&](Name const& known) {
    return known.name == name && known.module == module;
  });
  return at == std::end(kNames) ? Known::kNo : at->known;
}

std::string_view module_today(std::string_view module) noexcept {
  if (module == "__builtin__" || module == "exceptions") return "builtins";
  if (module == "copy_reg") return "copyreg";
  return module;
}

bool may_be_enum(std::string_view module, std::string_view name, bool of_text) noexcept {
  constexpr std::array<std::string_view, 6> kNoEnum{"Error", "Exception", "Warning",
                                                    "Exit",  "Interrupt", "Iteration"};
  module = module_today(module);
  if (module == "builtins") return false;
  // Popen("…") is spelled like one.
  if (of_text && module == "subprocess") return false;
  std::string_view const last = name.substr(name.rfind('.') + 1);
  if (last.empty() || last.front() < 'A' || last.front() > 'Z') return false;
  return std::none_of(kNoEnum.begin(), kNoEnum.end(),
                      [&](std::string_view end) { return last.ends_with(end); });
}

}  // namespace logboom::inputs::pickle
