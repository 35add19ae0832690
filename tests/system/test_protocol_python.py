"""docs/protocol.md is enough: a publisher with handshake, acks, resends and bye in plain pyzmq and msgpack, written from that page alone."""

import os
import random
import signal
import time

import msgpack
import pytest
import zmq

from conftest import PATIENCE, eventually

VERSION = 1
SITE = [1, 20, "INFO", "solved {cells} cells in {ms:.1f} ms", "grid.py", 42, "solve"]


class Publisher:
    """One stream. Keeps every record until it is acked; a batch has at most `batch` records."""

    def __init__(self, context, bus, batch=50):
        self.context, self.bus, self.batch = context, bus, batch
        self.id = os.urandom(16)
        self.who = [self.id, "testhost", os.getpid(), "py-publisher", time.time_ns()]
        self.records = {}  # by sequence number, not yet acked
        self.base, self.next, self.sent = 1, 1, 1
        self.epoch = None
        self.window = 0
        self.left = False
        self.errors = []
        self.flushed = set()
        self.resends = 0
        self.push = None
        self.control = context.socket(zmq.DEALER)
        self.control.setsockopt(zmq.LINGER, 0)
        self.control.connect(bus.control)
        self.reopen()

    def reopen(self):
        if self.push is not None:
            self.push.close(linger=0)
        self.push = self.context.socket(zmq.PUSH)
        self.push.setsockopt(zmq.SNDHWM, 8)
        self.push.setsockopt(zmq.LINGER, 0)
        self.push.setsockopt(zmq.IMMEDIATE, 1)
        self.push.connect(self.bus.push)

    def close(self):
        self.push.close(linger=0)
        self.control.close(linger=0)

    def log(self, cells, ms):
        self.records[self.next] = [time.time_ns(), 1, 1, [cells, ms], {"step": self.next}]
        self.next += 1

    def hello(self):
        self.say(["hello", VERSION, self.who, [[0, self.base, self.next]]])
        self.heard = time.monotonic()

    def say(self, message):
        try:
            self.control.send(msgpack.packb(message), zmq.DONTWAIT)
        except zmq.Again:
            pass  # no collector: said again after 300 ms

    def encode(self, first, records):
        return msgpack.packb([VERSION, self.who, [SITE], [[1, "solver.grid"]], [[0, 77, "main"]],
                              [[0, self.base, first, 0, records]]])

    def send(self):
        while self.epoch and self.window and self.sent < self.next and self.sent - self.base < 64 * self.batch:
            end = min(self.sent + self.batch, self.next)
            try:
                self.push.send(self.encode(self.sent, [self.records[n] for n in range(self.sent, end)]), zmq.DONTWAIT)
            except zmq.Again:
                return
            self.sent = end

    def take_state(self, epoch, window, streams, welcome=False):
        self.window = window
        for stream, committed, expected in streams:
            assert stream == 0
            while self.base <= committed:
                self.records.pop(self.base, None)
                self.base += 1
            if welcome and (epoch != self.epoch or (window > 0 and expected < self.sent)):
                self.reopen()
                self.resends += self.epoch is not None and epoch != self.epoch
                self.sent = max(self.base, expected)
        self.epoch = epoch
        self.heard = time.monotonic()

    def take(self, message):
        kind, *rest = message
        if kind == "welcome":
            version, epoch, window, _levels, streams = rest[:5]  # elements after the known ones are ignored
            assert version == VERSION
            self.take_state(epoch, window, streams, welcome=True)
        elif kind == "ack":
            epoch, window, streams = rest
            if epoch == self.epoch:
                self.take_state(epoch, window, streams)
        elif kind == "resend":
            self.reopen()
            self.sent = max(self.base, rest[1][0][1])
        elif kind == "flushed":
            self.flushed.add(rest[0])
        elif kind == "bye":
            assert rest[0] == self.id
            self.left = True
        elif kind == "error":
            self.errors.append(rest[0])

    def step(self, milliseconds=5):
        if self.control.poll(milliseconds):
            self.take(msgpack.unpackb(self.control.recv()))
        if self.epoch is None or (self.base < self.sent and time.monotonic() - self.heard > 0.3):
            if self.epoch is not None or time.monotonic() - getattr(self, "heard", 0) > 0.3:
                self.hello()
        self.send()

    def run_until(self, condition, timeout=PATIENCE):
        end = time.monotonic() + timeout
        while not condition():
            self.step()
            assert time.monotonic() < end, f"base {self.base} sent {self.sent} next {self.next} window {self.window}"

    def acked(self):
        return self.base == self.next

    def bye(self):
        said = 0.0
        end = time.monotonic() + PATIENCE
        while not self.left:
            if time.monotonic() - said > 0.3:
                self.say(["bye", self.id, [[0, self.next - 1]]])
                said = time.monotonic()
            if self.control.poll(50):
                self.take(msgpack.unpackb(self.control.recv()))
            assert time.monotonic() < end, "no answer to bye"


@pytest.fixture
def context():
    made = zmq.Context()
    yield made
    made.destroy(linger=0)


@pytest.fixture
def publisher(context, bus):
    made = Publisher(context, bus)
    yield made
    made.close()


def test_handshake_batches_acks_flush_and_bye(bus, collector, publisher):
    for i in range(1000):
        publisher.log(i, i / 2)
    publisher.run_until(publisher.acked)
    publisher.say(["flush", 99])
    publisher.run_until(lambda: 99 in publisher.flushed)
    publisher.bye()

    rows = bus.query("SELECT sequence, message, level_name, logger, process, thread, line FROM records "
                     "WHERE logger = 'solver.grid' ORDER BY id")
    assert [row[0] for row in rows] == list(range(1, 1001))
    assert rows[1][1:] == ("solved 1 cells in 0.5 ms", "INFO", "solver.grid", "py-publisher", "main", 42)
    assert bus.query("SELECT fields->>'cells', fields->>'ms', fields->>'step' FROM records "
                     "WHERE logger = 'solver.grid' AND sequence = 8") == [(7, 3.5, 8)]


def test_exactly_once_across_sigkill_of_the_collector(bus, start_collector, publisher):
    seed = int(os.environ.get("LOGBOOM_SEED", random.randrange(1 << 30)))
    print("seed", seed)
    choose = random.Random(seed)
    total, kills = 20_000, 5
    kill_at = sorted(choose.sample(range(500, total - 500), kills))
    collector = start_collector("--no-adopt")
    for i in range(total):
        publisher.log(i, 1.0)
        if kill_at and i == kill_at[0]:
            kill_at.pop(0)
            publisher.run_until(lambda: publisher.base > i // 2)  # some of it is acked, some of it is not
            collector.kill()
            collector = start_collector("--no-adopt")
        if i % 50 == 0:
            publisher.step(0)
    publisher.run_until(publisher.acked)
    publisher.bye()
    assert collector.stop() == 0
    assert bus.query("SELECT count(*), count(DISTINCT sequence), min(sequence), max(sequence) FROM records "
                     "WHERE logger = 'solver.grid'") == [(total, total, 1, total)]
    sequence = [row[0] for row in bus.query("SELECT sequence FROM records WHERE logger = 'solver.grid' ORDER BY id")]
    assert sequence == sorted(sequence)


def test_what_was_sent_twice_is_stored_once_and_acked_again(bus, collector, publisher):
    for i in range(100):
        publisher.log(i, 1.0)
    copy = dict(publisher.records)
    publisher.run_until(publisher.acked)
    publisher.push.send(publisher.encode(1, [copy[n] for n in range(1, 101)]))
    publisher.say(["flush", 1])
    publisher.run_until(lambda: 1 in publisher.flushed)
    publisher.log(100, 1.0)
    publisher.run_until(publisher.acked)
    assert bus.count() == 101


def test_a_gap_in_the_numbers_is_asked_for_again(bus, collector, publisher):
    publisher.hello()
    publisher.run_until(lambda: publisher.epoch)
    for i in range(200):
        publisher.log(i, 1.0)
    # The second half first: nothing of it may be stored before the first half is.
    publisher.push.send(publisher.encode(101, [publisher.records[n] for n in range(101, 201)]))
    message = None
    while message is None or message[0] != "resend":
        assert publisher.control.poll(PATIENCE * 1000)
        message = msgpack.unpackb(publisher.control.recv())
    assert message == ["resend", publisher.epoch, [[0, 1]]]
    publisher.take(message)
    publisher.run_until(publisher.acked)
    assert [r[0] for r in bus.query("SELECT sequence FROM records WHERE sequence > 0 ORDER BY id")] == list(range(1, 201))


def test_what_the_publisher_no_longer_holds_is_declared_lost(bus, collector, publisher):
    publisher.hello()
    publisher.run_until(lambda: publisher.epoch)
    for i in range(30):
        publisher.log(i, 1.0)
    publisher.run_until(publisher.acked)
    publisher.base = publisher.next = publisher.sent = 41  # 31 to 40 are gone
    publisher.log(40, 1.0)
    publisher.run_until(publisher.acked)
    lost = bus.query("SELECT message FROM records WHERE logger = 'logboom.gap'")
    assert len(lost) == 1 and lost[0][0].startswith("10 records lost")
    assert bus.count("sequence > 0") == 31


def test_a_gap_record_is_stored_as_such(bus, collector, publisher):
    publisher.log(1, 1.0)
    publisher.records[2] = [time.time_ns(), None, 1, "ring full"]
    publisher.next = 3
    publisher.log(2, 1.0)
    publisher.run_until(publisher.acked)
    assert [r[0] for r in bus.query("SELECT message FROM records WHERE logger = 'logboom.gap'")] == ["1 record lost: ring full"]
    assert bus.count() == 2


def test_a_newer_version_is_told_so_and_the_connection_stays(bus, collector, publisher):
    publisher.say(["hello", 2, publisher.who, [[0, 1, 1]]])
    publisher.run_until(lambda: publisher.errors)
    assert "version 2" in publisher.errors[0] and "version 1" in publisher.errors[0]
    publisher.log(1, 1.0)
    publisher.run_until(publisher.acked)


def test_new_elements_at_the_end_are_ignored(bus, collector, publisher):
    publisher.say(["hello", VERSION, publisher.who + ["new"], [[0, 1, 1, "new"]], {"new": 1}])
    publisher.run_until(lambda: publisher.epoch)
    batch = [VERSION, publisher.who + [None], [SITE + ["new"]], [[1, "solver.grid", 5]], [[0, 77, "main", {}]],
             [[0, 1, 1, 0, [[time.time_ns(), 1, 1, [1, 2.0], None, {"task": "t1"}, "new"]], "new"]], "new"]
    publisher.push.send(msgpack.packb(batch))
    eventually(lambda: bus.count("task = 't1'") == 1)


def test_info_tells_where_the_store_is(bus, collector, publisher):
    publisher.say(["info"])
    assert publisher.control.poll(PATIENCE * 1000)
    kind, info = msgpack.unpackb(publisher.control.recv())
    assert kind == "info"
    assert info["database"] == str(bus.database) and info["pid"] == collector.pid and info["version"] == 1


def test_viewer_sync_then_live_in_order_of_id(bus, collector, context, publisher):
    for i in range(10):
        publisher.log(i, 1.0)
    publisher.run_until(publisher.acked)
    viewer = context.socket(zmq.SUB)
    viewer.connect(bus.live)
    viewer.subscribe(b"2solver.")
    viewer.subscribe(b"S0123456789abcdef")
    assert viewer.poll(PATIENCE * 1000)
    topic, frame = viewer.recv_multipart()
    assert topic == b"S0123456789abcdef"
    sync = msgpack.unpackb(frame)
    assert sync["counters"]["2solver.grid."] == 10
    assert bus.query("SELECT max(id) FROM records WHERE logger = 'solver.grid'")[0][0] <= sync["id"]

    for i in range(10):
        publisher.log(i, 1.0)
    publisher.run_until(publisher.acked)
    received = []
    while len(received) < 10:
        assert viewer.poll(PATIENCE * 1000)
        topic, frame = viewer.recv_multipart()
        if topic == b"2solver.grid.":
            received.append(msgpack.unpackb(frame))
    assert [one["n"] for one in received] == list(range(11, 21))
    assert all(one["id"] > sync["id"] for one in received)
    assert [(one["id"], one["sequence"], one["message"]) for one in received] == bus.query(
        "SELECT id, sequence, message FROM records WHERE sequence > 10 ORDER BY id")

    # The tick of the second, with the counters that moved.
    viewer.subscribe(b"T")
    publisher.log(0, 0.0)
    while topic != b"T":
        assert viewer.poll(PATIENCE * 1000)
        topic, frame = viewer.recv_multipart()
    assert msgpack.unpackb(frame)["counters"]["2solver.grid."] >= 20
    viewer.close(linger=0)


def test_sigstopped_collector_holds_the_publisher_back_and_loses_nothing(bus, collector, publisher):
    publisher.log(0, 0.0)
    publisher.run_until(publisher.acked)
    collector.signal(signal.SIGSTOP)
    for i in range(20_000):
        publisher.log(i, 1.0)
        if i % 100 == 0:
            publisher.step(0)
    collector.signal(signal.SIGCONT)
    publisher.run_until(publisher.acked)
    assert bus.count() == 20_001
