"""Records handed to the local logging configuration."""

import io
import logging
import logging.config
import os
import socket
import threading

import pytest
import zmq

import logboom
from system_fixtures import PATIENCE


@pytest.fixture
def server(tmp_path):
    with logboom.Server(tmp_path / "logs.sqlite", port=None) as server:
        yield server


@pytest.fixture
def push(server):
    context = zmq.Context()
    socket_ = context.socket(zmq.PUSH)
    socket_.connect(server.endpoint + ".push")
    yield lambda **record: socket_.send_json({"logger": "app", **record})
    context.destroy(linger=0)


class Seen(logging.Handler):
    def __init__(self, level=0):
        super().__init__(level)
        self.records = []

    def emit(self, record):
        self.records.append(record)


@pytest.fixture
def local():
    """local(name, handler, …) adds handlers; everything is as before afterwards."""
    changed = []

    def add(name, *handlers, level=None, propagate=None):
        logger = logging.getLogger(name)
        changed.append((logger, list(logger.handlers), logger.level, logger.propagate, list(logger.filters)))
        for handler in handlers:
            logger.addHandler(handler)
        if level is not None:
            logger.setLevel(level)
        if propagate is not None:
            logger.propagate = propagate
        return logger

    yield add
    for logger, handlers, level, propagate, filters in reversed(changed):
        logger.handlers[:] = handlers
        logger.setLevel(level)
        logger.propagate = propagate
        logger.filters[:] = filters


def hand_over(subscriber, count):
    """to_logging() of the next `count` records."""
    done = threading.Thread(target=subscriber.to_logging)
    dispatch = subscriber._dispatcher()
    wanted = subscriber._wanted
    seen = 0

    def counting(record, own):
        nonlocal seen
        seen += 1
        if seen == count:
            subscriber.stop()
        return wanted(record, own)

    subscriber._wanted = counting
    done.start()
    done.join(PATIENCE)
    assert not done.is_alive()
    return dispatch


def test_every_attribute_of_a_plain_record(server, push, local):
    seen = Seen()
    local("", seen, level=1)
    subscriber = server.subscribe(logger="app")
    push(message="100% sure", level=33, level_name="AUDIT", logger="app.db", time=1_700_000_000_123_456_000, host="far", pid=7, tid=9,
         thread="worker", file="/srv/app/db.py", line=12, function="f", exception="Traceback …", stack="Stack …", task="Task-1", rows=3)
    hand_over(subscriber, 1)
    record, = seen.records
    assert record.getMessage() == "100% sure" and record.args == ()
    assert (record.name, record.levelno, record.levelname) == ("app.db", 33, "AUDIT")
    assert (record.pathname, record.filename, record.module, record.lineno, record.funcName) == ("/srv/app/db.py", "db.py", "db", 12, "f")
    assert record.created == 1_700_000_000.123456 and record.msecs == 123
    assert (record.process, record.processName, record.thread, record.threadName, record.taskName) == (7, "MainProcess", 9, "worker", "Task-1")
    assert (record.exc_info, record.exc_text, record.stack_info) == (None, "Traceback …", "Stack …")
    assert (record.rows, record.logboom_origin) == (3, "far")
    assert "Traceback …" in logging.Formatter().format(record)


def test_fields_do_not_hide_what_a_log_record_has(server, push, local):
    seen = Seen()
    local("", seen, level=1)
    subscriber = server.subscribe(logger="app")
    push(message="m", fields={"args": 1, "name": "x", "lineno": "y"})
    hand_over(subscriber, 1)
    record, = seen.records
    assert (record.name, record.args_, record.name_, record.lineno_) == ("app", 1, "x", "y")
    assert record.getMessage() == "m"


def test_levels_filters_and_propagation_are_the_local_ones(server, push, local):
    root, below, quiet, filtered = Seen(), Seen(logging.ERROR), Seen(), Seen()
    local("", root, level=logging.INFO)
    local("tl.net", below, level=logging.DEBUG)
    local("tl.quiet", quiet, propagate=False)
    local("tl.filtered", filtered).addFilter(lambda record: "keep" in record.msg)
    subscriber = server.subscribe(logger="tl")
    for number, (logger, level, message) in enumerate([
            ("tl.other", 10, "too low"), ("tl.other", 20, "other"), ("tl.net.http", 10, "debug"), ("tl.net", 40, "error"),
            ("tl.quiet", 30, "quiet"), ("tl.filtered", 30, "drop"), ("tl.filtered", 30, "keep"), ("tl.filtered.below", 30, "below")]):
        push(logger=logger, level=level, message=message)
    hand_over(subscriber, 8)
    assert [r.getMessage() for r in root.records] == ["other", "debug", "error", "keep", "below"]
    assert [r.getMessage() for r in below.records] == ["error"]
    assert [r.getMessage() for r in quiet.records] == ["quiet"]
    assert [r.getMessage() for r in filtered.records] == ["keep", "below"]


def test_no_logger_is_made_for_names_from_the_bus(server, push, local):
    seen = Seen()
    local("", seen, level=1)
    subscriber = server.subscribe(logger="stranger")
    push(logger="stranger.abc.def", message="m")
    hand_over(subscriber, 1)
    assert seen.records[0].name == "stranger.abc.def"
    assert not [name for name in logging.root.manager.loggerDict if name.startswith("stranger")]


def test_logging_disable_and_disabled_loggers(server, push, local):
    seen = Seen()
    local("", seen, level=1)
    disabled = local("tl.disabled")
    subscriber = server.subscribe(logger="tl")
    push(logger="tl.disabled", message="a", level=50)
    push(logger="tl.x", message="b", level=20)
    push(logger="tl.x", message="c", level=40)
    disabled.disabled = True
    logging.disable(logging.WARNING)
    try:
        hand_over(subscriber, 3)
    finally:
        logging.disable(logging.NOTSET)
        disabled.disabled = False
    assert [r.getMessage() for r in seen.records] == ["c"]


def test_a_failing_handler_does_not_end_it(server, push, local, capsys):
    class Failing(logging.Handler):
        def emit(self, record):
            raise OSError("disk is full")

    seen = Seen()
    local("", seen, level=1)
    local("tl.bad", Failing())
    subscriber = server.subscribe(logger="tl")
    push(logger="tl.bad", message="lost here")
    push(logger="tl.good", message="seen")
    dispatch = hand_over(subscriber, 2)
    assert [r.getMessage() for r in seen.records] == ["seen"]
    assert subscriber.failures == 1 and dispatch.handled == 1
    told = capsys.readouterr().err
    assert "disk is full" in told and "lost here" in told


def test_what_this_process_has_logged_is_left_out(server, push, local):
    seen = Seen()
    local("", seen, level=1)
    subscriber = server.subscribe(logger="tl")
    push(logger="tl", message="mine", host=socket.gethostname(), pid=os.getpid())
    push(logger="tl", message="came around", logboom_origin="somewhere")
    push(logger="tl", message="theirs", pid=os.getpid() + 1)
    hand_over(subscriber, 3)
    assert [r.getMessage() for r in seen.records] == ["theirs"]


def test_a_configuration_by_dict_config(server, push, tmp_path):
    stream = io.StringIO()
    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    logging.config.dictConfig({
        "version": 1, "disable_existing_loggers": False,
        "formatters": {"detailed": {"format": "%(asctime)s %(name)-12s %(levelname)-8s %(processName)-10s %(message)s"}},
        "handlers": {
            "console": {"class": "logging.StreamHandler", "level": "INFO", "stream": stream},
            "file": {"class": "logging.FileHandler", "filename": str(tmp_path / "all.log"), "formatter": "detailed"},
        },
        "root": {"level": "DEBUG", "handlers": ["console", "file"]},
    })
    try:
        subscriber = server.subscribe(logger="dc")
        push(logger="dc", level=10, message="low")
        push(logger="dc", level=20, message="high")
        hand_over(subscriber, 2)
    finally:
        for handler in root.handlers:
            if handler not in before[0]:
                handler.close()
        root.handlers[:], root.level = before[0], before[1]
    assert stream.getvalue() == "high\n"
    assert [line.split()[-1] for line in (tmp_path / "all.log").read_text().splitlines()] == ["low", "high"]
