"""Python object → stored value and types → Python object."""

import collections
import dataclasses
import datetime
import decimal
import enum
import math
import pathlib
import uuid

import pytest
from logboom import _core


class Colour(enum.Enum):
    RED = 1
    PAIR = (1, 2)


class Number(enum.IntEnum):
    ONE = 1


@dataclasses.dataclass
class Point:
    x: int
    y: datetime.date


Pair = collections.namedtuple("Pair", "a b")

SAME = [
    None, True, False, 0, -1, 2**63 - 1, -2**63, 2**64 - 1, 2**64, -2**63 - 1, 10**300, -10**4299, 0.0, -0.5, 1e300,
    math.inf, -math.inf, "", "text", "grüße 🎉", [], [1, [2, "x"]], {}, {"a": {"b": [1]}},
    b"", b"a\\b\x00\xff\n", bytearray(b"x\x80"), (), (1, (2, "x")), {1, 2}, frozenset({"a"}), collections.deque([1, 2]),
    datetime.datetime(2026, 11, 20, 1, 2, 3, 4), datetime.datetime(2026, 11, 20, tzinfo=datetime.timezone.utc),
    datetime.date(2026, 11, 20), datetime.time(1, 2, 3, 999999), datetime.timedelta(days=-3, microseconds=7),
    datetime.timedelta(days=400, seconds=3661), datetime.timedelta(0), datetime.timedelta(microseconds=999999),
    decimal.Decimal("1.10"), uuid.UUID(int=5), 1 - 2j, pathlib.Path("/tmp/x"),
    Colour.RED, Colour.PAIR, Number.ONE, collections.OrderedDict(a=1), collections.defaultdict(int, a=1),
    {1: "a", (1, 2): {3: 4}}, {"a/b~c": (1,)}, [(1, {2}), datetime.date(2026, 1, 1)],
]


@pytest.mark.parametrize("value", SAME, ids=lambda v: type(v).__name__)
def test_comes_back_as_it_was(value):
    back, _, _ = _core.round_trip(value)
    assert back == value and type(back) is type(value)


def test_nan_comes_back():
    assert math.isnan(_core.round_trip(math.nan)[0])


@pytest.mark.parametrize("value, plain, types", [
    ("a\udc80b", "a\\udc80b", {}),
    (2**64, "18446744073709551616", {"/fields/value": "int"}),
    (1 << 16609, "<int of 16610 bits>", {}),
    (b"a\tb\\\xff", "a\\x09b\\\\\\xff", {"/fields/value": "bytes"}),
    ((1, {2}), [1, [2]], {"/fields/value": "tuple", "/fields/value/1": "set"}),
    ({"a/b~c": (1,)}, {"a/b~c": [1]}, {"/fields/value/a~1b~0c": "tuple"}),
    ({1: 2}, [[1, 2]], {"/fields/value": "dict"}),
    (Colour.PAIR, [1, 2], {"/fields/value": f"enum:{__name__}.Colour"}),
    (Point(1, datetime.date(2026, 1, 2)), {"x": 1, "y": "2026-01-02"},
     {"/fields/value": f"dataclass:{__name__}.Point", "/fields/value/y": "date"}),
    (Pair(1, 2), [1, 2], {"/fields/value": "tuple"}),
    (ValueError("x"), "ValueError('x')", {"/fields/value": "object:builtins.ValueError"}),
], ids=lambda v: type(v).__name__)
def test_stored_form(value, plain, types):
    _, stored, names = _core.round_trip(value)
    assert (stored, names) == (plain, types)


def test_what_raises_is_said_so():
    class Bad:
        def __repr__(self):
            raise ValueError("no")

    class NoText:
        def __repr__(self):
            return 3

    for kind in (Bad, NoText):
        stored = _core.round_trip([1, kind(), 2])[1]
        assert stored[0] == 1 and stored[2] == 2
        assert kind.__qualname__ in stored[1] and "raised" in stored[1]


def test_interrupts_are_not_swallowed():
    class Interrupted:
        def __repr__(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _core.round_trip(Interrupted())


def test_bounds():
    cycle = [1]
    cycle.append(cycle)
    assert "…" in repr(_core.round_trip(cycle)[1])
    wide = [cycle] * 10
    cycle += [wide] * 10
    assert "…" in repr(_core.round_trip(cycle)[1])
    own = {}
    own["own"] = own
    assert "…" in repr(_core.round_trip(own)[1])
    long = _core.round_trip("x" * 100_000_000)[1]
    assert len(long) < 65536 and "cut" in long
    long = _core.round_trip("ü" * 10_000_000)[1]
    assert len(long) < 65536 and "cut" in long and long.startswith("üüü")
    assert "cut" in _core.round_trip(b"\xff" * 10_000_000)[1]
    assert "…" in repr(_core.round_trip(list(range(1_000_000)))[1])
    assert "…" in repr(_core.round_trip(dict.fromkeys(map(str, range(1_000_000))))[1])
    assert "…" in repr(_core.round_trip(set(range(1_000_000)))[1])


def test_changed_while_it_is_encoded():
    class Clears:
        def __init__(self, what):
            self.what = what

        def __repr__(self):
            self.what.clear()
            return "cleared"

    some = [1, 2, 3]
    some.insert(1, Clears(some))
    assert _core.round_trip(some)[1] == [1, "cleared", None, None]
    mapping = {"a": 1, "c": 2}
    mapping["b"] = Clears(mapping)
    mapping.update({str(i): i for i in range(100)})
    assert _core.round_trip(mapping)[1]["b"] == "cleared"


def test_types_of_hostile_names_do_nothing():
    class Sly(str):
        def __str__(self):
            raise ValueError
        __repr__ = __str__

    assert _core.round_trip(Sly("sly"))[1] == "sly"
    assert _core.round_trip({Sly("k"): Sly("v")})[1] == {"k": "v"}
