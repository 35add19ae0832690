"""Programs with ZeroMQ handlers, as they are: logbook's ZeroMQHandler, the cookbook's ZeroMQSocketHandler, pyzmq's PUBHandler; and python -m zmq.log."""

import datetime
import logging
import logging.handlers
import os
import re
import sys
import threading

import pytest
import zmq
import zmq.log.handlers

logbook = pytest.importorskip("logbook")

import logbook.queues  # noqa: E402
import logboom  # noqa: E402
import logboom.logbook  # noqa: E402
from conftest import stored  # noqa: E402
from system_fixtures import eventually  # noqa: E402

ENDPOINT = r"(tcp://127\.0\.0\.1:\d+)"


def push_address(bus):
    return bus.endpoint + ".push"


def log_with_logbook(logger):
    logger.info("plain")
    logger.notice("hello {} {x}", 1, x="ü", extra={"ip": "1.2.3.4", "nested": {"deep": [1, None, 2.5]}})
    logger.warn("by place {} {}", "a", 2)
    logger.trace("by name {a}", a=True)
    logger.critical("no braces are taken: {}", extra={"msg": "clashes"})
    try:
        {}["missing"]
    except KeyError:
        logger.exception("failed")


def test_logbooks_own_handler_says_what_ours_does(bus, collector, monkeypatch):
    """Every column of the store is the same, but for how the record came."""
    monkeypatch.setenv("LOGBOOM_ENDPOINT", bus.endpoint)
    logger = logbook.Logger("app.db")
    theirs = logbook.queues.ZeroMQHandler(push_address(bus), multi=True)
    ours = logboom.logbook.Handler(endpoint=bus.endpoint)
    seen = logbook.TestHandler()  # pulls what the records know before either handler does
    logger.handlers = [seen, theirs, ours]
    seen.bubble = theirs.bubble = True
    log_with_logbook(logger)
    with_zeros = logbook.LogRecord("app.db", logbook.INFO, "at its time")
    with_zeros.heavy_init()
    with_zeros.time = datetime.datetime(2026, 11, 26, 1, 2, 3, 31660)  # logbook writes .31660
    logger.handle(with_zeros)
    theirs.close()
    ours.close()
    eventually(lambda: len(stored(bus)) == 2 * len(seen.records))
    told = {True: [], False: []}
    for row in stored(bus):
        told[row["publisher"] is not None and row["sequence"] is not None].append(row)
    compared = ("created", "level", "level_name", "logger", "message", "fields", "host", "pid", "tid", "thread", "file", "line",
                "function", "template", "exception_type", "exception", "stack", "task")
    assert len(told[True]) == len(told[False]) == len(seen.records)
    for direct, json_record in zip(told[True], told[False]):
        assert {key: direct[key] for key in compared} == {key: json_record[key] for key in compared}
        ignored = {"types", "process_name"}  # JSON has no tuples
        assert ({key: value for key, value in direct["attributes"].items() if key not in ignored} ==
                {key: value for key, value in json_record["attributes"].items() if key not in ignored})


class ZeroMQSocketHandler(logging.handlers.QueueHandler):
    """The cookbook's, "Subclassing QueueHandler"."""

    def enqueue(self, record):
        self.queue.send_json(record.__dict__)


class UnpreparedHandler(ZeroMQSocketHandler):
    def prepare(self, record):
        return record


@pytest.fixture
def pushed(bus):
    context = zmq.Context()
    socket = context.socket(zmq.PUSH)
    socket.connect(push_address(bus))
    yield socket
    context.destroy(linger=2000)


def test_the_cookbooks_handler(bus, collector, pushed):
    logger = logging.Logger("cook")
    logger.addHandler(ZeroMQSocketHandler(pushed))
    seen = []
    logger.addFilter(lambda record: seen.append(record) or True)
    logging.addLevelName(35, "NOTICE")
    thread = threading.Thread(name="loader", target=lambda: logger.log(35, "%d of %s", 5, "seven", stack_info=True, extra={"step": [1, None]}))
    thread.start()
    thread.join()
    eventually(lambda: len(stored(bus)) == 1)
    [row], [record] = stored(bus), seen
    assert row["created"] == round(record.created * 1e6) * 1000
    assert (row["level"], row["level_name"], row["logger"]) == (35, "NOTICE", "cook")
    assert row["message"].startswith("5 of seven\nStack (most recent call last):")  # the handler has formatted it, stack and all
    assert (row["pid"], row["tid"], row["thread"]) == (os.getpid(), record.thread, "loader")
    assert (row["file"], row["line"], row["function"], row["template"]) == (__file__, record.lineno, record.funcName, "")
    assert row["fields"] == {"step": [1, None]}
    # filename, module and msecs follow from the rest
    assert set(row["attributes"]) == {"relative_created"}


def test_arguments_that_a_handler_leaves_in_the_record(bus, collector, pushed):
    logger = logging.Logger("cook")
    logger.addHandler(UnpreparedHandler(pushed))
    logger.error("%d of %s", 5, "seven")
    logger.error("%(a)d", {"a": 7})
    eventually(lambda: len(stored(bus)) == 2)
    assert [(row["message"], row["template"], row["attributes"]["arguments"]) for row in stored(bus)] == [
        ("5 of seven", "%d of %s", [5, "seven"]), ("7", "%(a)d", {"a": 7})]


def test_an_object_that_only_looks_like_a_librarys_keeps_its_keys(bus, collector, pushed):
    pushed.send_json({"message": "mine", "levelno": "thirty"})
    pushed.send_json({"message": "mine", "heavy_initialized": 1})
    eventually(lambda: len(stored(bus)) == 2)
    assert [row["fields"] for row in stored(bus)] == [{"levelno": "thirty"}, {"heavy_initialized": 1}]


def test_what_programs_publish_is_subscribed_to(bus, start_collector):
    context = zmq.Context()
    text, records = context.socket(zmq.XPUB), context.socket(zmq.XPUB)
    addresses = [f"tcp://127.0.0.1:{socket.bind_to_random_port('tcp://127.0.0.1')}" for socket in (text, records)]
    start_collector("--subscribe", addresses[0], "--subscribe", addresses[1])
    for socket in (text, records):
        assert socket.poll(20_000) and socket.recv() == b"\x01"  # the collector is there: what is published before is nobody's
    handler = zmq.log.handlers.PUBHandler(text, context=context, root_topic="farm.two")
    logger = logging.Logger("x")
    logger.addHandler(handler)
    logger.info("hello %d", 1)
    logger.warning("disk.root::nearly full\n")
    records.send_json({"logger": "plain", "message": "a record"})
    logbook_handler = logbook.queues.ZeroMQHandler.__new__(logbook.queues.ZeroMQHandler)
    logbook.Handler.__init__(logbook_handler)
    logbook_handler.socket = records
    channel = logbook.Logger("app")
    channel.handlers = [logbook_handler]
    channel.notice("from logbook")
    records.send_multipart([b"one", b"two", b"three"])
    eventually(lambda: len(stored(bus)) == 4)
    line = re.compile(r"WARNING test_zmq_handlers\.py:\d+ - nearly full")
    rows = {row["logger"]: (row["level"], row["message"]) for row in stored(bus)}
    assert line.fullmatch(rows["farm.two.disk.root"][1]) and rows.pop("farm.two.disk.root")[0] == 30
    assert rows == {"farm.two": (20, "hello 1"), "plain": (20, "a record"), "app": (25, "from logbook")}
    eventually(lambda: bus.query("SELECT count(*) FROM records WHERE logger = 'logboom.collector' AND message LIKE '%3 frames%'")[0][0] == 1)
    context.destroy(linger=0)


def test_pyzmqs_log_watcher_sees_the_bus(bus, start_collector, start, run):
    collector = start_collector("--zmq-log", "tcp://127.0.0.1:0")
    endpoint = re.search("zmq-log " + ENDPOINT, collector.wait_line("collecting on .*").group())[1]
    watcher = start(sys.executable, "-u", "-m", "zmq.log", endpoint)
    pushed = zmq.Context.instance().socket(zmq.PUSH)
    pushed.connect(push_address(bus))

    def said():  # what is published before the watcher has subscribed is nobody's
        pushed.send_json({"logger": "app.db", "level": 30, "message": "slow query", "exception": "Traceback\nKeyError: 1"})
        return any("slow query" in line for line in watcher.output)

    eventually(said)
    assert "WARNING.app.db | slow query" in watcher.output
    assert "KeyError: 1" in watcher.output
    pushed.close(linger=0)


@pytest.mark.parametrize("arguments, reason", [
    (["--subscribe", "nonsense"], "cannot subscribe to 'nonsense'"),
    (["--zmq-log", "tcp://300.0.0.1:1", "--insecure"], "cannot publish on 'tcp://300.0.0.1:1'"),
])
def test_an_endpoint_that_is_none_is_refused_in_one_line(bus, run, arguments, reason):
    done = run("collect", bus.endpoint, "--no-db", *arguments)
    assert done.returncode != 0
    assert reason in done.stderr and done.stderr.count("\n") == 1, done.stderr
