"""Records as logging.LogRecords, and how they get into the local logging configuration without coming around again."""

import logging
import os
import socket
import sys
import traceback

from . import _core

#: On a LogRecord that came from the bus: the host it was logged on. logboom.Handler leaves such records alone.
ORIGIN = "logboom_origin"

_OWN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", ORIGIN}


def _arguments(record):
    """(msg, args) as the program wrote them, if they still make the message; else the message alone.

    A set of texts, for one, may come out in another order here than where it was logged: the message is what was logged.
    """
    arguments = record.arguments
    if record.template and arguments:
        try:
            if record.template % arguments == record.message:
                return record.template, arguments
        except Exception:  # a template of another language, or arguments that could not be kept
            pass
    return record.message, ()


def to_log_record(self):
    """This record as a new logging.LogRecord, made by the current log record factory.

    Every attribute that a LogRecord has is set; fields become attributes (with "_" after a name that a LogRecord
    has itself). `logboom_origin` is the host that it was logged on.
    """
    attributes = self.attributes
    message, args = _arguments(self)
    seconds, fraction = divmod(self.time, 1_000_000_000)
    made = {
        "name": self.logger or "root",
        "msg": message,
        "args": args,
        "levelno": self.level,
        "levelname": self.level_name or logging.getLevelName(self.level),
        "pathname": self.file,
        "filename": attributes.get("filename", os.path.basename(self.file)),
        "lineno": self.line,
        "funcName": self.function or None,
        "exc_info": None,
        "exc_text": self.exception or None,
        "stack_info": self.stack or None,
        "created": self.time / 1_000_000_000,
        "msecs": attributes.get("msecs", float(fraction // 1_000_000)),
        "relativeCreated": attributes.get("relative_created", (self.time - self.process_started) / 1_000_000
                                          if self.process_started else 0.0),
        "thread": self.tid or None,
        "threadName": self.thread or None,
        "process": self.pid or None,
        "processName": attributes.get("process_name", "MainProcess"),
        ORIGIN: self.host,
    }
    made["module"] = attributes.get("module", os.path.splitext(made["filename"])[0])
    if sys.version_info >= (3, 12) or self.task:
        made["taskName"] = self.task or None
    for key, value in self.fields.items():
        made[key + "_" if key in _OWN else key] = value
    return logging.makeLogRecord(made)


Record = _core.Record
StoreError = _core.StoreError
RefusedError = _core.RefusedError
Record.to_log_record = to_log_record


def is_own(record):
    """Logged by this very process: its own handlers have had it."""
    return record.pid == os.getpid() and record.host == socket.gethostname()


def came_around(record):
    """It was given to the local logging once, and a handler sent it to the bus again."""
    return ORIGIN in record.fields


def _nearest_logger(name):
    """The logger that decides about records of this name: itself, or the nearest one above it that exists.

    None is made: names come from the bus, and a logger lives for ever. One without a configuration does what its parent
    says, except for the parent's filters, which are for what is logged by the parent itself.
    """
    known = logging.root.manager.loggerDict
    while name:
        found = known.get(name)
        if isinstance(found, logging.Logger):
            return found
        name = name.rpartition(".")[0]
    return logging.root


def _handlers(logger):
    while logger:
        yield from logger.handlers
        logger = logger.parent if logger.propagate else None


class Dispatch:
    """Hands records to the local logging. Counts what went wrong on the way."""

    def __init__(self, leads_back):
        self._leads_back = leads_back  # whether a handler sends to the bus that the records come from
        self.handled = 0
        self.failures = 0

    def __call__(self, record):
        log_record = record.to_log_record()
        logger = _nearest_logger(log_record.name)
        level = log_record.levelno
        if logger.manager.disable >= level or level < logger.getEffectiveLevel():
            return
        try:
            if logger.name == log_record.name:
                if logger.disabled or not self._passes(logger, log_record):
                    return
            self._call(logger, log_record)
            self.handled += 1
        except Exception:
            self.failures += 1
            if logging.raiseExceptions and sys.stderr:
                sys.stderr.write(f"--- logboom: a handler of logger {logger.name!r} failed; the record was\n{record!r}\n")
                traceback.print_exc()

    @staticmethod
    def _passes(logger, log_record):
        return bool(logger.filter(log_record))

    def _call(self, logger, log_record):
        if not any(self._leads_back(handler) for handler in _handlers(logger)):
            logger.callHandlers(log_record)
            return
        for handler in _handlers(logger):
            if log_record.levelno >= handler.level and not self._leads_back(handler):
                handler.handle(log_record)
