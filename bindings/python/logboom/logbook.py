"""logbook's records on the bus, and the bus's records in logbook: what ZeroMQHandler/ZeroMQSubscriber and
logbook_aiopipe's AioPipeHandler/AioPipeSubscriber do, with everything a record has, and with nothing lost.

    handler = logboom.logbook.Handler()                    # in the workers
    sub = logboom.logbook.Subscriber(log, until_idle=True)  # in the parent
    await sub.run()                                         # returns when the workers are done
"""

import datetime
import sys
import time
import traceback

import logbook
from logbook.base import dispatch_record
from logbook.queues import SubscriberBase

from . import _records
from ._subscriber import Subscriber as _Subscriber

__all__ = ["Handler", "Subscriber", "to_logbook"]

#: logbook's levels and Python's, which the store has. The names are kept.
_LEVELS = {logbook.CRITICAL: 50, logbook.ERROR: 40, logbook.WARNING: 30, logbook.NOTICE: 25, logbook.INFO: 20,
           logbook.DEBUG: 10, logbook.TRACE: 5}
_NAMES = {logbook.base.get_level_name(level): level for level in _LEVELS}

_UTC = datetime.timezone.utc
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=_UTC)
_MICROSECOND = datetime.timedelta(microseconds=1)


def _zone():
    """Of logbook's times without a zone: None is local time. See logbook.set_datetime_format()."""
    factory = logbook.base._datetime_factory
    if factory == datetime.datetime.now:
        return None
    return factory().tzinfo or _UTC


def _is_naive():
    factory = logbook.base._datetime_factory
    return factory().tzinfo is None


def to_nanoseconds(moment):
    """Of a logbook record's time. Exact."""
    if moment.tzinfo is None:
        zone = _zone()
        moment = moment.astimezone() if zone is None else moment.replace(tzinfo=zone)
    return (moment - _EPOCH) // _MICROSECOND * 1000


def from_nanoseconds(nanoseconds):
    """As logbook makes times in this process: UTC or local without a zone, or with the zone it was told to use."""
    moment = (_EPOCH + nanoseconds // 1000 * _MICROSECOND).astimezone(_zone())
    return moment.replace(tzinfo=None) if _is_naive() else moment


def _level(record, attributes):
    raw = attributes.get("logbook_level")
    if isinstance(raw, int):
        return raw
    named = _NAMES.get(record.level_name)
    if named is not None and _LEVELS[named] == record.level:
        return named
    for level, least in _LEVELS.items():  # from the highest on
        if record.level >= least:
            return level
    return logbook.TRACE


def _template(record, attributes):
    """(msg, args, kwargs) as the program wrote them, if they still make the message; else the message alone."""
    arguments = record.arguments
    args = arguments if isinstance(arguments, tuple) else ()
    kwargs = arguments if isinstance(arguments, dict) else attributes.get("kwargs", {})
    if record.template and (args or kwargs) and isinstance(kwargs, dict):
        try:
            if record.template.format(*args, **kwargs) == record.message:
                return record.template, args, kwargs
        except Exception:  # a template of another language, or arguments that could not be kept
            pass
    return record.message, (), {}


def _exception_name(name):
    """As logbook names classes: with the module always."""
    return f"builtins.{name}" if name and "." not in name else name or None


def to_logbook(record):
    """A logboom.Record as a logbook.LogRecord. `logboom_origin` is the host it was logged on."""
    attributes = record.attributes
    msg, args, kwargs = _template(record, attributes)
    made = logbook.LogRecord.from_dict({
        "channel": record.logger,
        "level": _level(record, attributes),
        "msg": msg,
        "args": args,
        "kwargs": kwargs,
        "extra": record.fields,
        "time": from_nanoseconds(record.time),
        "process": record.pid or None,
        "process_name": attributes.get("process_name", "MainProcess"),
        "thread": record.tid or None,
        "thread_name": record.thread or None,
        "greenlet": attributes.get("greenlet"),
        "filename": record.file or None,
        "lineno": record.line or None,
        "func_name": record.function or None,
        "module": attributes.get("module"),
        "message": record.message,
        "exception_name": _exception_name(record.exception_type),
        "exception_message": attributes.get("exception_message"),
        "formatted_exception": record.exception or None,
        "frame_correction": attributes.get("frame_correction", 0),
        "heavy_initialized": True,
        "information_pulled": True,
        "_dispatcher": None,
    })
    setattr(made, _records.ORIGIN, record.host)
    return made


class Subscriber(SubscriberBase):
    """Records of the bus as logbook records, for a logger or for the handlers that are active.

    target   what gets the records in run() and dispatch…(): a logbook Logger, or anything with handle(record). None: the active
             handler setup, as logbook.queues does
    own      also records that this process has logged (its handlers have had them)
    filters and the rest   as logboom.Subscriber: level, logger, until_idle, endpoint …
    """

    def __init__(self, target=None, *, own=False, **options):
        self._live = _Subscriber(**options)
        self._dispatch = dispatch_record if target is None else target.handle
        self._own = own
        #: How often a handler has raised.
        self.failures = 0

    def recv(self, timeout=None):
        """The next record. None when it did not come within `timeout` seconds (0: what is there; None: for ever), or no more will come."""
        end = None if timeout is None else time.monotonic() + timeout
        while (record := self._live.next(timeout)) is not None:
            if self._wanted(record):
                return to_logbook(record)
            if end is not None:
                timeout = max(0.0, end - time.monotonic())
        return None

    def _wanted(self, record):
        return not _records.came_around(record) and (self._own or not _records.is_own(record))

    def _hand_over(self, record):
        try:
            self._dispatch(record)
        except Exception:
            self.failures += 1
            if logbook.Flags.get_flag("errors", "print") != "silent" and sys.stderr:
                traceback.print_exc()

    def dispatch_once(self, timeout=None):
        """Receives one record and dispatches it. False when it timed out, or no more will come."""
        record = self.recv(timeout)
        if record is None:
            return False
        self._hand_over(record)
        return True

    def dispatch_forever(self):
        """Dispatches until stop(), or the end (until_idle)."""
        while self.dispatch_once():
            pass

    async def run(self):
        """Dispatches on the event loop until stop(), or the end (until_idle)."""
        async for record in self._live:
            if self._wanted(record):
                self._hand_over(to_logbook(record))

    def stop(self):
        """Ends run() and dispatch_forever(). From any thread."""
        self._live.stop()

    def close(self):
        self._live.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def ended(self):
        return self._live.ended

    @property
    def missed(self):
        return self._live.missed
