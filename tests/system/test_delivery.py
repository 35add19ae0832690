# ctest: long timeout=900
"""The promise: what was logged is stored exactly once, in order within its stream, or declared lost with its exact number."""

import json
import signal
import time

import pytest
import zmq

from conftest import PATIENCE, eventually
from streams import LONG, SCALE, SLOW, check_streams_are_whole, counters, highest_memory, stored_numbers, wait_until_stored


def test_killed_workers_are_sent_by_the_next_publisher(bus, start_collector, worker):
    """No collector reads the spool (it could be on another host): the next publisher does."""
    path = bus.directory / "count"
    dead = worker("burst", path, 10**9, "--pause-every", "100")
    dead.wait_line(r"^ready", lines=dead.output)
    dead.kill()
    assert len(bus.spools()) == 1
    start_collector("--no-adopt")
    alive = worker("burst", bus.directory / "count2", 10, "--hold")
    eventually(lambda: set(pid for pid, _ in stored_numbers(bus)) == {dead.pid, alive.pid}, LONG)
    eventually(lambda: len(bus.spools()) == 1, LONG, "the dead worker's spool is removed")
    stored = stored_numbers(bus)[dead.pid, 0]
    assert stored in (list(range(1, counters(path)[0] + 1)), list(range(1, counters(path)[0] + 2)))


def test_recover_sends_what_is_left(bus, start_collector, worker, run):
    path = bus.directory / "count"
    dead = worker("burst", path, 10**9, "--pause-every", "100")
    dead.wait_line(r"^ready", lines=dead.output)
    dead.kill()
    without = run("recover", "--patience", "0.5")
    assert without.returncode == 3 and "no collector answers" in without.stderr
    assert len(bus.spools()) == 1
    start_collector("--no-adopt")
    done = run("recover")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1 spools recovered: ")
    assert not bus.spools()
    assert stored_numbers(bus)[dead.pid, 0][: counters(path)[0]] == list(range(1, counters(path)[0] + 1))
    check_streams_are_whole(bus)


def test_no_collector_at_first(bus, start_collector, worker):
    """A worker starts, logs and goes on without a collector; nothing is lost when one comes five seconds later."""
    count = 50_000 // SCALE
    process = worker("burst", bus.directory / "count", count, "--threads", "2", "--hold")
    eventually(lambda: (bus.directory / "count").exists() and counters(bus.directory / "count") == (count, count), LONG)
    time.sleep(5)  # the test's subject: a collector that is late, not a condition waited for
    assert process.running()
    start_collector()
    wait_until_stored(bus, 2 * count)
    assert {name[1]: len(stored) for name, stored in stored_numbers(bus).items()} == {0: count, 1: count}
    check_streams_are_whole(bus)


def test_worker_that_ends_before_any_collector_leaves_its_records(bus, start_collector, worker):
    process = worker("burst", bus.directory / "count", 1000)
    assert process.wait(LONG) == 0
    assert len(bus.spools()) == 1
    start_collector("--adopt", bus.spool)
    wait_until_stored(bus, 1000)
    eventually(lambda: not bus.spools(), LONG)
    check_streams_are_whole(bus)


def test_a_worker_ends_in_time_although_its_collector_is_stopped(bus, start_collector, worker):
    """The destructor's flush has a bound; what is not acknowledged by then stays in the spool, and is sent once."""
    collector = start_collector()
    count, path = 2000, bus.directory / "count"
    process = worker("burst", path, count, "--pause-every", "1", "--hold")
    wait_until_stored(bus, 10)
    collector.signal(signal.SIGSTOP)
    eventually(lambda: counters(path)[0] == count, LONG, "the worker runs on")
    process.signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0  # two seconds of flush_timeout and about one to end; without the bound it would wait for ever
    assert len(bus.spools()) == 1
    collector.signal(signal.SIGCONT)
    wait_until_stored(bus, count)
    eventually(lambda: not bus.spools(), LONG)
    assert stored_numbers(bus)[process.pid, 0] == list(range(1, count + 1))
    check_streams_are_whole(bus)


def test_publisher_memory_is_bounded_without_a_collector_and_after(bus, start_collector, worker):
    """What waits is on file: a worker with 80 MiB of it has a ring a thread and some buffers, and so has it while it sends them."""
    count, path = 80_000 // SCALE, bus.directory / "count"
    process = worker("burst", path, count, "--text", "1000", "--hold")
    eventually(lambda: path.exists() and counters(path) == (count,), LONG)
    waiting = sum(file.stat().st_size for file in bus.spools()[0].glob("overflow.*"))
    assert waiting > (60 << 20) // SCALE

    def highest():
        with open(f"/proc/{process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))

    alone = highest()
    start_collector()
    wait_until_stored(bus, count)
    print(f"highest resident memory {alone} KiB alone, {highest()} KiB once sent")
    if not SLOW:  # a sanitizer's shadow is not the publisher's
        assert highest() <= (16 + 2) * 1024  # as docs/architecture.md says; two rings
    check_streams_are_whole(bus)


def test_stopped_collector_loses_nothing_when_the_spool_is_large_enough(bus, start_collector, worker):
    """SIGSTOP while workers log far past their rings: the overflow takes it."""
    collector = start_collector()
    count = 100_000 // SCALE
    path = bus.directory / "count"
    process = worker("burst", path, count, "--text", "200", "--ring", str(128 * 1024), "--hold")
    process.wait_line(r"^ready", lines=process.output)
    collector.signal(signal.SIGSTOP)
    eventually(lambda: counters(path)[0] == count, LONG, "the worker runs on")
    collector.signal(signal.SIGCONT)
    wait_until_stored(bus, count)
    assert stored_numbers(bus)[process.pid, 0] == list(range(1, count + 1))
    assert bus.query("SELECT count(*) FROM gap") == [(0,)]
    check_streams_are_whole(bus)


@pytest.mark.parametrize("policy", [("--drop",), ("--block-ms", "20")])
def test_past_every_bound_the_loss_is_declared_exactly(bus, start_collector, worker, policy):
    """SIGSTOP while a worker logs past ring and overflow: logged = stored + declared."""
    collector = start_collector()
    count = 60_000 // SCALE
    path = bus.directory / "count"
    process = worker("burst", path, count, "--text", "500", "--ring", str(128 * 1024), "--overflow", str(1024 * 1024),
                     "--hold", *policy)
    process.wait_line(r"^ready", lines=process.output)
    collector.signal(signal.SIGSTOP)
    eventually(lambda: counters(path)[0] == count, LONG, "the worker runs on")
    collector.signal(signal.SIGCONT)

    def accounted():
        declared = bus.query("SELECT ifnull(sum(last - first + 1), 0) FROM gap")[0][0]
        return bus.count("logger = 'burst'") + declared == count and declared
    declared = eventually(accounted, LONG, "logged = stored + declared")
    stored = stored_numbers(bus)[process.pid, 0]
    assert stored == sorted(set(stored))
    assert len(stored) + declared == count
    check_streams_are_whole(bus)
    # The loss is seen by whoever reads the log.
    shown = bus.query("SELECT sum(fields->>'count') FROM records WHERE logger = 'logboom.gap' AND level = 30")
    assert shown == [(declared,)]


@pytest.mark.parametrize("text,count", [(100, 200_000), (60 << 10, 1_000)], ids=["short", "longest"])
def test_collector_memory_is_bounded_under_overload(bus, start_collector, worker, text, count):
    """Eight workers that never pause: the collector holds them back instead of growing."""
    collector = start_collector()
    count //= SCALE
    running = [worker("burst", bus.directory / f"count{n}", count, "--text", str(text)) for n in range(8)]
    assert [process.wait(LONG) for process in running] == [0] * 8
    wait_until_stored(bus, 8 * count)
    print(f"highest resident memory {highest_memory(collector):.0f} MiB")
    if not SLOW:  # a sanitizer's shadow is not the collector's
        assert highest_memory(collector) <= 100
    check_streams_are_whole(bus)


def test_collector_memory_is_bounded_whoever_floods_it(bus, start_collector):
    """Strangers that send the largest messages as fast as they can: docs/architecture.md says 9 MiB of each connection."""
    collector = start_collector()
    context = zmq.Context()
    message = json.dumps({"logger": "flood", "message": "x" * ((1 << 20) - 1000)}).encode()
    count = 16
    crowd = [context.socket(zmq.PUSH) for _ in range(count)]
    for socket in crowd:
        socket.setsockopt(zmq.SNDHWM, 2)
        socket.connect(bus.push)
    sent = 0
    try:
        while sent < 600 // SCALE:
            for socket in crowd:
                try:
                    socket.send(message, zmq.NOBLOCK, copy=False)
                    sent += 1
                except zmq.Again:
                    pass
            time.sleep(0.001)
        eventually(lambda: bus.count("logger = 'flood'") >= sent // 2, LONG)
        print(f"highest resident memory {highest_memory(collector):.0f} MiB")
        if not SLOW:
            assert highest_memory(collector) <= 100 + 9 * count
        assert collector.running()
    finally:
        context.destroy(linger=0)
