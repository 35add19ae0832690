// What kind of value a Python class has. Needs the GIL. Must not know how values are encoded.
#pragma once

#include <Python.h>

#include <cstdint>

namespace logboom::python {

enum class Kind : std::uint8_t {
  kText,
  kInteger,
  kFloat,
  kBytes,
  kByteArray,
  kList,
  kTuple,
  kDict,
  kOrderedDict,
  kDefaultDict,
  kSet,
  kFrozenSet,
  kDeque,
  kDatetime,
  kDate,
  kTime,
  kTimedelta,
  kDecimal,
  kUuid,
  kComplex,
  kPath,
  kEnum,
  kDataclass,
  kOther,
};

/// Looks at the class's bases alone: runs no code of the class, imports nothing. Remembered for the first thousand classes.
Kind kind_of(PyTypeObject* type);

}  // namespace logboom::python
