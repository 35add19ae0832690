"""logboom.Handler, and attach() for those who want no more than that."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import time
import weakref
from typing import Any, Dict, List, Optional, Tuple, Union

from . import _core, _levels

TRACE = 5

# How long the end of a process, or Handler.flush(), waits for a collector that has not answered yet.
_UNANSWERED = 0.5

_ENVIRONMENT = ("LOGBOOM_ENDPOINT", "LOGBOOM_SPOOL", "LOGBOOM_LEVEL", "LOGBOOM_NAME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME")

_buses: Dict[Tuple[Any, ...], _core.Bus] = {}
_handlers: weakref.WeakSet[Handler] = weakref.WeakSet()  # those whose levels are followed


def _process_name() -> Optional[str]:
    """What the process is called: None leaves it to LOGBOOM_NAME."""
    if os.environ.get("LOGBOOM_NAME"):
        return None
    script = sys.argv[0] if getattr(sys, "argv", None) else ""
    if script in ("", "-c", "-m"):
        return os.path.basename(sys.executable or "python")
    name = os.path.basename(script)
    if name == "__main__.py":
        name = os.path.basename(os.path.dirname(os.path.abspath(script))) or name
    return name


def _started() -> int:
    """When module logging was loaded, in nanoseconds: what LogRecord.relativeCreated counts from."""
    start: Union[int, float] = getattr(logging, "_startTime", 0)
    return start if isinstance(start, int) else round(start * 1e6) * 1000


def _bus(options: Dict[str, Any]) -> _core.Bus:
    """One publisher for equal options, as long as the process lives."""
    key = (*sorted(options.items()), *(os.environ.get(name) for name in _ENVIRONMENT))
    bus = _buses.get(key)
    if bus is None:
        named = dict(options)
        named["name"] = named.pop("process_name", None) or _process_name()
        bus = _buses[key] = _core.Bus({**named, "started": _started()})
    return bus


_stock_log = logging.Logger._log
_fast_log: Any = None


def _fast(on: bool) -> None:
    """Puts our _log into logging.Logger, or the standard library's back. Only in place of that: whatever else is there stays."""
    global _fast_log
    if on and logging.Logger._log is _stock_log:
        try:
            _fast_log = _fast_log or _core.make_fast_log(_stock_log)
        except (AttributeError, RuntimeError):
            return  # module logging is not as we know it: the way by LogRecords is always right
        logging.Logger._log = _fast_log  # type: ignore[method-assign]
    elif not on and _fast_log is not None and logging.Logger.__dict__.get("_log") is _fast_log:
        logging.Logger._log = _stock_log  # type: ignore[method-assign]


class Handler(_core.HandlerBase, logging.Handler):
    """Sends records to the bus: a logging.Handler, for addHandler() and dictConfig (``"class": "logboom.Handler"``).

    The record is written to a file in memory before the log call returns, and outlives the process from then on; a thread of C++ sends it. No collector need run. A child process
    that inherits the handler logs by a publisher of its own. Handlers of equal options share one publisher.

    endpoint        address of the bus, or several with commas; else LOGBOOM_ENDPOINT, else this user's bus on this host
    level           of the handler, as of any
    levels          level rules for Python's loggers, "info,app.db=debug"; else LOGBOOM_LEVEL, else none
    process_name    else LOGBOOM_NAME, else the script's name
    curve_server_key, curve_secret   where the collector asks for keys: its public key, or a file of it, and the file of this process's secret key; else
                    LOGBOOM_CURVE_SERVER_KEY and LOGBOOM_CURVE_SECRET. docs/security.md
    spool           directory of the spool; else LOGBOOM_SPOOL, else ~/.local/state/logboom/spool
    ring_capacity, overflow_bound    bytes that records may wait in, a thread (1 MiB) and a process (1 GiB)
    when_full       "block": a log call waits up to block_timeout (1 s) for room, then drops; "drop": drops at once. What is dropped is counted and declared.
    flush_timeout   seconds that flush(), and the end of the process, wait at most (2); a quarter of it where no collector answers
    fast            logging.Logger._log is replaced by one that makes no LogRecord where nobody but one logboom.Handler would see it: no other handler (but NullHandlers) on the way
                    to the root, no filter, no record factory, no method of Logger replaced, no exc_info, stack_info or stacklevel. Everywhere else it calls the original. What is
                    stored is the same. The original is back when the last handler is closed, as by detach().

    Raises ValueError for an option that cannot be read. A formatter is used for the text of exceptions only.
    """

    def __init__(self, endpoint: Optional[str] = None, level: Union[int, str] = logging.NOTSET, *, levels: Optional[str] = None,
                 process_name: Optional[str] = None, spool: Union[str, os.PathLike[str], None] = None,
                 ring_capacity: Optional[int] = None, overflow_bound: Optional[int] = None, when_full: Optional[str] = None,
                 block_timeout: Optional[float] = None, flush_timeout: float = 2.0,
                 curve_server_key: Optional[str] = None, curve_secret: Union[str, os.PathLike[str], None] = None,
                 fast: bool = True) -> None:
        logging.Handler.__init__(self, level)
        given = {"endpoint": endpoint, "levels": levels, "process_name": process_name,
                 "spool": None if spool is None else os.fspath(spool), "ring_capacity": ring_capacity,
                 "overflow_bound": overflow_bound, "when_full": when_full, "block_timeout": block_timeout,
                 "curve_server_key": curve_server_key, "curve_secret": None if curve_secret is None else os.fspath(curve_secret)}
        self._options = {key: value for key, value in given.items() if value is not None}
        self._bus = _bus(self._options)
        self._flush_timeout = flush_timeout
        self._bus.connect(self)
        _handlers.add(self)
        _levels.apply()
        if fast:
            _fast(True)

    def flush(self) -> None:
        """Waits until what was logged is stored, at most flush_timeout."""
        if not _ended:
            self._bus.flush(self._flush_timeout, min(self._flush_timeout / 4, _UNANSWERED))

    def close(self) -> None:
        """The end of the handler, not of the publisher: others may share it. Level rules that came by it are undone."""
        if self in _handlers:
            _handlers.discard(self)
            _levels.apply()
            if not _handlers:
                _fast(False)
        logging.Handler.close(self)

    @property
    def statistics(self) -> Dict[str, int]:
        """Records of this process's publisher so far: logged, dropped, acked, sent, resent, spilled; overflow_bytes."""
        return self._bus.statistics

    @property
    def status(self) -> Dict[str, Any]:
        """endpoint, spool (its own directory), memory_backed, connected, refusal and problem (one line each, or "")."""
        return self._bus.status

    def __repr__(self) -> str:
        endpoint = self._bus.status.get("endpoint", "")
        return f"<{type(self).__name__} {endpoint} ({logging.getLevelName(self.level)})>"


def _attached(logger: logging.Logger) -> Optional[Handler]:
    return next((handler for handler in logger.handlers if isinstance(handler, Handler)), None)


def attach(endpoint: Optional[str] = None, *, logger: Union[str, logging.Logger, None] = None, **options: Any) -> Handler:
    """Sends what the root logger (or `logger`) gets to the bus; the options are those of Handler. Returns the handler.

    A second call adds no second handler: without arguments it returns the one that is there, with arguments it puts another in its place if they differ.
    The logger's level stays as it is, unless a level rule names it: without a rule the root logger passes WARNING and above.
    """
    target = logger if isinstance(logger, logging.Logger) else logging.getLogger(logger)
    there = _attached(target)
    if there is not None:
        given = {key: value for key, value in {"endpoint": endpoint, **options}.items() if value is not None}
        if not given:
            return there
        handler = Handler(endpoint, **options)
        if handler._options == there._options and handler.level == there.level:
            handler.close()
            return there
        target.removeHandler(there)
        there.close()
    else:
        handler = Handler(endpoint, **options)
    target.addHandler(handler)
    return handler


def detach(logger: Union[str, logging.Logger, None] = None) -> None:
    """Takes away what attach() (or a configuration) gave to the root logger or to `logger`, and undoes its level rules. What was logged is sent all the same."""
    target = logger if isinstance(logger, logging.Logger) else logging.getLogger(logger)
    for handler in [handler for handler in target.handlers if isinstance(handler, Handler)]:
        target.removeHandler(handler)
        handler.close()


def flush(timeout: float = 10.0) -> bool:
    """Waits until a collector has stored all that this process has logged so far. False when the time (seconds) is over."""
    end = time.monotonic() + timeout
    done = True
    for bus in list(_buses.values()):
        left = max(0.0, end - time.monotonic())
        done = bus.flush(left, left) and done
    return done


# --- The end of the process, and its children

_ended = False


def _flush_at_end() -> None:
    timeout = max((handler._flush_timeout for handler in list(_handlers)), default=2.0)
    end = time.monotonic() + timeout
    for bus in list(_buses.values()):
        left = max(0.0, end - time.monotonic())
        bus.flush(left, min(timeout / 4, _UNANSWERED, left))


def _at_exit() -> None:
    global _ended
    _flush_at_end()
    _ended = True  # logging.shutdown() comes next, and flushes every handler
    _core.close_levels()


def _first_record() -> None:
    """This process, or this forked child, has logged for the first time."""
    util = sys.modules.get("multiprocessing.util")
    process = sys.modules.get("multiprocessing.process")
    if util is not None and process is not None and process.parent_process() is not None:
        # Its children end by os._exit: without atexit.
        util.Finalize(None, _flush_at_end, exitpriority=-100)
    # A configuration that was loaded after the handler was made may have set levels that rules name.
    _levels.apply(again=True)


def _rule_sources() -> List[_core.Bus]:
    return list({id(handler._bus): handler._bus for handler in list(_handlers)}.values())


def _forked() -> None:
    _core.forked()
    _levels.forked()


_levels.set_sources(_rule_sources)
_core.set_first_record_hook(_first_record)
os.register_at_fork(after_in_child=_forked)
atexit.register(_at_exit)
if logging.getLevelName(TRACE) == f"Level {TRACE}":
    logging.addLevelName(TRACE, "TRACE")
