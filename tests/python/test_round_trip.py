"""A LogRecord by logboom.Handler, the bus and to_logging() has every attribute that it had."""

import collections
import dataclasses
import datetime
import decimal
import enum
import logging
import pathlib
import sys
import threading
import time
import uuid

import pytest

import logboom
from system_fixtures import PATIENCE, eventually

# Which attributes cannot be the same: a float of seconds has more digits than a microsecond has, and what was derived of it.
INEXACT = {"created", "msecs", "relativeCreated", "exc_info", "logboom_origin"}


class Seen(logging.Handler):
    def __init__(self):
        super().__init__()
        self.records = []

    def emit(self, record):
        self.records.append(record)


@pytest.fixture
def there_and_back(bus, monkeypatch):
    """there_and_back(log) gives the LogRecords that log() made, and what they are after the bus."""
    for name, value in bus.environment.items():
        if name.startswith(("LOGBOOM", "XDG")):
            monkeypatch.setenv(name, value)
    logger = logging.getLogger("trip")
    monkeypatch.setattr(logger, "propagate", False)
    monkeypatch.setattr(logger, "level", 1)
    logger.manager._clear_cache()

    def run(log, **options):
        with logboom.Server(bus.database, port=None, endpoint=bus.endpoint, level="trip=debug") as server:
            sent, received = Seen(), Seen()
            handler = logboom.Handler(bus.endpoint, levels="trip=1", **options)
            logger.handlers[:] = [sent, handler]
            subscriber = server.subscribe(logger="trip")
            try:
                log(logger)
                assert logboom.flush(PATIENCE)
                logger.handlers[:] = [received, handler]
                thread = threading.Thread(target=lambda: subscriber.to_logging(own=True))
                thread.start()
                eventually(lambda: len(received.records) >= len(sent.records))
                assert server.status()["records"] - len(sent.records) <= 3, "nothing went around"
            finally:
                subscriber.stop()
                thread.join(PATIENCE)
                subscriber.close()
                logger.handlers[:] = []
                handler.close()
        assert subscriber.failures == 0
        assert len(received.records) == len(sent.records)
        return list(zip(sent.records, received.records))

    return run


def assert_same(before, after):
    left = {key: value for key, value in before.__dict__.items() if key not in INEXACT}
    right = {key: value for key, value in after.__dict__.items() if key not in INEXACT}
    left.pop("message", None), left.pop("asctime", None)
    left["exc_text"] = before.exc_text or (before.exc_info and logging.Formatter().formatException(before.exc_info)) or None
    assert right == left
    assert {key: type(value) for key, value in right.items()} == {key: type(value) for key, value in left.items()}
    assert abs(after.created - before.created) <= 1e-6
    assert abs(after.msecs - before.msecs) < 1.001
    assert abs(after.relativeCreated - before.relativeCreated) < 0.01
    assert after.getMessage() == before.getMessage()
    assert logging.Formatter("%(asctime)s %(message)s").format(after) == logging.Formatter("%(asctime)s %(message)s").format(before)


def test_plain_and_with_arguments(there_and_back):
    def log(logger):
        logger.info("plain")
        logger.info("100% plain")
        logger.warning("slow: %d ms of %s %r", 312, "users", 'a"b')
        logger.error("%(a)s and %(b).2f", {"a": 1, "b": 2.5})
        logger.debug("%s", ("a tuple", 2))
        logger.critical("%s %s", None, True)
        logger.log(33, "a level without a name")
        logging.getLogger("trip.below").info("x %s", [1, {"k": None}])

    for before, after in there_and_back(log):
        assert_same(before, after)


def test_exceptions_stacks_threads_and_custom_levels(there_and_back):
    logging.addLevelName(21, "NOTICED")

    def log(logger):
        try:
            raise KeyError("gone")
        except KeyError:
            logger.exception("with %s", "a trace")
        logger.warning("where", stack_info=True)
        logger.log(21, "noticed")
        thread = threading.Thread(target=lambda: logger.info("from a thread"), name="worker ü")
        thread.start()
        thread.join()

    pairs = there_and_back(log)
    for before, after in pairs:
        assert_same(before, after)
    assert [after.levelname for _, after in pairs] == ["ERROR", "WARNING", "NOTICED", "INFO"]
    assert "KeyError: 'gone'" in pairs[0][1].exc_text and "Stack (most recent call last)" in pairs[1][1].stack_info


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Point:
    x: int
    y: float


FIELDS = {
    "text": "grün", "empty": "", "yes": True, "no": False, "none": None, "zero": 0, "negative": -(2**63), "large": 2**64 - 1, "huge": 3**200,
    "float": 1.5, "whole": 2.0, "small": 5e-324, "infinite": float("inf"), "list": [1, "a", None], "nested": {"a": {"b": [True]}},
    "bytes": b"\x00\xff\\ab\n", "bytearray": bytearray(b"x\x80"), "tuple": (1, ("a", 2)), "set": {1, 2}, "frozenset": frozenset((3, 4)),
    "deque": collections.deque([1, 2]), "moment": datetime.datetime(2026, 11, 25, 1, 2, 3, 45, tzinfo=datetime.timezone.utc),
    "naive": datetime.datetime(2026, 11, 25, 1, 2, 3), "day": datetime.date(2026, 2, 28), "clock": datetime.time(1, 2, 3, 4),
    "span": datetime.timedelta(days=-3, seconds=5, microseconds=7), "decimal": decimal.Decimal("1.10"), "uuid": uuid.UUID(int=77),
    "complex": 1 - 2j, "path": pathlib.Path("/srv/x y"), "enum": Colour.RED, "keys": {1: "a", (2, 3): "b"},
    "ordered": collections.OrderedDict(b=1, a=2), "deep": [{"when": datetime.date(2026, 1, 1)}, {"ids": {7}}], "a/b~c": (1,),
}


@pytest.mark.parametrize("name", FIELDS)
def test_types_of_fields_and_arguments(there_and_back, name):
    value = FIELDS[name]
    (before, after), = there_and_back(lambda logger: logger.info("value %s", [value], extra={name: value}))
    assert_same(before, after)


def test_what_has_no_type_of_json_or_python_is_shown(there_and_back):
    class Thing:
        def __repr__(self):
            return "<a thing>"

    (_, after), = there_and_back(lambda logger: logger.info("m", extra={"thing": Thing(), "point": Point(1, 2.5), "nan": float("nan")}))
    assert after.thing == "<a thing>"
    assert after.point in ({"x": 1, "y": 2.5}, Point(1, 2.5))
    assert after.nan != after.nan


def test_surrogates_and_nul_survive_as_text(there_and_back):
    (_, after), = there_and_back(lambda logger: logger.info("a\x00b \udc80 %s", "\udcff", extra={"raw": "\udc80\x00"}))
    assert after.getMessage() == "a\\x00b \\udc80 \\udcff"
    assert after.raw == "\\udc80\\x00"


def test_times_are_exact_to_the_microsecond(there_and_back):
    def log(logger):
        for microseconds in (0, 1, 5, 999_999, 123_456):
            record = logger.makeRecord("trip", 20, "f.py", 1, "m", (), None)
            record.created = 1_700_000_000 + microseconds / 1e6
            record.msecs = float(microseconds // 1000)
            logger.handle(record)

    for before, after in there_and_back(log):
        assert round(after.created * 1e6) == round(before.created * 1e6)
        assert after.msecs == before.msecs
