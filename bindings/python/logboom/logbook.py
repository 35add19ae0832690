"""logbook's records on the bus, and the bus's records in logbook: what ZeroMQHandler/ZeroMQSubscriber and
logbook_aiopipe's AioPipeHandler/AioPipeSubscriber do, with everything a record has, and with nothing lost.

    handler = logboom.logbook.Handler()                    # in the workers
    sub = logboom.logbook.Subscriber(log, until_idle=True)  # in the parent
    await sub.run()                                         # returns when the workers are done
"""

import datetime
import os
import sys
import time
import traceback

import logbook
from logbook.base import dispatch_record
from logbook.queues import SubscriberBase

from . import _records
from ._handler import Handler as _Bus
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


def _arguments(args, kwargs):
    """One set of arguments: a tuple, or with keyword arguments a dict in which the others have their numbers."""
    if not kwargs:
        return tuple(args)
    return {**{str(i): value for i, value in enumerate(args)}, **kwargs}


def _template(record):
    """(msg, args, kwargs) as the program wrote them, if they still make the message; else the message alone."""
    args, kwargs = record.arguments or (), {}
    if isinstance(args, dict):
        kwargs = {name: value for name, value in args.items() if not name.isdecimal()}
        args = tuple(value for name, value in args.items() if name.isdecimal())
    if record.template and (args or kwargs):
        try:
            if record.template.format(*args, **kwargs) == record.message:
                return record.template, args, kwargs
        except Exception:  # a template of another language, or arguments that could not be kept
            pass
    return record.message, (), {}


def _exception_name(name):
    """As logbook names classes: with the module always."""
    return f"builtins.{name}" if name and "." not in name else name or None


def _stem(path):
    return os.path.splitext(os.path.basename(path))[0] or None


def to_logbook(record):
    """A logboom.Record as a logbook.LogRecord. `logboom_origin` is the host it was logged on."""
    attributes = record.attributes
    msg, args, kwargs = _template(record)
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
        "module": attributes.get("module", _stem(record.file)),
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


def _level_name(level):
    try:
        return logbook.base.get_level_name(level)
    except LookupError:
        return f"Level {level}"


class _Carried:
    """A logbook record as the encoder reads records: by __dict__ and getMessage(). What is in `logboom_extra` becomes fields, whatever its names."""

    __slots__ = ("__dict__", "failure")

    def __init__(self, record):
        failure = None
        for key in record._pullable_information:
            try:
                getattr(record, key)
            except Exception as error:  # the message cannot be made of the arguments
                failure = error
        record.information_pulled = True
        known = record.__dict__.get
        level = _LEVELS.get(record.level)
        filename = known("filename") or ""
        moment = record.time or datetime.datetime.now(_UTC)
        nanoseconds = to_nanoseconds(moment)
        attributes = {
            "logbook_level": record.level if level is None else None,
            "exception_type": (known("exception_name") or "").removeprefix("builtins.") or None,
            "exception_message": known("exception_message"),
            "frame_correction": record.frame_correction or None,
            "greenlet": known("greenlet"),
        }
        self.__dict__ = {
            "name": record.channel or "",
            "msg": record.msg,
            "args": _arguments(record.args, record.kwargs),
            "levelno": record.level if level is None else level,
            "levelname": _level_name(record.level),
            "pathname": filename,
            "filename": os.path.basename(filename),
            "module": known("module"),
            "lineno": known("lineno") or 0,
            "funcName": known("func_name") or "",
            "exc_info": None,
            "exc_text": known("formatted_exception"),
            "stack_info": None,
            "created": nanoseconds / 1_000_000_000,
            "thread": known("thread"),
            "threadName": known("thread_name"),
            "process": record.process,
            "processName": known("process_name"),
            "message": record.msg if failure else record.message,
            "logboom_extra": dict(record.extra),
            "logboom_attributes": {key: value for key, value in attributes.items() if value is not None},
        }

        self.failure = failure

    def getMessage(self):
        return self.message


class Handler(logbook.Handler):
    """Sends logbook's records to the bus. A record is safe from the end of the process once the log call has returned.

    endpoint and what follows bubble   as logboom.Handler; level, filter, bubble   as any handler of logbook
    """

    def __init__(self, endpoint=None, level=logbook.NOTSET, filter=None, bubble=False, **options):
        logbook.Handler.__init__(self, level, filter, bubble)
        self._bus = _Bus(endpoint, **options)

    def emit(self, record):
        if hasattr(record, _records.ORIGIN):
            return  # it came from the bus
        carried = _Carried(record)
        self._bus.emit(carried)
        if carried.failure is not None:
            raise carried.failure  # the record is on its way; logbook says what was wrong with it

    def emit_batch(self, records, reason):
        for record in records:
            self.emit(record)

    def flush(self):
        """Waits until what was logged is stored, two seconds at most."""
        self._bus.flush()

    def close(self):
        self._bus.close()


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

    def finish(self):
        """To be called when the processes whose records are wanted have ended: run() and dispatch_forever() end once all of theirs was dispatched."""
        self._live.finish()

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
