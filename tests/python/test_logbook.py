"""logbook's records on the bus and back."""

import asyncio
import datetime
import decimal
import logging
import threading
import time

import pytest

logbook = pytest.importorskip("logbook")

import logboom  # noqa: E402
import logboom.logbook  # noqa: E402
from system_fixtures import PATIENCE, eventually  # noqa: E402


@pytest.fixture
def server(bus, monkeypatch):
    for name, value in bus.environment.items():
        if name.startswith(("LOGBOOM", "XDG")):
            monkeypatch.setenv(name, value)
    with logboom.Server(bus.database, port=None, endpoint=bus.endpoint) as server:
        yield server


@pytest.fixture
def there_and_back(server):
    """there_and_back(log) gives the logbook records that log(logger) made, and what they are after the bus."""

    def run(log):
        subscriber = logboom.logbook.Subscriber(endpoint=server.endpoint, own=True, logger="trip")
        seen = logbook.TestHandler()
        handler = logboom.logbook.Handler()
        logger = logbook.Logger("trip")
        logger.handlers = [seen, handler]
        seen.bubble = True
        log(logger)
        for record in seen.records:
            record.pull_information()
        received = [subscriber.recv(PATIENCE) for _ in seen.records]
        assert subscriber.recv(0) is None
        subscriber.close()
        return list(zip(seen.records, received))

    return run


def exported(record):
    made = record.to_dict()
    made.pop("logboom_origin", None)
    made["process_name"] = made["process_name"] or "MainProcess"  # None before module multiprocessing is loaded
    for key in ("keep_open", "late"):  # what becomes of the object, not of the event
        made.pop(key, None)
    return made


def test_every_attribute_comes_back(there_and_back):
    def log(logger):
        logger.info("plain")
        logger.warn("{} of {n}: {!r}", "a", "b", n=3)
        logger.notice("{a} {b[0]}", a=1, b=[2])
        logger.error("positional {} {}", None, 1.5)
        logger.debug("100% {braces}")
        logger.trace("trace")
        logger.critical("with extra", extra={"user": "ann", "id": 7, "name": "clashes", "msg": "clashes", "cost": decimal.Decimal("1.10"), "tags": {1}})
        try:
            raise decimal.InvalidOperation("no such number")
        except decimal.InvalidOperation:
            logger.exception("fails {}", 1)

    pairs = there_and_back(log)
    for before, after in pairs:
        assert exported(after) == exported(before)
        assert (after.level_name, after.message) == (before.level_name, before.message)
        assert after.exception_name == before.exception_name
    assert [after.level_name for _, after in pairs] == ["INFO", "WARNING", "NOTICE", "ERROR", "DEBUG", "TRACE", "CRITICAL", "ERROR"]
    failed = pairs[-1][1]
    assert failed.exception_name == "decimal.InvalidOperation" and failed.exception_message == "no such number"
    assert failed.formatted_exception.startswith("Traceback")


def test_the_store_has_pythons_levels_and_logbooks_names(there_and_back, bus):
    there_and_back(lambda logger: [logger.notice("{} {n}", 1, n=2, extra={"rows": 3}), logger.trace("t")])
    rows = bus.query("SELECT level, level_name, logger, message, template, fields, function FROM records WHERE logger = 'trip' ORDER BY id")
    assert rows == [(25, "NOTICE", "trip", "1 2", "{} {n}", '{"rows":3}', "<lambda>"), (5, "TRACE", "trip", "t", "", None, "<lambda>")]


@pytest.mark.parametrize("format", ["utc", "local", lambda: datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=3)))])
def test_times_are_exact_to_the_microsecond(there_and_back, format):
    moments = [datetime.datetime(2026, 11, 25, 1, 2, 3, us) for us in (0, 1, 5, 50_000, 999_999)]
    zone = None if isinstance(format, str) else datetime.timezone(datetime.timedelta(hours=3))
    moments = [moment.replace(tzinfo=zone) for moment in moments]
    logbook.set_datetime_format(format)
    try:
        def log(logger):
            for moment in moments:
                record = logbook.LogRecord("trip", logbook.INFO, "m")
                record.heavy_init()
                record.time = moment
                for handler in logger.handlers:
                    handler.handle(record)

        pairs = there_and_back(log)
        assert [after.time for _, after in pairs] == moments
        assert {after.time.tzinfo is None for _, after in pairs} == {zone is None}
    finally:
        logbook.set_datetime_format("utc")


def test_arguments_that_do_not_fit_do_not_lose_the_record(server):
    subscriber = logboom.logbook.Subscriber(endpoint=server.endpoint, own=True, logger="trip")
    logger = logbook.Logger("trip")
    logger.handlers = [logboom.logbook.Handler()]
    with logbook.Flags(errors="silent"):
        logger.info("{} {}", 1)
        logger.info("object {}", object, extra={"thing": object()})
    first, second = subscriber.recv(PATIENCE), subscriber.recv(PATIENCE)
    assert first.message == "{} {}"
    assert second.message == "object <class 'object'>" and "object object" in second.extra["thing"]
    subscriber.close()


def test_level_filter_and_bubble_are_logbooks(server):
    subscriber = logboom.logbook.Subscriber(endpoint=server.endpoint, own=True, logger="trip")
    logger = logbook.Logger("trip")
    below = logbook.TestHandler()
    logger.handlers = [logboom.logbook.Handler(None, logbook.WARNING, lambda record, handler: "no" not in record.msg), below]
    for level, message in (("info", "low"), ("error", "no"), ("error", "yes")):
        getattr(logger, level)(message)
    assert subscriber.recv(PATIENCE).message == "yes"
    assert [record.message for record in below.records] == ["low", "no"]
    subscriber.close()


def test_emit_batch(server):
    subscriber = logboom.logbook.Subscriber(endpoint=server.endpoint, own=True, logger="trip")
    with logbook.FingersCrossedHandler(logboom.logbook.Handler()).threadbound():
        logger = logbook.Logger("trip")
        logger.debug("one")
        logger.info("two")
        logger.error("three")
    assert [subscriber.recv(PATIENCE).message for _ in range(3)] == ["one", "two", "three"]
    subscriber.close()


def test_dispatching_to_the_active_handlers(server):
    seen = logbook.TestHandler()
    log = logging.getLogger("trip")
    handler = logboom.attach(logger=log)
    log.propagate = False
    try:
        subscriber = logboom.logbook.Subscriber(endpoint=server.endpoint, own=True, logger="trip")
        with seen.threadbound():
            log.error("by logging: %d", 1)
            assert subscriber.dispatch_once(PATIENCE) is True
            assert subscriber.dispatch_once(0) is False
            threading.Timer(0.2, subscriber.stop).start()
            subscriber.dispatch_forever()
        assert seen.records[0].message == "by logging: 1" and seen.records[0].level_name == "ERROR"
        assert seen.records[0].channel == "trip"
        subscriber.close()

        background = logboom.logbook.Subscriber(endpoint=server.endpoint, own=True, logger="trip")
        controller = background.dispatch_in_background(seen)
        log.error("in the background")
        eventually(lambda: len(seen.records) == 2)
        controller.stop()
        background.close()
    finally:
        logboom.detach(log)
        log.propagate = True
        assert handler not in log.handlers


def test_run_ends_when_stopped_and_survives_a_failing_handler(server, capsys):
    class Failing(logbook.Handler):
        def handle(self, record):
            raise OSError("disk is full")

    async def main():
        log = logbook.Logger("parent")
        log.handlers = [Failing()]
        subscriber = logboom.logbook.Subscriber(log, endpoint=server.endpoint, own=True, logger="trip")
        running = asyncio.create_task(subscriber.run())
        child = logbook.Logger("trip")
        child.handlers = [logboom.logbook.Handler()]
        child.info("one")
        child.info("two")
        while subscriber.failures < 2:
            await asyncio.sleep(0.01)
        subscriber.stop()
        await asyncio.wait_for(running, PATIENCE)
        subscriber.close()

    asyncio.run(main())
    assert "disk is full" in capsys.readouterr().err


def test_records_from_the_bus_are_not_sent_back(server, bus):
    log = logbook.Logger("trip")
    log.handlers = [logboom.logbook.Handler()]
    subscriber = logboom.logbook.Subscriber(log, endpoint=server.endpoint, own=True, logger="trip")
    log.info("once")
    assert subscriber.dispatch_once(PATIENCE)
    log.info("twice")
    assert subscriber.dispatch_once(PATIENCE)
    assert not subscriber.dispatch_once(0.3)
    assert bus.count("logger = 'trip'") == 2
    subscriber.close()


def test_what_this_process_has_logged_is_left_out(server):
    log = logbook.Logger("trip")
    log.handlers = [logboom.logbook.Handler()]
    subscriber = logboom.logbook.Subscriber(endpoint=server.endpoint, logger="trip")
    log.info("mine")
    begin = time.monotonic()
    assert subscriber.recv(0.3) is None
    assert time.monotonic() - begin < PATIENCE
    subscriber.close()
