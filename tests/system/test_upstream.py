"""A host's collector forwards to a hub: exactly once and in order within each stream, whatever dies or is cut on the way, and as it would have arrived directly."""
# ctest: long timeout=900

import collections
import json
import logging
import logging.handlers
import os
import random
import re
import signal
import sqlite3
import struct
import subprocess
import textwrap
import time

import msgpack
import pytest
import zmq

from conftest import COMMAND, PATIENCE, SANITIZED, Collector, eventually, module_environment
from network import Switch, standing
from streams import counters

SLOW = PATIENCE > 60
SCALE = 10 if SLOW else 1
LONG = PATIENCE * 6

COLUMNS = ("created, level, level_name, logger, message, fields, host, process, pid, thread, tid, file, line, function, template, exception_type, "
           "exception, stack, task, attributes, started")


class Site:
    """One collector of several: its address, its file, its arguments; started again and again."""

    def __init__(self, bus, start_collector, name, *arguments, endpoint=None, store=True, prefix=()):
        self.bus, self.begin, self.name = bus, start_collector, name
        self.endpoint = endpoint or f"ipc://{bus.runtime}/{name}"
        self.database = bus.directory / f"{name}.sqlite" if store else None
        self.arguments, self.process = arguments, None
        self.environment = {"LOGBOOM_SPOOL": str(bus.directory / f"{name}-state" / "spool")}

    def start(self, *more):
        self.process = self.begin("--no-adopt", *self.arguments, *more, endpoint=self.endpoint, database=self.database, environment=self.environment)
        return self

    def again(self, *more):
        self.process.kill()
        return self.start(*more)

    def query(self, sql, *parameters):
        try:
            return self.bus.query(sql, *parameters, database=self.database)
        except sqlite3.OperationalError:  # not made yet
            return []

    def count(self, where="1"):
        return self.bus.count(where, database=self.database)

    def numbered(self):
        """Every row of a publisher that is not this or another collector, by its name, without the id."""
        return self.query(f"SELECT lower(publisher), stream, sequence, {COLUMNS} FROM records WHERE sequence IS NOT NULL AND logger NOT LIKE 'plain%' "
                          "AND logger NOT LIKE 'logboom.%' ORDER BY 1, 2, 3")

    def plain(self):
        return collections.Counter(self.query(f"SELECT {COLUMNS} FROM records WHERE logger LIKE 'plain%'"))


@pytest.fixture
def site(bus, start_collector):
    return lambda name, *arguments, **options: Site(bus, start_collector, name, *arguments, **options)


@pytest.fixture
def pair(site):
    """A hub and a host that forwards to it; not started."""
    hub = site("hub")
    return hub, site("host", "--upstream", hub.endpoint)


def burst(worker, host, path, count, *arguments):
    return worker("burst", path, count, *arguments, environment={"LOGBOOM_ENDPOINT": host.endpoint})


def check_streams(site, order=True):
    """Records and gaps of each publisher's stream are 1, 2, 3 … without a hole or a repeat; the records in the order of storing."""
    streams = collections.defaultdict(list)
    for publisher, stream, sequence in site.query(
            "SELECT publisher, stream, sequence FROM records WHERE sequence IS NOT NULL AND logger <> 'logboom.gap' ORDER BY id"):
        streams[publisher, stream].append((sequence, sequence))
    assert streams
    for name, records in streams.items():
        assert not order or records == sorted(records), f"stream {name} is out of order"
    for publisher, stream, first, last in site.query(
            "SELECT lower(hex(p.uuid)), stream, first, last FROM gap JOIN publisher p ON p.id = publisher_id"):
        streams[publisher, stream].append((first, last))
    for name, parts in streams.items():
        expected = 1
        for first, last in sorted(parts):
            assert first == expected, f"stream {name}: {first} after {expected - 1}"
            expected = last + 1


class Plain:
    """Plain records to a site's PULL socket."""

    def __init__(self, site):
        self.socket = zmq.Context.instance().socket(zmq.PUSH)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.IMMEDIATE, 1)
        self.socket.connect(f"{site.endpoint}.push")

    def send(self, record):
        self.socket.send(msgpack.packb(record))

    def try_send(self, record):
        try:
            self.socket.send(msgpack.packb(record), zmq.DONTWAIT)
            return True
        except zmq.Again:
            return False

    def close(self):
        self.socket.close()


@pytest.fixture
def plain():
    made = []

    def make(site):
        made.append(Plain(site))
        return made[-1]

    yield make
    for one in made:
        one.close()


def batch(records, publisher=None, base=1, first=1):
    """A batch of one stream as any language could make it; records: (level, message arguments, fields, attributes)."""
    who = [publisher or os.urandom(16), "elsewhere", 4711, "pyzmq", 1_700_000_000_000_000_000]
    levels = sorted({record[0] for record in records})
    sites = [[level, level, "", "{what} of {n}", "made.py", 10 + level, "make"] for level in levels]
    rows = [[time.time_ns(), level, 3, arguments, *more] for level, arguments, *more in records]
    return msgpack.packb([1, who, sites, [[3, "made.up"]], [[0, 77, "thread ü"]], [[5, base, first, 0, rows]]])


PYTHON_WORKER = textwrap.dedent("""
    import logging, sys
    import logboom
    handler = logboom.Handler()
    log = logging.getLogger("python.worker")
    log.setLevel(5)
    log.addHandler(handler)
    log.propagate = False
    for i in range(1, int(sys.argv[1]) + 1):
        if i % 10 == 0:
            try:
                1 / 0
            except ZeroDivisionError:
                log.exception("failed at %d", i, extra={"who": ("a", {1, 2}), "when": 1.5})
        else:
            log.info("record %d of %s", i, "many", extra={"i": i})
    logging.shutdown()
""")


def python_worker(start, host, count):
    if SANITIZED:
        return None
    return start("/usr/bin/python3", "-c", PYTHON_WORKER, count, environment={"LOGBOOM_ENDPOINT": host.endpoint} | module_environment())


def test_rows_arrive_as_they_would_have_directly(bus, pair, worker, start, plain):
    hub, host = pair
    hub.start()
    host.start("--python-tcp", "0")
    port = int(re.search(r"python-tcp 127\.0\.0\.1:(\d+)", host.process.wait_line("collecting on .*").group())[1])

    assert burst(worker, host, bus.directory / "count", 500, "--threads", "3").wait() == 0
    python = python_worker(start, host, 200)
    socket = plain(host)
    for i in range(50):
        socket.send({"logger": f"plain.{i % 3}", "level": [5, 20, 35, 50, "notice"][i % 5], "message": f"plain {i} ü\x00", "host": "desk", "pid": 5 + i % 2,
                     "process": "p", "thread": "t", "tid": 9, "file": "f.py", "line": i, "function": "f", "template": "plain {i}", "exception": "Trace\nback",
                     "exception_type": "E", "stack": "here", "task": "job", "arguments": [i], "process_name": "named", "relative_created": 1.5,
                     "types": {"/fields/b": "bytes"}, "b": b"\xff\x00", "nested": {"a": [1, 2.0, None, {"deep": True}], "1": 2**63}, "time": 1_700_000_000 + i})
    socket.send({"logger": "plain.long", "message": "x" * 600_000})
    socket.socket.send(batch([(20, ["one", 1]), (35, ["two", 2.5], {"f": 0.1, "bin": b"\xfe", "n": 3}, {"exception": "boom", "odd": [1], "level": 30}),
                              (30, ["three", msgpack.ExtType(1, struct.pack(">q", 1_500_000))], None, {"pid": 7, "thread": "other", "task": "t"}),
                              (10, ["too", "many", "arguments"])]))
    stock = logging.handlers.SocketHandler("127.0.0.1", port)
    logger = logging.Logger("plain.stock", logging.DEBUG)
    logger.addHandler(stock)
    try:
        raise KeyError("absent")
    except KeyError:
        logger.exception("could not %s", "find it", extra={"set": {1, 2}, "none": None})
    logger.warning("of %(n)d", {"n": 4})
    stock.close()
    if python is not None:
        assert python.wait() == 0, python.stderr

    expected = 3 * 500 + 4 + (200 if python is not None else 0)
    eventually(lambda: len(host.numbered()) == expected and sum(host.plain().values()) == 53, what="all records at the host")
    eventually(lambda: len(hub.numbered()) == expected and sum(hub.plain().values()) == 53, what="all records at the hub")
    assert hub.numbered() == host.numbered()
    assert hub.plain() == host.plain()
    assert max(len(row[4]) for row in hub.plain()) == 600_000
    # What comes without a number is a stream of the forwarding collector at the hub.
    assert hub.query("SELECT count(DISTINCT publisher || stream), min(sequence) FROM records WHERE logger LIKE 'plain%'")[0][0] == 1
    assert hub.query("SELECT count(*) FROM records WHERE logger = 'logboom.collector' AND pid = ? AND message LIKE 'collecting on%'", host.process.pid) == [(1,)]
    check_streams(hub)
    assert hub.query("SELECT count(*) FROM gap") == [(0,)] and set(hub.query("SELECT missing FROM ledger")) == {("",)}


def test_hub_and_forwarder_killed_again_and_again(bus, pair, worker, start, plain):
    """Three C++ workers, one in Python and plain records, while the hub and the host's collector are SIGKILLed in turn."""
    hub, host = pair
    # A worker that is through waits two seconds for a host that is just being started again; what it leaves then, that one takes.
    host.arguments += ("--adopt", bus.directory / "spool")
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    count, workers = 40_000 // SCALE, 3
    hub.start()
    host.start()
    running = [burst(worker, host, bus.directory / f"count{n}", count, "--pause-every", "50", "--threads", "2") for n in range(workers)]
    python = python_worker(start, host, 5_000 // SCALE)
    socket = plain(host)
    total = workers * 2 * count
    sent = 0
    for kill in range(1, 11):
        due = total * kill // 12 + chance.randrange(total // 40)

        def reached():
            nonlocal sent
            for _ in range(20):
                sent += socket.try_send({"logger": "plain", "message": f"number {sent}", "n": sent})
            # The host's store counts: the hub may be behind by all that its death kept from it.
            return host.count("logger = 'burst'") >= due
        eventually(reached, LONG, f"kill {kill}")
        victim = chance.choice([[hub], [host], [hub, host]])
        for one in victim:
            one.again()
    for process in running:
        assert process.wait(LONG) == 0, process.stderr
    if python is not None:
        assert python.wait(LONG) == 0, python.stderr
    eventually(lambda: hub.count("logger = 'burst'") >= total, LONG, "all records at the hub")
    expected = len(host.numbered())
    eventually(lambda: len(hub.numbered()) >= expected and not host.plain() - hub.plain(), LONG, "the others as well")
    assert hub.numbered() == host.numbered()
    # What ZeroMQ lost with a dead collector is lost; what the host has is at the hub, and nothing is there twice.
    assert not host.plain() - hub.plain() and set(hub.plain().values()) == {1}
    check_streams(hub)
    assert hub.query("SELECT count(*) FROM gap") == [(0,)]
    assert host.process.stop() == 0 and hub.process.stop() == 0


def test_without_a_store_the_spool_is_what_makes_it_durable(bus, site, worker):
    hub = site("hub")
    host = site("host", "--upstream", hub.endpoint, store=False)
    host.start()
    count = 20_000 // SCALE
    process = burst(worker, host, bus.directory / "count", count, "--threads", "2")
    assert process.wait(LONG) == 0  # all of it is acked, and nothing has it but the spool
    assert not bus.spools()
    host.again()
    hub.start()
    eventually(lambda: hub.count() == 2 * count, LONG)
    check_streams(hub)
    assert hub.query("SELECT count(*) FROM gap") == [(0,)]


def test_recover_sends_what_a_collector_left_that_comes_no_more(bus, site, worker, run):
    hub = site("hub")
    host = site("host", "--upstream", hub.endpoint, store=False)
    host.start()
    count = 20_000 // SCALE
    process = burst(worker, host, bus.directory / "count", count, "--threads", "2")
    assert process.wait(LONG) == 0
    root = bus.directory / "host-state" / "upstream"
    spool, = root.iterdir()
    in_use = run("recover", "--endpoint", hub.endpoint, spool)
    assert in_use.stdout.startswith("0 spools recovered: 0 records") and "1 spools in use" in in_use.stdout
    host.process.kill()
    nowhere = run("recover", spool)
    assert nowhere.returncode == 2 and str(spool) in nowhere.stderr and "--endpoint" in nowhere.stderr
    silent = run("recover", "--patience", "0.5", "--endpoint", hub.endpoint, root)
    assert silent.returncode == 3 and "1 left" in silent.stdout and spool.exists()
    hub.start()
    done = run("recover", "--endpoint", hub.endpoint, root)
    assert done.returncode == 0 and done.stdout.startswith("1 spools recovered: "), done.stderr
    assert not spool.exists()
    assert hub.count("logger = 'burst'") == 2 * count
    check_streams(hub)
    assert lost(hub) == 0


def test_what_a_filter_keeps_away_is_no_loss(bus, site, plain):
    hub = site("hub").start()
    host = site("host", "--upstream", hub.endpoint, "--upstream-level", "WARNING").start()
    socket = plain(host)
    publisher = os.urandom(16)
    socket.socket.send(batch([(20, ["a", 1]), (30, ["b", 2]), (10, ["c", 3]), (10, ["d", 4]), (40, ["e", 5]), (20, ["f", 6])], publisher))
    socket.send({"logger": "plain", "level": 20, "message": "quiet"})
    socket.send({"logger": "plain", "level": 40, "message": "loud"})
    eventually(lambda: host.count() == 8)
    eventually(lambda: hub.count() == 3)
    socket.socket.send(batch([(10, ["g", 7]), (10, ["h", 8])], publisher, base=7, first=7))

    def settled():
        return hub.query("SELECT last, missing FROM ledger JOIN publisher p ON p.id = publisher_id WHERE p.uuid = ?", publisher) == [(8, "")]
    eventually(settled, what="the hub's ledger at the stream's last record")
    assert hub.query("SELECT sequence, message FROM records WHERE logger = 'made.up' ORDER BY id") == [(2, "b of 2"), (5, "e of 5")]
    assert hub.query("SELECT message, level FROM records WHERE logger = 'plain'") == [("loud", 40)]
    assert hub.query("SELECT count(*) FROM gap") == [(0,)]


def test_configured_with_the_filters_of_any_sink(bus, site, plain, tmp_path):
    hub = site("hub").start()
    config = tmp_path / "logboom.toml"
    config.write_text(f"""
[[sink]]
type = "upstream"
endpoint = "{hub.endpoint}"
spool = "{tmp_path}/spool"
spool_size = "8MiB"
when_full = "drop"
level = "INFO"
logger = "made"
host = "else*"
where = ["f>=2"]
""")
    host = site("host", "--config", config).start()
    socket = plain(host)
    publisher = os.urandom(16)
    socket.socket.send(batch([(20, ["a", 1], {"f": 1}), (10, ["b", 2], {"f": 2}), (30, ["c", 3], {"f": 3}), (20, ["d", 4]), (40, ["e", 5], {"f": 5})], publisher))
    socket.send({"logger": "made.elsewhere", "level": 40, "message": "here", "host": "elsewhere", "f": 2})
    socket.send({"logger": "made.here", "level": 40, "message": "not here", "host": "here", "f": 2})
    eventually(lambda: hub.count() == 3)
    assert hub.query("SELECT message FROM records WHERE logger LIKE 'made%' ORDER BY message") == [("c of 3",), ("e of 5",), ("here",)]
    assert hub.query("SELECT last, missing FROM ledger JOIN publisher p ON p.id = publisher_id WHERE p.uuid = ?", publisher) == [(5, "")]
    assert hub.query("SELECT count(*) FROM gap") == [(0,)]
    assert (tmp_path / "spool" / "forwarder").exists()
    assert host.process.stop() == 0


def lost(site):
    """Records of workers that are declared lost. (What the host's collector says of itself comes without numbers, and has a stream whose number is a time.)"""
    return site.query("SELECT ifnull(sum(last - first + 1), 0) FROM gap WHERE stream < 1000")[0][0]


def test_at_its_bound_the_loss_is_declared_exactly(bus, site, worker):
    """No hub: what the spool has no room for is in the host's store, and declared at the hub, also when the host's collector is killed meanwhile."""
    hub = site("hub")
    host = site("host", "--upstream", hub.endpoint, "--upstream-size", "1MiB").start()
    count = 15_000 // SCALE
    for round_ in range(2):
        assert burst(worker, host, bus.directory / f"count{round_}", count, "--text", "500").wait(LONG) == 0
        assert host.count() == (round_ + 1) * count
        host.again()
    hub.start()
    eventually(lambda: hub.count() + lost(hub) >= 2 * count, LONG, "logged = stored + declared")
    assert lost(hub) > 0
    # There is room again.
    assert burst(worker, host, bus.directory / "count2", 100).wait() == 0
    eventually(lambda: hub.count() + lost(hub) == 2 * count + 100, LONG)
    check_streams(hub)
    assert {reason for reason, in hub.query("SELECT reason FROM gap")} == {"the spool of the forwarding collector was full"}
    assert not set(hub.query("SELECT missing FROM ledger")) - {("",)}


def test_without_a_store_workers_wait_at_the_bound(bus, site, worker):
    hub = site("hub")
    host = site("host", "--upstream", hub.endpoint, "--upstream-size", "1MiB", store=False).start()
    count, path = 30_000 // SCALE, bus.directory / "count"
    process = burst(worker, host, path, count, "--text", "500", "--hold")
    host.process.wait_line("is at its bound")
    eventually(lambda: counters(path)[0] == count, LONG, "the worker runs on")
    hub.start()
    eventually(lambda: hub.count() == count, LONG)
    assert lost(hub) == 0
    check_streams(hub)
    process.signal(signal.SIGTERM)
    assert process.wait() == 0


def test_rules_are_said_to_stop_at_a_collector_that_forwards(bus, site, worker, run):
    hub = site("hub").start()
    site("host", "--upstream", hub.endpoint).start()

    def connected():
        return json.loads(run("level", "--endpoint", hub.endpoint, "-o", "json").stdout)["forwarders"] == 1
    eventually(connected, what="the forwarding collector at the hub")
    done = run("level", "debug", "--endpoint", hub.endpoint)
    assert done.returncode == 0 and "0 of 0 publishers" in done.stdout and "1 collector forwards to this one" in done.stdout


def test_several_hops(bus, site, worker, plain):
    top = site("top").start()
    middle = site("middle", "--upstream", top.endpoint).start()
    host = site("host", "--upstream", middle.endpoint).start()
    count = 20_000 // SCALE
    process = burst(worker, host, bus.directory / "count", count, "--pause-every", "100", "--threads", "2")
    socket = plain(host)
    for i in range(100):
        socket.send({"logger": "plain", "message": f"{i}"})
    for part in range(1, 5):
        eventually(lambda: host.count("logger = 'burst'") >= 2 * count * part // 6, LONG)
        middle.again()
    assert process.wait(LONG) == 0
    eventually(lambda: top.count("logger = 'burst'") == 2 * count and sum(top.plain().values()) == 100, LONG)
    assert top.numbered() == host.numbered()
    assert top.plain() == host.plain() == middle.plain()
    check_streams(top)
    assert lost(top) == 0


def test_a_loop_does_not_multiply(bus, site, worker, plain):
    one, other = site("one"), site("other")
    one.arguments, other.arguments = ("--upstream", other.endpoint), ("--upstream", one.endpoint)
    one.start()
    other.start()
    sockets = [plain(one), plain(other)]
    assert burst(worker, one, bus.directory / "count0", 300).wait() == 0
    assert burst(worker, other, bus.directory / "count1", 300).wait() == 0
    for i in range(50):
        for socket in sockets:
            socket.send({"logger": "plain", "message": f"{i}"})
    eventually(lambda: one.count() == 700 and other.count() == 700)
    # A record that came back would come before these.
    for n, end in enumerate((one, other)):
        assert burst(worker, end, bus.directory / f"last{n}", 10).wait() == 0
    eventually(lambda: one.count() == 720 and other.count() == 720)
    assert one.numbered() == other.numbered()
    check_streams(one)
    check_streams(other)


def test_a_collector_that_forwards_to_itself_is_told(site):
    host = site("host")
    host.arguments = ("--upstream", host.endpoint)
    host.start()
    host.process.wait_line("its upstream endpoint is its own address")


def test_what_a_hub_adopts_itself_and_what_is_forwarded_are_one(bus, site, worker):
    """The host's collector has acked a part of a stream and dies before it has forwarded it; the hub reads the rest from the dead worker's spool first."""
    hub = site("hub")
    host = site("host", "--upstream", hub.endpoint).start()
    path = bus.directory / "count"
    process = burst(worker, host, path, 10**9, "--pause-every", "50")
    eventually(lambda: host.count() >= 2_000)
    host.process.signal(signal.SIGSTOP)
    returned = counters(path)[0]
    eventually(lambda: counters(path)[0] >= returned + 2_000)
    process.kill()
    host.process.kill()
    hub.start("--adopt", bus.spool)
    eventually(lambda: not bus.spools(), LONG, "the hub has read the spool")
    direct = hub.count()
    assert direct > 0 and hub.query("SELECT min(sequence) FROM records WHERE logger = 'burst'")[0][0] > 1
    assert any("-" in missing for missing, in hub.query("SELECT missing FROM ledger"))
    host.start()
    logged = counters(path)[0]
    eventually(lambda: hub.count() >= logged, LONG, "the forwarded part as well")
    assert [s for s, in hub.query("SELECT sequence FROM records WHERE logger = 'burst' ORDER BY sequence")] == list(range(1, hub.count() + 1))
    assert hub.count() - logged in (0, 1)
    check_streams(hub, order=False)
    assert set(hub.query("SELECT missing FROM ledger")) == {("",)}


@pytest.mark.skipif(SLOW, reason="under a sanitizer a collector's first ack takes so long that the kill overtakes it")
def test_a_worker_that_is_connected_to_both(bus, site, worker):
    """From the host's collector, which dies before it has forwarded anything, to the hub and back again: what one has acked the other never gets from the worker."""
    hub = site("hub")
    host = site("host", "--upstream", hub.endpoint).start()
    count, path = 100_000, bus.directory / "count"  # so many that it still logs when it turns back
    process = worker("burst", path, count, "--pause-every", "10", "--hold", environment={"LOGBOOM_ENDPOINT": f"{host.endpoint},{hub.endpoint}"})
    eventually(lambda: host.count() >= count // 10)
    host.process.kill()
    hub.start()
    eventually(lambda: hub.count() >= count // 10, LONG, "the worker turns to the hub")
    hub.process.kill()
    host.start()
    before = host.count()
    eventually(lambda: host.count() > before, LONG, "and back")
    assert lost(host) > 0  # as far as the host knows
    hub.start()
    eventually(lambda: hub.count() >= count, LONG)
    assert hub.count() == count and lost(hub) == 0
    check_streams(hub, order=False)
    assert set(hub.query("SELECT missing FROM ledger")) == {("",)}
    process.signal(signal.SIGTERM)
    assert process.wait() == 0


def test_an_older_collector_is_named(site):
    """It welcomes, and says nothing of forwarded records."""
    host = site("host")
    context = zmq.Context.instance()
    router, pull = context.socket(zmq.ROUTER), context.socket(zmq.PULL)
    try:
        hub = f"ipc://{host.bus.runtime}/hub"
        router.bind(f"{hub}.ctl")
        pull.bind(f"{hub}.push")
        host.arguments = ("--upstream", hub)
        host.start()
        assert router.poll(PATIENCE * 1000)
        peer, frame = router.recv_multipart()
        kind, version, who, streams, *_ = msgpack.unpackb(frame)
        assert (kind, version) == ("hello", 1)
        router.send_multipart([peer, msgpack.packb(["welcome", 1, 5, 1 << 20, "", [[n, base - 1, base] for n, base, _ in streams]])])
        host.process.wait_line("takes no forwarded records: it is of an older version; update it")
        assert not pull.poll(300)
    finally:
        router.close(0)
        pull.close(0)


def test_a_spool_belongs_to_one_collector(bus, site):
    hub = site("hub")
    first = site("host", "--upstream", hub.endpoint, "--upstream-spool", bus.directory / "shared").start()
    assert first.process.running()
    second = subprocess.run([COMMAND, "collect", f"ipc://{bus.runtime}/second", "--no-db", "--upstream", hub.endpoint, "--upstream-spool",
                             bus.directory / "shared"], env=bus.environment, capture_output=True, text=True, timeout=PATIENCE)
    assert second.returncode != 0 and "is in use by another collector" in second.stderr


# --- two hosts in network namespaces of their own

@pytest.fixture
def network(processes):
    with standing(Switch(("hub", "one", "two")), processes) as hosts:
        yield hosts


def test_two_hosts_whose_hub_is_killed_and_cut_off(bus, site, worker, network, processes):
    def placed(name, arguments, endpoint):
        """A site whose collector runs in a namespace."""
        made = site(name, *arguments, endpoint=endpoint)

        def begin(*more, endpoint, database, environment):
            process = Collector([*network[name], COMMAND, "collect", endpoint, "--db", database, *more], bus.environment | environment)
            processes.append(process)
            return process.wait_ready()
        made.begin = begin
        return made

    hub = placed("hub", ("--insecure",), f"tcp://{network.address['hub']}:7514")
    hosts = {name: placed(name, ("--upstream", hub.endpoint), f"ipc://{bus.runtime}/{name}") for name in ("one", "two")}
    hub.start()
    for host in hosts.values():
        host.start()
    count = 20_000 // SCALE
    workers = [burst(worker, host, bus.directory / f"count-{name}-{n}", count, "--pause-every", "50")
               for name, host in hosts.items() for n in range(2)]
    total = len(workers) * count

    def stored(site, part):
        return eventually(lambda: site.count("logger = 'burst'") >= part, LONG)
    stored(hub, total // 10)
    network.cut("one")
    before = hub.count()
    stored(hosts["one"], total // 4)  # the host goes on
    hub.again()
    network.mend("one")
    stored(hub, before + 1)
    network.cut("two")
    network.cut("one")
    hosts["two"].again()
    stored(hosts["two"], total // 3)
    network.mend("two")
    network.mend("one")
    hub.again()
    for process in workers:
        assert process.wait(LONG) == 0, process.stderr
    stored(hub, total)
    assert hub.count("logger = 'burst'") == total
    check_streams(hub)
    assert lost(hub) == 0
    assert hub.numbered() == sorted(hosts["one"].numbered() + hosts["two"].numbered())
