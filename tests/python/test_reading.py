# ctest: timeout=150
"""Subscriber and query(): iterators, filters, ends, threads and event loops."""

import asyncio
import datetime
import os
import signal
import threading
import time

import pytest
import zmq

import logboom
from system_fixtures import BUILD, PATIENCE, eventually


@pytest.fixture
def server(tmp_path):
    with logboom.Server(tmp_path / "logs.sqlite", port=None) as server:
        yield server


@pytest.fixture
def push(server):
    """Publishes plain records."""
    context = zmq.Context()
    socket = context.socket(zmq.PUSH)
    socket.connect(server.endpoint + ".push")
    yield lambda **record: socket.send_json({"logger": "app", **record})
    context.destroy(linger=0)


def stored(server, count):
    """Waits until so many records are committed, the collector's own included."""
    eventually(lambda: server.status()["records"] >= count)
    return server.sqlite_filepath


def test_iterates_over_what_comes(server, push):
    subscriber = server.subscribe(logger="app")
    push(message="one", level=30, rows=3, nested={"a": [1, None, True, 1.5]})
    push(message="two")
    first, second = next(subscriber), next(subscriber)
    assert (first.message, second.message) == ("one", "two")
    assert first.fields == {"rows": 3, "nested": {"a": [1, None, True, 1.5]}}
    assert (first.level, first.level_name, first.logger) == (30, "WARNING", "app")
    assert 0 < first.id < second.id
    assert abs(first.time / 1e9 - time.time()) < 3600
    assert first.arguments is None and first.attributes == {} and first.publisher == bytes(16)
    assert "one" in repr(first)
    with pytest.raises(AttributeError):
        first.message = "another"


def test_next_comes_back_without_a_record(server):
    assert server.subscribe(logger="app").next(0) is None
    assert server.subscribe(logger="app").next(0.05) is None


@pytest.mark.parametrize("words, expected", [
    ({"level": "warning"}, {"b", "c"}),
    ({"level": 40}, {"c"}),
    ({"logger": "net"}, {"b", "c"}),
    ({"logger": ["app", "net.http"]}, {"a", "c"}),
    ({"grep": "^[ab]$"}, {"a", "b"}),
    ({"where": "rows>=10"}, {"b", "c"}),
    ({"where": ["rows>=10", "rows<20"]}, {"b"}),
    ({"where": {"rows": 5}}, {"a"}),
    ({"where": {"table": "users", "hot": True}}, {"c"}),
    ({"process": "none*"}, set()),
    ({"pid": 12}, {"c"}),
    ({"pid": [11, 12]}, {"b", "c"}),
    ({"host": "far"}, {"a"}),
    ({"since": 1000, "until": 3000}, {"b"}),
    ({"since": datetime.datetime.fromtimestamp(3000)}, {"c"}),
    ({"until": datetime.datetime(1970, 1, 1, 0, 20, tzinfo=datetime.timezone.utc)}, {"a"}),
    ({"until": datetime.timedelta(days=1)}, {"a", "b", "c"}),
    ({"last": 2}, {"b", "c"}),
])
def test_filters_have_the_words_of_the_command_line(server, push, words, expected):
    push(message="a", level=20, rows=5, host="far", time=500.0)
    push(message="b", level=30, logger="net", rows=10, pid=11, time=2000.0)
    push(message="c", level=40, logger="net.http", rows=20, pid=12, table="users", hot=True, time=4000.0)
    database = stored(server, 4)
    found = [r for r in logboom.query(database, **words) if r.logger != "logboom.collector"]
    assert {r.message for r in found} == expected or "last" in words and {r.message for r in found} <= expected
    if "last" not in words:
        live = server.subscribe(**{"since": 0, **words})
        seen = {record.message for record in iter(lambda: live.next(0.2), None) if record.logger != "logboom.collector"}
        assert seen == expected


@pytest.mark.parametrize("words, error", [
    ({"level": "loud"}, ValueError),
    ({"grep": "("}, ValueError),
    ({"since": "yesterday"}, ValueError),
    ({"since": object()}, TypeError),
    ({"last": 0}, ValueError),
    ({"where": "rows"}, ValueError),
])
def test_mistakes_are_told(server, words, error):
    with pytest.raises(error) as told:
        server.subscribe(**words)
    assert "\n" not in str(told.value)


def test_a_wrong_address_and_a_missing_file_are_told():
    with pytest.raises(ValueError, match="pigeon"):
        logboom.Subscriber(endpoint="pigeon://home")
    with pytest.raises(logboom.StoreError, match="nowhere.sqlite"):
        logboom.query("/tmp/nowhere.sqlite")


def test_custom_level_names(server, push):
    import logging

    logging.addLevelName(33, "AUDIT")
    push(message="below", level=32)
    push(message="at", level=33, level_name="AUDIT")
    assert [r.message for r in logboom.query(stored(server, 3), level="audit")] == ["at"]


def test_history_joins_live(server, push):
    for i in range(50):
        push(message=str(i))
    stored(server, 51)
    subscriber = server.subscribe(logger="app", last=10)
    for i in range(50, 60):
        push(message=str(i))
    assert [next(subscriber).message for _ in range(20)] == [str(i) for i in range(40, 60)]


def test_stop_from_another_thread_ends_the_iteration(server):
    subscriber = server.subscribe(logger="app")
    threading.Timer(0.2, subscriber.stop).start()
    assert list(subscriber) == []
    assert subscriber.next(10) is None


def test_close_from_another_thread_ends_the_iteration(server):
    subscriber = server.subscribe(logger="app")
    threading.Timer(0.2, subscriber.close).start()
    assert list(subscriber) == []
    subscriber.close()
    with pytest.raises(RuntimeError):
        subscriber.next(0)


def test_waiting_lets_other_threads_run(server):
    subscriber = server.subscribe(logger="app")
    counted = 0

    def count():
        nonlocal counted
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            counted += 1

    thread = threading.Thread(target=count)
    thread.start()
    subscriber.next(0.6)
    thread.join()
    assert counted > 10_000


def test_ctrl_c_ends_the_waiting(server):
    subscriber = server.subscribe(logger="app")
    threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        subscriber.next(PATIENCE)


def test_until_idle(server, start, bus):
    environment = server.environment | {"LOGBOOM_SPOOL": str(bus.spool)}
    with server.subscribe(logger="burst", until_idle=2) as subscriber:
        workers = [start(BUILD / "workers" / "burst", bus.directory / f"count{i}", 3000, environment=environment) for i in range(2)]
        fields = [(record.pid, record.fields["i"]) for record in subscriber]
        assert subscriber.ended
    assert sorted(fields) == sorted((worker.pid, i) for worker in workers for i in range(1, 3001))


def test_asynchronous_iteration(server, push):
    async def main():
        subscriber = server.subscribe(logger="app")
        threads = threading.active_count()
        seen = []

        async def read():
            async for record in subscriber:
                seen.append(record.message)

        reading = asyncio.create_task(read())
        ticks = 0
        for i in range(2000):
            push(message=str(i))
        while len(seen) < 2000:
            await asyncio.sleep(0.01)
            ticks += 1
        assert threading.active_count() == threads + 1, "one reader, not one a record"
        subscriber.stop()
        await asyncio.wait_for(reading, PATIENCE)
        assert subscriber.missed == 0
        return seen, ticks

    seen, ticks = asyncio.run(main())
    assert seen == [str(i) for i in range(2000)]
    assert ticks > 0


def test_asynchronous_reading_holds_back_what_is_not_asked_for(server, push):
    async def main():
        subscriber = server.subscribe(logger="app")
        iterator = aiter_of(subscriber)
        for i in range(20_000):
            push(message=str(i))
        first = await iterator.__anext__()
        await asyncio.sleep(0.3)
        assert len(subscriber._ready) < 5000
        seen = [first.message]
        while len(seen) < 20_000:
            seen.append((await iterator.__anext__()).message)
        subscriber.close()
        return seen

    assert asyncio.run(main()) == [str(i) for i in range(20_000)]


def aiter_of(subscriber):
    return subscriber.__aiter__()


def test_an_abandoned_event_loop_leaves_nothing_that_hangs(server):
    async def main():
        subscriber = server.subscribe(logger="app")
        waiting = asyncio.ensure_future(aiter_of(subscriber).__anext__())
        await asyncio.sleep(0.1)
        waiting.cancel()
        return subscriber

    subscriber = asyncio.run(main())
    subscriber.close()
    eventually(lambda: not any(t.name == "logboom-subscriber" for t in threading.enumerate()))


def test_a_query_streams(server, push):
    for i in range(3000):
        push(message=str(i), padding="x" * 1000)
    database = stored(server, 3001)
    records = logboom.query(database, logger="app")
    assert [next(records).message for _ in range(3)] == ["0", "1", "2"]
    push(message="later")
    stored(server, 3002)
    assert [record.message for record in records] == [str(i) for i in range(3, 3000)], "as of when it began"
    assert [r.message for r in logboom.query(database, text="LATER")] == ["later"]
    with pytest.raises(ValueError):
        list(logboom.query(database, text="--"))
    assert [r.message for r in logboom.query(database, logger="app", last=700)] == [str(i) for i in range(2301, 3000)] + ["later"]
    assert list(records) == []


def test_a_forked_child_leaves_the_parents_reader_alone(server, push):
    subscriber = server.subscribe(logger="app")
    records = logboom.query(stored(server, 1))
    child = os.fork()
    if child == 0:
        code = 0
        for use in (lambda: subscriber.next(1), lambda: next(records)):
            try:
                use()
                code = 1
            except RuntimeError:
                pass
        subscriber.stop()
        subscriber.close()
        del subscriber, records
        os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    push(message="still here")
    assert next(subscriber).message == "still here"
