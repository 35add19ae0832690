# ctest: long timeout=600
"""What a wall clock, a name or a number says need not be so: clocks that are set, publishers of one id, batches from a capture, numbers from the future."""

import mmap
import os
import shutil
import struct
import time

import msgpack
import pytest
import zmq

from conftest import BUILD, FULL, eventually
from streams import LONG, SCALE, SLOW, check_streams_are_whole, counters, declared, rows, stored_numbers

HOUR = 3600 * 10**9


@pytest.fixture
def wall_clock(bus):
    """wall_clock.environment for a process whose clock is to be set; wall_clock.set(seconds) ahead of the machine's."""
    library = BUILD / "preload" / "wall_clock.so"
    if SLOW or not library.exists():
        pytest.skip("sanitizers want to be the first library loaded")
    path = bus.directory / "clock"
    path.write_bytes(bytes(8))
    with open(path, "r+b") as file:
        memory = mmap.mmap(file.fileno(), 8)

    class WallClock:
        environment = {"LD_PRELOAD": str(library), "LOGBOOM_TEST_CLOCK": str(path)}

        def set(self, nanoseconds):
            memory[0:8] = struct.pack("<q", nanoseconds)

    yield WallClock()
    memory.close()


@pytest.mark.parametrize("whose", ["worker", "collector", "both"] if FULL else ["both"])
def test_the_clock_is_set_while_they_log(bus, start_collector, worker, status, wall_clock, whose):
    """An hour back, and forward again. Nothing waits for a clock: records go on being stored, once and in order, with the time that the clock of their process showed."""
    environment = wall_clock.environment
    collector = start_collector(environment=environment if whose != "worker" else None)
    path, count = bus.directory / "count", 40_000 // SCALE
    process = worker("burst", path, 10**9, "--pause-every", "5", environment=environment if whose != "collector" else None)
    steps = [0, -HOUR, HOUR, 0] if FULL else [-HOUR, HOUR]
    marks = []
    for number, ahead in enumerate(steps):
        wall_clock.set(ahead)
        # A sync point of the worker's clock comes every second; what was logged before it has the time from before.
        begun = time.time_ns()
        eventually(lambda: time.time_ns() > begun + 1_200_000_000)
        first = rows(bus)
        eventually(lambda: rows(bus) > first + count // 10, LONG, f"records after the clock was set by {ahead / HOUR:+.0f} h")
        now = time.time_ns()
        (created,), = bus.query("SELECT created FROM records WHERE logger = 'burst' ORDER BY id DESC LIMIT 1")
        marks.append((ahead if whose != "collector" else 0, created - now))
        assert status()["publishers_connected"] == 1 and status()["now"] - now > (ahead if whose != "worker" else 0) - 60 * 10**9
    process.kill()
    logged = counters(path)[0]
    eventually(lambda: not bus.spools(), LONG)
    stored = stored_numbers(bus)[process.pid, 0]
    assert stored in (list(range(1, logged + 1)), list(range(1, logged + 2)))
    check_streams_are_whole(bus)
    assert declared(bus) == 0
    for ahead, seen in marks:
        assert abs(seen - ahead) < 60 * 10**9, f"times of records are {seen / 1e9:.0f} s ahead, the clock was {ahead / 1e9:.0f} s"
    assert collector.stop() == 0
    print(f"{whose}: {len(stored)} records stored once, clock set {len(steps)} times")


class Peer:
    """A publisher that says what it wants: a publisher's sockets in the test's hand."""

    def __init__(self, bus, context, publisher):
        self.publisher = publisher
        self.push, self.control = context.socket(zmq.PUSH), context.socket(zmq.DEALER)
        for socket, address in ((self.push, bus.push), (self.control, bus.control)):
            socket.setsockopt(zmq.LINGER, 1000)
            socket.connect(address)

    def who(self, pid):
        return [self.publisher, "elsewhere", pid, "peer", 1_700_000_000_000_000_000]

    def hello(self, streams, pid=4711):
        self.control.send(msgpack.packb(["hello", 1, self.who(pid), streams]))
        return self.hear("welcome")

    def hear(self, kind, timeout=30_000):
        while self.control.poll(timeout):
            message = msgpack.unpackb(self.control.recv())
            if message[0] == kind:
                return message
        raise AssertionError(f"no {kind}")

    def batch(self, first, count, base=1, stream=0, pid=4711, text="record"):
        return msgpack.packb([1, self.who(pid), [[0, 20, "INFO", "", "peer.py", 1, "f"]], [[0, "peer"]], [[0, 1, "main"]],
                              [[stream, base, first, 0, [[time.time_ns(), 0, 0, [f"{text} {n}"]] for n in range(first, first + count)]]]])

    def state(self, stream=0):
        """(committed, expected) as the collector has it."""
        return tuple(self.hello([[stream, 1, 1]])[5][0][1:])


@pytest.fixture
def context():
    context = zmq.Context()
    yield context
    context.destroy(linger=0)


def peers(bus, publisher):
    return bus.query("SELECT stream, sequence, message FROM records WHERE lower(publisher) = ? AND logger = 'peer' ORDER BY id", publisher.hex())


def test_a_batch_replayed_from_a_capture(bus, start_collector, worker, context, status):
    """Whoever sends it, whenever, also to a collector started anew: it is a duplicate."""
    collector = start_collector()
    peer = Peer(bus, context, os.urandom(16))
    peer.hello([[0, 1, 1]])
    captured = [peer.batch(1, 100), peer.batch(101, 100)]
    for frame in captured:
        peer.push.send(frame)
    eventually(lambda: len(peers(bus, peer.publisher)) == 200)
    duplicates = status()["duplicates"]
    thief = Peer(bus, context, os.urandom(16))
    for _ in range(50):
        for frame in reversed(captured):
            thief.push.send(frame)
    eventually(lambda: status()["duplicates"] == duplicates + 50 * 200)
    collector.kill()
    collector = start_collector()
    for frame in captured:
        thief.push.send(frame)
    eventually(lambda: status()["duplicates"] == 200)
    assert [sequence for _, sequence, _ in peers(bus, peer.publisher)] == list(range(1, 201))
    check_streams_are_whole(bus)
    assert collector.stop() == 0


def test_two_publishers_of_one_id(bus, start_collector, worker, context, status):
    """A second one that has the id (a copied spool, a forger) shares its streams: of each number the first to come is stored. Others' records are untouched."""
    collector = start_collector()
    path = bus.directory / "count"
    honest = worker("burst", path, 20_000 // SCALE, "--pause-every", "20", "--hold")
    name = os.urandom(16)
    one, other = Peer(bus, context, name), Peer(bus, context, name)
    one.hello([[0, 1, 1]], pid=1)
    other.hello([[0, 1, 1]], pid=2)
    for n in range(20):
        one.push.send(one.batch(1 + 10 * n, 10, pid=1, text="one"))
        other.push.send(other.batch(1 + 10 * n, 10, pid=2, text="other"))
        # Acks go to who said hello last; who asks learns the same.
        eventually(lambda: one.state() == (10 * n + 10, 10 * n + 11) == other.state())
    numbers = [sequence for _, sequence, _ in peers(bus, name)]
    assert numbers == list(range(1, 201))
    # With a stream of its own number it can take what the first one has not used yet, and no more.
    other.push.send(other.batch(1, 50, stream=7, pid=2, text="other"))
    eventually(lambda: len(peers(bus, name)) == 250)
    eventually(lambda: bus.count("logger = 'burst'") == 20_000 // SCALE, LONG)
    assert stored_numbers(bus)[honest.pid, 0] == list(range(1, 20_000 // SCALE + 1))
    check_streams_are_whole(bus)
    assert status()["bad_frames"] == 0
    assert honest.stop() == 0 and collector.stop() == 0


def test_a_copied_spool_is_stored_once(bus, start_collector, worker):
    """A forged id need not be malice: a backup brought back beside the original."""
    path = bus.directory / "count"
    process = worker("burst", path, 5_000, "--threads", "2", "--hold")
    eventually(lambda: path.exists() and counters(path) == (5_000,) * 2)
    process.kill()
    (spool,) = bus.spools()
    shutil.copytree(spool, bus.directory / "backup" / spool.name)
    collector = start_collector("--adopt", bus.spool, "--adopt", bus.directory / "backup")
    eventually(lambda: not bus.spools() and not list((bus.directory / "backup").iterdir()), LONG, "both are read")
    assert sorted(map(len, stored_numbers(bus).values())) == [5_000, 5_000]
    check_streams_are_whole(bus)
    assert declared(bus) == 0 and collector.stop() == 0


FUTURE = {
    "far ahead": (1 << 40, 10, 1 << 40), "the last that is taken": ((1 << 62) - 11, 10, (1 << 62) - 11), "beyond what is taken": ((1 << 63), 10, 1 << 63),
    "the end of numbers": ((1 << 64) - 11, 10, (1 << 64) - 11), "zero": (0, 10, 0), "a gap that is not declared": (1_000, 10, 1),
}


@pytest.mark.parametrize("case", FUTURE)
def test_numbers_from_the_future(bus, start_collector, worker, context, status, case):
    """They hurt the streams of who sends them: what is declared lost is declared of that stream alone, what cannot be is dropped; the collector and everybody else go on."""
    collector = start_collector()
    path = bus.directory / "count"
    honest = worker("burst", path, 10_000 // SCALE, "--pause-every", "20", "--hold")
    peer = Peer(bus, context, os.urandom(16))
    peer.hello([[0, 1, 1]])
    peer.push.send(peer.batch(1, 5))
    eventually(lambda: len(peers(bus, peer.publisher)) == 5)
    first, count, base = FUTURE[case]
    peer.push.send(peer.batch(first, count, base))
    peer.push.send(peer.batch(6, 5, stream=1, base=6))
    eventually(lambda: any(stream == 1 for stream, _, _ in peers(bus, peer.publisher)))
    committed, expected = peer.state()
    gaps = bus.query("SELECT first, last FROM gap WHERE stream = 0")
    if case in ("far ahead", "the last that is taken"):
        eventually(lambda: peer.state() == (first + count - 1, first + count))
        assert bus.query("SELECT first, last FROM gap WHERE stream = 0") == [(6, first - 1)]
        peer.push.send(peer.batch(6, 5))  # it has said itself that these are lost
        assert peer.state() == (first + count - 1, first + count)
    else:
        assert (committed, expected) == (5, 6) and not gaps
        peer.push.send(peer.batch(6, 5))
        eventually(lambda: peer.state() == (10, 11))
    eventually(lambda: bus.count("logger = 'burst'") == 10_000 // SCALE, LONG)
    assert stored_numbers(bus)[honest.pid, 0] == list(range(1, 10_000 // SCALE + 1))
    # The store can be read, and taken up again.
    collector.kill()
    collector = start_collector()
    assert peer.state() == ((first + count - 1, first + count) if case in ("far ahead", "the last that is taken") else (10, 11))
    assert bus.query("PRAGMA integrity_check") == [("ok",)]
    assert honest.stop() == 0 and collector.stop() == 0
