"""Which records: the keyword arguments that Subscriber and query() share, brought into the form of the C++ half.

The words are those of the command line: level, logger, host, process, pid, grep, where, since, until, last.
"""

import datetime
import json
import logging
import time

from . import _core


def _texts(value):
    if value is None:
        return []
    return [value] if isinstance(value, str) else [str(one) for one in value]


def _numbers(value):
    if value is None:
        return []
    return [value] if isinstance(value, int) else [int(one) for one in value]


def _level(value):
    """A number, or a name: Python's, logboom's, or one of logging.addLevelName()."""
    if isinstance(value, str):
        number = logging.getLevelName(value.upper())
        return number if isinstance(number, int) else value
    return value


def _equal_text(value):
    """A field's value as it is compared: numbers, true, false and null as JSON, texts as they are."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _where(value):
    """Texts like "step>=10", and pairs (field, value) that have to be equal."""
    if value is None:
        return [], []
    if isinstance(value, str):
        return [value], []
    if isinstance(value, dict):
        return [], [(str(field), _equal_text(wanted)) for field, wanted in value.items()]
    return [str(one) for one in value], []


def _time(value):
    """None, a text as on the command line ("15m", "2026-11-20T10:30"), or nanoseconds since 1970."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, datetime.timedelta):
        return time.time_ns() - value // datetime.timedelta(microseconds=1) * 1000
    if isinstance(value, datetime.datetime):
        aware = value.astimezone(datetime.timezone.utc)  # without a zone it is local time
        since = aware - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
        return since // datetime.timedelta(microseconds=1) * 1000
    if isinstance(value, datetime.date):
        return _time(datetime.datetime(value.year, value.month, value.day))
    if isinstance(value, (int, float)):
        return int(value * 1_000_000_000)
    raise TypeError(f"not a point in time: {value!r}; give a text, a datetime, a timedelta (ago) or Unix seconds")


def selection(*, level=None, logger=None, host=None, process=None, pid=None, grep=None, where=None, since=None,
              until=None, last=None):
    texts, equal = _where(where)
    return _core.Selection(level=_level(level), loggers=_texts(logger), hosts=_texts(host),
                           processes=_texts(process), pids=_numbers(pid), grep=grep or "", where=texts, equal=equal,
                           since=_time(since), until=_time(until), last=last)
