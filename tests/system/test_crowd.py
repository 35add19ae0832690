# ctest: long timeout=900
"""Many peers at once, and few that take all: who is quiet is heard, who is slow costs the others nothing."""

import json
import os
import pathlib
import resource
import signal
import statistics
import subprocess
import threading
import time

import msgpack
import pytest
import zmq

from conftest import COMMAND, FULL, eventually
from streams import LONG, SCALE, check_streams_are_whole, counters, declared, highest_memory, rows, stored_numbers


@pytest.fixture
def context():
    context = zmq.Context()
    context.set(zmq.MAX_SOCKETS, 20_000)
    yield context
    context.destroy(linger=0)


def delays_of(processes):
    """Seconds from each log call to its commit, sorted."""
    found = []
    for process in processes:
        process.wait_line("^done$", LONG, lines=process.output)
        found += [float(line.split()[2]) / 1000 for line in process.output if line.startswith("committed after")]
    return sorted(found)


def told(delays):
    return (f"median {statistics.median(delays) * 1000:.0f} ms, 99 % {delays[len(delays) * 99 // 100] * 1000:.0f} ms, longest {delays[-1] * 1000:.0f} ms")


class PlainFlood(threading.Thread):
    """Plain records of 4 KiB as fast as they are taken: their sender knows of no window, and keeps none."""

    def __init__(self, context, address):
        super().__init__(daemon=True)
        self.socket = context.socket(zmq.PUSH)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.connect(address)
        self.sent, self.over = 0, False
        self.start()

    def run(self):
        message = b'{"logger": "burst", "message": "%s"}' % (b"x" * 4096)
        while not self.over:
            if self.socket.poll(100, zmq.POLLOUT):
                self.socket.send(message, copy=False)
                self.sent += 1
        self.socket.close()

    def kill(self):
        self.over = True
        self.join()


@pytest.fixture
def busy():
    """Two processors have something else to do."""
    loops = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(2)]
    yield
    for loop in loops:
        loop.kill()
        loop.wait()


@pytest.mark.parametrize("kind", ["publisher", "plain"])
def test_one_floods_fifty_are_quiet(bus, start_collector, worker, context, kind, busy):
    """What the quiet ones log is committed while the flood goes on: it waits for what is on its way, not for what is behind it, and of that there is never more than the store writes in a moment."""
    start_collector()
    quiet, ticks = 50, 100 if FULL else 4
    if kind == "publisher":
        # At its bound from the beginning: its threads wait for what is acked, so that nothing but the collector holds it back.
        flood = worker("burst", bus.directory / "count", 10**9, "--threads", "2", "--text", "100", "--overflow", "1", "--block-ms", "3600000")
    else:
        flood = PlainFlood(context, bus.push)
    eventually(lambda: rows(bus) > 20_000 // SCALE, LONG)
    before, began = rows(bus), time.monotonic()
    delays = delays_of([worker("metronome", "quiet", 100, ticks) for _ in range(quiet)])
    after, seconds = rows(bus), time.monotonic() - began
    eventually(lambda: rows(bus) > after, what="the flood goes on")
    flood.kill()
    print(f"{kind}: {told(delays)} from the call to the commit; beside them {(after - before) / seconds:.0f} records/s were stored")
    assert len(delays) == quiet * ticks
    assert after - before > 1_000 // SCALE, "that was no flood"
    if FULL:
        assert delays[-1] < 1.0


def test_five_hundred_publishers_at_once(bus, start_collector, worker, run):
    collector = start_collector()

    def state():
        """Nothing while the machine is too busy with so many processes' start to answer in time."""
        done = run("status", "-o", "json")
        return json.loads(done.stdout) if done.returncode == 0 else {}
    publishers, count = (500 if FULL else 120) // SCALE, 20
    crowd = [worker("burst", bus.directory / f"count{n}", count, "--hold", stdout=subprocess.DEVNULL) for n in range(publishers)]
    eventually(lambda: state().get("publishers_connected") == publishers, LONG, "all of them are connected")
    eventually(lambda: rows(bus) >= publishers * count, LONG)
    resident = highest_memory(collector)
    for process in crowd:
        process.signal(signal.SIGTERM)
    assert [process.wait(LONG) for process in crowd] == [0] * publishers
    numbers = stored_numbers(bus)
    assert len(numbers) == publishers and set(map(tuple, numbers.values())) == {tuple(range(1, count + 1))}
    check_streams_are_whole(bus)
    assert declared(bus) == 0
    # Whose bye was not answered in time leaves a spool, empty as it is, for the collector to say bye to.
    eventually(lambda: not bus.spools(), LONG)
    eventually(lambda: state().get("publishers_known") == 0, LONG)
    print(f"{publishers} publishers, {publishers * count} records stored once; collector's highest resident memory {resident:.0f} MiB")


def wakeups(process):
    """Of the thread that sends, since it began."""
    for task in pathlib.Path(f"/proc/{process.pid}/task").iterdir():
        if (task / "comm").read_text().strip() == "logboom":
            status = (task / "status").read_text().splitlines()
            return next(int(line.split()[1]) for line in status if line.startswith("voluntary_ctxt_switches"))
    raise AssertionError("no sender")


def test_who_has_nothing_to_say_sleeps(bus, start_collector, worker):
    """There may be hundreds of them on a host. (The collector asks now and then whether they are there: that is no reason to be wide awake.)"""
    start_collector()
    process = worker("burst", bus.directory / "count", 1, "--hold")
    eventually(lambda: bus.count("logger = 'burst'") == 1)

    def asleep():
        before = wakeups(process)
        time.sleep(3)  # over which is counted: it looks at its ring 20 times a second, 100 times while it had to say something lately
        return wakeups(process) - before < 3 * 40
    eventually(asleep, what="it looks rarely")


def test_who_waits_for_a_busy_collector_leaves_it_the_processors(bus, start_collector, worker):
    """Hundreds wait at once. (It was 1,000 looks a second while acks came and 100 for five seconds after them: 250 publishers took both processors.)"""
    collector = start_collector()
    path, count = bus.directory / "count", 500
    process = worker("burst", path, count, "--pause-every", "1", "--hold")
    eventually(lambda: bus.count("logger = 'burst'") >= 10)
    collector.signal(signal.SIGSTOP)
    eventually(lambda: counters(path) == (count,), LONG, "the worker runs on")
    before, begin = wakeups(process), time.monotonic()
    time.sleep(2)  # over which is counted; a loaded machine makes it less
    looks = (wakeups(process) - before) / (time.monotonic() - begin)
    collector.signal(signal.SIGCONT)
    eventually(lambda: bus.count("logger = 'burst'") == count, LONG)
    assert looks < 60, f"{looks:.0f} looks a second"


def memory(process):
    with open(f"/proc/{process.pid}/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize() / (1 << 20)


def test_connections_opened_and_closed(bus, start_collector, status, context):
    """Of publishers, of control and of viewers, half of them with a hello under a name that is never heard of again: what they took is given back."""
    collector = start_collector()

    def files():
        return len(os.listdir(f"/proc/{collector.pid}/fd"))
    connections, at_once = (5_000 if FULL else 600) // SCALE, 50

    def wave(number):
        sockets = []
        for i in range(at_once):
            kind, address = [(zmq.PUSH, bus.push), (zmq.DEALER, bus.control), (zmq.SUB, bus.live)][i % 3]
            socket = context.socket(kind)
            socket.setsockopt(zmq.LINGER, 5000)
            socket.connect(address)
            if kind == zmq.PUSH:
                socket.send(b'{"logger": "crowd", "message": "%d"}' % (number * at_once + i))
            elif kind == zmq.DEALER:
                who = [os.urandom(16), "elsewhere", 4711, "crowd", time.time_ns()]
                socket.send(msgpack.packb(["hello", 1, who, [[0, 1, 1]]]))
            else:
                socket.setsockopt(zmq.SUBSCRIBE, b"2crowd." + os.urandom(8).hex().encode())
            sockets.append(socket)
        for socket in sockets:
            if socket.type == zmq.DEALER:
                assert socket.poll(30_000), "no welcome"
            socket.close()
        return (at_once + 2) // 3

    sent = wave(0)
    idle = files()
    eventually(lambda: bus.count("logger = 'crowd'") == sent)
    at_first = memory(collector)
    for number in range(1, connections // at_once):
        sent += wave(number)
    eventually(lambda: bus.count("logger = 'crowd'") == sent, LONG)
    eventually(lambda: files() <= idle, LONG, "their descriptors are closed")
    eventually(lambda: status()["publishers_connected"] == 0, LONG)
    grown = memory(collector) - at_first
    print(f"{connections} connections opened and closed, {sent} records sent and stored; resident memory {at_first:.0f} MiB after the first {at_once}, {grown:+.0f} MiB since")
    if SCALE == 1:
        assert grown < 24
    assert collector.stop() == 0


def processor_time(process):
    with open(f"/proc/{process.pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Onlookers(threading.Thread):
    """Viewers that read as fast as they can."""

    def __init__(self, context, address, count):
        super().__init__(daemon=True)
        self.over = False
        self.sockets = [context.socket(zmq.SUB) for _ in range(count)]
        for socket in self.sockets:
            socket.setsockopt(zmq.LINGER, 0)
            socket.connect(address)
            socket.setsockopt(zmq.SUBSCRIBE, b"2burst.")
        self.start()

    def run(self):
        poller = zmq.Poller()
        for socket in self.sockets:
            poller.register(socket, zmq.POLLIN)
        while not self.over:
            for socket, _ in poller.poll(100):
                try:
                    while True:
                        socket.recv(zmq.NOBLOCK)
                except zmq.Again:
                    pass
        for socket in self.sockets:
            socket.close()


def test_a_slow_viewer_among_fifty(bus, start_collector, start, worker, status, context):
    """What it has no room for is dropped for it; viewers that read see all of it, and the collector's work for a record is what it was."""
    collector = start_collector()
    onlookers = Onlookers(context, bus.live, 48)
    reader = start(COMMAND, "tail", "-o", "json", "-n", "burst", stdout=subprocess.DEVNULL)
    stuck = start(COMMAND, "tail", "-o", "json", "-n", "burst", stdout=subprocess.DEVNULL)
    eventually(lambda: status()["viewers"] == 50, LONG)
    count, stored = (40_000 if FULL else 10_000) // SCALE, 0
    costs = {False: [], True: []}
    for round_ in range(12 if FULL else 2):
        slow = round_ % 2 == 1
        stuck.signal(signal.SIGSTOP if slow else signal.SIGCONT)
        before = processor_time(collector)
        assert worker("burst", bus.directory / f"count{round_}", count, "--pause-every", "20").wait(LONG) == 0
        stored += count
        eventually(lambda: rows(bus) >= stored, LONG)
        costs[slow].append(processor_time(collector) - before)
    ratio = statistics.median(costs[True]) / statistics.median(costs[False])
    print(f"processor time of the collector for {count} records to 50 viewers, median of {len(costs[True])}: {statistics.median(costs[False]):.2f} s; "
          f"with one of them stopped {statistics.median(costs[True]):.2f} s, {100 * (ratio - 1):+.1f} %; highest resident memory {highest_memory(collector):.0f} MiB")
    check_streams_are_whole(bus)
    assert declared(bus) == 0
    if SCALE == 1:
        assert highest_memory(collector) <= 100 + 50 * 2  # docs/architecture.md: 256 messages of a viewer, here of less than 1 KiB
    # Who reads finds in the store what it missed meanwhile; who does not is no reason to miss anything.
    stuck.signal(signal.SIGCONT)
    assert reader.running() and status()["missed"] == 0
    onlookers.over = True
    onlookers.join()
    assert collector.stop() == 0
