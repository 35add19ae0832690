"""Programs with Python's stock handlers, as they are: logging.handlers.SocketHandler and DatagramHandler into a collector."""
# ctest: timeout=300

import collections
import dataclasses
import datetime
import decimal
import enum
import json
import logging
import logging.handlers
import os
import pathlib
import pickle
import re
import resource
import socket
import struct
import threading
import time
import uuid

import pytest
from conftest import SANITIZED, eventually


@pytest.fixture
def python(bus, start_collector):
    """A collector with every input; .tcp, .udp: ports, .unix, .datagram: paths."""

    def begin(*arguments, tcp=0, **options):
        unix, datagram = bus.directory / "in.sock", bus.directory / "in.dgram"
        collector = start_collector("--python-tcp", tcp, "--python-udp", "0", "--python-unix", unix, "--python-unix-datagram", datagram,
                                    *arguments, **options)
        line = collector.wait_line("collecting on .*").group()
        collector.tcp = int(re.search(r"python-tcp 127\.0\.0\.1:(\d+)", line)[1])
        collector.udp = int(re.search(r"python-udp 127\.0\.0\.1:(\d+)", line)[1])
        collector.unix, collector.datagram = str(unix), str(datagram)
        return collector

    return begin


def logger_with(handler, name="app"):
    logger = logging.Logger(name, logging.DEBUG)
    logger.addHandler(handler)
    return logger


@pytest.fixture
def tcp_logger():
    """tcp_logger(collector, name): a logger whose SocketHandler is closed at the end."""
    handlers = []

    def make(collector, name="app"):
        handlers.append(logging.handlers.SocketHandler("127.0.0.1", collector.tcp))
        return logger_with(handlers[-1], name)

    yield make
    for handler in handlers:
        handler.close()


def frame(protocol=1, **fields):
    record = logging.LogRecord("app", logging.INFO, "/w.py", 1, fields.pop("msg", "m"), None, None)
    data = pickle.dumps(dict(record.__dict__, **fields), protocol)
    return struct.pack(">L", len(data)) + data


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Point:
    x: int


def test_every_transport(bus, python):
    collector = python()
    sent = {
        "tcp": logging.handlers.SocketHandler("127.0.0.1", collector.tcp),
        "udp": logging.handlers.DatagramHandler("127.0.0.1", collector.udp),
        "unix": logging.handlers.SocketHandler(collector.unix, None),
        "datagram": logging.handlers.DatagramHandler(collector.datagram, None),
    }
    for name, handler in sent.items():
        logger_with(handler, f"by.{name}").warning("hello by %s", name)
        handler.close()
    eventually(lambda: bus.count("logger LIKE 'by.%'") == 4)
    host = socket.gethostname()
    assert sorted(bus.query("SELECT logger, message, host FROM records WHERE logger LIKE 'by.%'")) == sorted(
        (f"by.{name}", f"hello by {name}", host) for name in sent)
    # the paths go with their collector
    assert collector.stop() == 0
    assert not os.path.exists(collector.unix) and not os.path.exists(collector.datagram)


def test_every_attribute_of_a_record(bus, python, tcp_logger):
    collector = python()
    seen = []
    logger = tcp_logger(collector, "app.db")
    logger.addFilter(lambda record: seen.append(record) or True)
    logging.addLevelName(35, "NOTICE")
    thread = threading.Thread(name="loader", target=lambda: logger.log(35, "%d of %s", 5, "seven", stack_info=True))
    thread.start()
    thread.join()
    try:
        {}["missing"]
    except KeyError:
        logger.exception("failed")
    eventually(lambda: bus.count() == 2)
    first, second = seen
    row = bus.query("SELECT created, level, level_name, logger, message, pid, tid, thread, file, line, function, stack, template, attributes, exception "
                    "FROM records WHERE logger = 'app.db' ORDER BY id")
    assert row[0][0] == round(first.created * 1e6) * 1000
    assert row[0][1:8] == (35, "NOTICE", "app.db", "5 of seven", os.getpid(), first.thread, "loader")
    assert row[0][8:12] == (__file__, first.lineno, first.funcName, first.stack_info)
    assert row[0][12] == ""  # stock handlers send no template
    # what follows from the rest (filename, module, msecs) is not kept twice
    assert json.loads(row[0][13]) == {"relative_created": first.relativeCreated}
    assert row[0][14] is None
    assert row[1][14] == second.exc_text and "KeyError: 'missing'" in row[1][14]
    assert bus.query("SELECT exception_type FROM records WHERE message = 'failed'") == [("KeyError",)]


def test_attributes_that_do_not_follow_are_kept(bus, python):
    collector = python()
    with socket.create_connection(("127.0.0.1", collector.tcp)) as connection:
        connection.sendall(frame(filename="other.py", module="else", msecs=5000.0, processName="Worker-1", taskName="Task-7", threadName="T"))
    eventually(lambda: bus.count() == 1)
    attributes, task = bus.query("SELECT attributes, task FROM records WHERE logger = 'app'")[0]
    kept = json.loads(attributes)
    kept.pop("relative_created")
    assert kept == {"process_name": "Worker-1", "filename": "other.py", "module": "else", "msecs": 5000.0}
    assert task == "Task-7"


def test_every_type_of_extra(bus, python, tcp_logger):
    collector = python()
    number = uuid.uuid4()
    when = datetime.datetime(2026, 11, 21, 1, 2, 3, 45, tzinfo=datetime.timezone(datetime.timedelta(hours=5, minutes=30)))
    # some Pythons pickle a member by its name, some by its value
    enum_stored = Colour.RED.name if b"getattr" in pickle.dumps(Colour.RED, 1) else Colour.RED.value
    given = {
        "none": (None, None, None), "true": (True, True, None), "small": (5, 5, None), "wide": (2**63, 2**63, None), "big": (2**70, str(2**70), "int"),
        "float": (1.5, 1.5, None), "nan": (float("nan"), "nan", "float"), "text": ("ü\0\udc80", "ü\\x00\\udc80", None), "bytes": (b"a\xff\\", "a\\xff\\\\", "bytes"),
        "array": (bytearray(b"b"), "b", "bytearray"), "list": ([1, "a"], [1, "a"], None), "tuple": ((1, 2), [1, 2], "tuple"), "set": ({7}, [7], "set"),
        "frozen": (frozenset({8}), [8], "frozenset"), "dict": ({"a": {"b": 1}}, {"a": {"b": 1}}, None), "odd_dict": ({1: "x"}, [[1, "x"]], "dict"),
        "deque": (collections.deque([1]), [1], "deque"), "ordered": (collections.OrderedDict(a=1), {"a": 1}, "OrderedDict"),
        "default": (collections.defaultdict(list, a=[1]), {"a": [1]}, "defaultdict"), "when": (when, when.isoformat(), "datetime"),
        "day": (datetime.date(2026, 1, 2), "2026-01-02", "date"), "time": (datetime.time(1, 2), "01:02:00", "time"),
        "delta": (datetime.timedelta(days=-1), "-1 day, 0:00:00", "timedelta"), "decimal": (decimal.Decimal("1.10"), "1.10", "Decimal"),
        "uuid": (number, str(number), "UUID"), "complex": (1 + 2j, "(1+2j)", "complex"), "path": (pathlib.PurePosixPath("/a/b"), "/a/b", "Path"),
        "enum": (Colour.RED, enum_stored, f"enum:{__name__}.Colour"),
        "error": (ValueError("bad", 1), {"__class__": "builtins.ValueError", "args": ["bad", 1], "state": None}, "object:builtins.ValueError"),
        "object": (Point(5), {"__class__": f"{__name__}.Point", "args": [], "state": {"x": 5}}, f"object:{__name__}.Point"),
    }
    tcp_logger(collector).info("all", extra={key: value for key, (value, _, _) in given.items()})
    eventually(lambda: bus.count() == 1)
    fields, attributes = bus.query("SELECT fields, attributes FROM records WHERE logger = 'app'")[0]
    fields, types = json.loads(fields), json.loads(attributes)["types"]
    for key, (_, stored, kind) in given.items():
        assert fields[key] == stored, key
        assert types.get(f"/fields/{key}") == kind, key
    assert set(types) == {f"/fields/{key}" for key, (_, _, kind) in given.items() if kind}


def test_the_seven_columns_of_dagrunner(bus, python, tcp_logger):
    collector = python()
    logger = tcp_logger(collector, "dag")
    before = time.time()
    for n in range(5):
        logger.error("node %d", n)
    eventually(lambda: bus.count() == 5)
    cursor = bus.query("SELECT * FROM logs WHERE name = 'dag'")
    assert [row[1:] for row in cursor] == [
        ("dag", "ERROR", f"node {n}", socket.gethostname(), str(os.getpid()), str(threading.get_ident())) for n in range(5)]
    for row in cursor:
        created = datetime.datetime.strptime(row[0], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=datetime.timezone.utc).timestamp()
        assert int(before) <= created <= time.time()


def test_ten_processes_of_ten_records(bus, python, start):
    collector = python()
    program = ("import logging, logging.handlers, sys\n"
               "logging.getLogger().addHandler(logging.handlers.SocketHandler('127.0.0.1', int(sys.argv[1])))\n"
               "for n in range(10): logging.warning('record %d', n)\n")
    workers = [start("/usr/bin/python3", "-c", program, collector.tcp) for _ in range(10)]
    assert [worker.wait() for worker in workers] == [0] * 10
    eventually(lambda: bus.count() == 100)
    for worker in workers:  # each in the order sent
        assert [row[0] for row in bus.query("SELECT message FROM records WHERE pid = ? ORDER BY id", worker.pid)] == [
            f"record {n}" for n in range(10)]


def test_what_arrived_is_committed_by_a_stop(bus, python):
    collector = python()
    with socket.create_connection(("127.0.0.1", collector.tcp)) as connection, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
        connection.sendall(b"".join(frame(msg=f"{n}") for n in range(4_000)))
        datagrams.connect(collector.datagram)
        for n in range(100):
            datagrams.send(frame(msg=f"datagram {n}"))
        # connected clients do not keep it
        assert collector.stop() == 0
    assert bus.count() == 4_100


def test_server_absent_and_restarted(bus, python):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    handler = logging.handlers.SocketHandler("127.0.0.1", port)
    handler.retryStart, handler.retryMax = 0.01, 0.01
    logger = logger_with(handler)
    logger.info("nobody listens")  # dropped by the handler itself
    first = python(tcp=port)

    def arrives(text):
        logger.info(text)
        return bus.count("message = ?", text) > 0

    eventually(lambda: arrives("first"))
    assert first.stop() == 0
    python(tcp=port)
    eventually(lambda: arrives("second"))
    handler.close()
    assert bus.count("message = 'nobody listens'") == 0


def test_a_client_that_dies_amid_a_frame(bus, python):
    collector = python()
    for cut in (2, 4, 50, len(frame()) - 1):
        with socket.create_connection(("127.0.0.1", collector.tcp)) as connection:
            connection.sendall(frame(msg="whole") + frame()[:cut])
    eventually(lambda: bus.count("message = 'whole'") == 4)
    eventually(lambda: bus.query("SELECT count(*) FROM records WHERE logger = 'logboom.collector' AND message LIKE '%amid a frame%'") == [(4,)])
    assert collector.stop() == 0
    assert collector.wait_line(r"stopped: .*, 4 bad frames")


def test_a_slow_client_beside_a_fast_one(bus, python, tcp_logger):
    collector = python()
    slow = frame(msg="slow") * 3
    with socket.create_connection(("127.0.0.1", collector.tcp)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        logger = tcp_logger(collector, "fast")
        for n, byte in enumerate(slow):
            connection.sendall(bytes([byte]))
            logger.info("fast %d", n)
        eventually(lambda: bus.count("message = 'slow'") == 3)
    eventually(lambda: bus.count("logger = 'fast'") == len(slow))
    ids = bus.query("SELECT message FROM records WHERE logger = 'fast' ORDER BY id")
    assert [row[0] for row in ids] == [f"fast {n}" for n in range(len(slow))]


def test_half_a_frame_costs_nothing(bus, python, tcp_logger):
    collector = python()
    connections = [socket.create_connection(("127.0.0.1", collector.tcp)) for _ in range(50)]
    for connection in connections:
        connection.sendall(frame()[:20])
    tcp_logger(collector).info("others go on")
    eventually(lambda: bus.count("message = 'others go on'") == 1)

    def ticks():
        return sum(int(n) for n in pathlib.Path(f"/proc/{collector.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13])

    # half-sent frames must not make it spin: over twenty of its idle turns it hardly uses the processor
    before, begin = ticks(), time.monotonic()
    eventually(lambda: time.monotonic() - begin > 2)
    assert ticks() - before < 20  # of 200, were one thread to spin on a machine of its own
    for connection in connections:
        connection.close()


def test_hostile_frames_while_good_ones_go_on(bus, python, tcp_logger):
    collector = python()
    marker = bus.directory / "pwned"

    class Bomb:
        def __reduce__(self):
            return os.system, (f"touch {marker}",)

    laughs = ["ha"] * 10
    for _ in range(12):
        laughs = [laughs] * 10
    deep = []
    for _ in range(300):
        deep = [deep]
    accepted = [frame(msg="bomb", x=Bomb()), frame(msg="laughs", x=laughs), frame(msg="deep", x=deep), frame(msg="int", x=7 << 2_000_000, protocol=2)]
    refused = [struct.pack(">L", 0xFFFFFFFF) + b"x" * 100, struct.pack(">L", 5) + b"hello", struct.pack(">L", 3) + b"(((", struct.pack(">L", 2) + b"].",
               b"GET / HTTP/1.1\r\n\r\n", struct.pack(">L", 0)]
    logger = tcp_logger(collector, "good")
    for n, bad in enumerate(accepted + refused):
        with socket.create_connection(("127.0.0.1", collector.tcp)) as connection:
            connection.sendall(bad)
            logger.info("good %d", n)
            if bad in refused:  # closed by the collector
                connection.settimeout(30)
                try:
                    assert connection.recv(1) == b""
                except ConnectionResetError:
                    pass
    logger.info("last")
    eventually(lambda: bus.count("message = 'last'") == 1)
    assert bus.count("logger = 'good'") == len(accepted + refused) + 1
    eventually(lambda: bus.count("message IN ('bomb', 'laughs', 'deep', 'int')") == 4)
    fields = json.loads(bus.query("SELECT fields FROM records WHERE message = 'bomb'")[0][0])
    assert fields["x"] == {"__class__": "posix.system", "args": [f"touch {marker}"], "state": None}
    assert not marker.exists()
    eventually(lambda: bus.query("SELECT count(*) FROM records WHERE logger = 'logboom.collector' AND message LIKE 'bad frame of 127.0.0.1:%'") == [(len(refused),)])
    assert collector.stop() == 0


def test_bad_datagrams_are_counted(bus, python):
    collector = python()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for bad in (b"", b"x", b"\0\0\0\x09short", frame()[4:]):
            sender.sendto(bad, ("127.0.0.1", collector.udp))
        sender.sendto(frame(msg="good"), ("127.0.0.1", collector.udp))
    eventually(lambda: bus.count("message = 'good'") == 1)
    assert collector.stop() == 0
    assert collector.wait_line("4 bad frames")


def test_a_pickle_on_the_bus_stays_refused(bus, python):
    zmq = pytest.importorskip("zmq")
    python()
    with zmq.Context() as context, context.socket(zmq.PUSH) as push:
        push.connect(bus.push)
        for protocol in range(6):
            push.send(pickle.dumps({"name": "a", "msg": "m"}, protocol))
        push.send_json({"message": "plain"})
        eventually(lambda: bus.count("message = 'plain'") == 1)
    assert bus.count() == 1


def test_two_thousand_connections(bus, python):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2_000
    if hard != resource.RLIM_INFINITY and hard < 2 * wanted + 1_000:
        pytest.skip(f"the limit of descriptors is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted + 500), hard))
    collector = python()
    connections = []
    try:
        for _ in range(wanted):
            connections.append(socket.create_connection(("127.0.0.1", collector.tcp)))
        for n, connection in enumerate(connections):
            connection.sendall(frame(msg=f"{n}"))
        eventually(lambda: bus.count() == wanted)
    finally:
        for connection in connections:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert collector.stop() == 0


def test_at_the_limit_of_descriptors_connections_are_refused(bus, python):
    # room for (400 - 256) / 2 connections
    collector = python(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (400, 400)))
    connections = [socket.create_connection(("127.0.0.1", collector.tcp)) for _ in range(100)]
    for connection in connections:
        connection.settimeout(30)

    def is_refused(connection):
        try:
            return connection.recv(1) == b""
        except ConnectionResetError:
            return True

    assert all(is_refused(connection) for connection in connections[72:])
    connections[71].sendall(frame(msg="within"))
    eventually(lambda: bus.count("message = 'within'") == 1)
    # room again once others leave
    for connection in connections[:50]:
        connection.close()

    def arrives():
        with socket.create_connection(("127.0.0.1", collector.tcp)) as late:
            try:
                late.sendall(frame(msg="after"))
            except OSError:
                pass
        return bus.count("message = 'after'") > 0

    eventually(arrives)
    assert collector.stop() == 0
    assert collector.wait_line(r"connections refused")
    for connection in connections[50:]:
        connection.close()


def test_a_slow_store_holds_the_senders_back(bus, python):
    """The store is locked: nothing is lost, and the collector does not grow."""
    import sqlite3
    collector = python()
    lock = sqlite3.connect(bus.database, isolation_level=None, timeout=30)
    lock.execute("BEGIN IMMEDIATE")
    sent = 0
    big = frame(msg="x" * 10_000)
    with socket.create_connection(("127.0.0.1", collector.tcp)) as connection:
        connection.settimeout(1)
        rest = b""
        try:
            while sent < 30_000:  # 300 MB; long before, nobody reads any more
                rest = big
                while rest:
                    rest = rest[connection.send(rest):]
                sent += 1
        except TimeoutError:
            pass
        assert sent < 30_000
        status = pathlib.Path(f"/proc/{collector.pid}/status").read_text()
        if not SANITIZED:  # a sanitizer keeps what was freed
            assert int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) < 200_000
        lock.execute("ROLLBACK")
        lock.close()
        connection.settimeout(60)
        if rest:
            connection.sendall(rest)
            sent += 1
    eventually(lambda: bus.count() == sent)
    assert collector.stop() == 0


def test_addresses_that_cannot_be(bus, run, python):
    collector = python()
    for arguments, said in (
            (("--python-tcp", "99999"), "port from 0 to 65535"), (("--python-tcp", "::1:9020"), "brackets"), (("--python-udp", ":9"), "host before the colon"),
            (("--python-unix", "/tmp/" + "x" * 200), "shorter")):
        found = run("collect", "ipc:///tmp/lb-none", "--no-db", *arguments)
        assert found.returncode == 2 and said in found.stderr, found
    other = f"ipc://{bus.directory}/other"
    for arguments, said in ((("--python-tcp", str(collector.tcp)), "another program has it"), (("--python-unix", collector.unix), "another program listens")):
        found = run("collect", other, "--no-db", *arguments)
        assert found.returncode not in (0, 2) and said in found.stderr, found
    # a path that a killed collector left is taken over
    collector.kill()
    assert os.path.exists(collector.unix)
    again = python()
    handler = logging.handlers.SocketHandler(again.unix, None)
    logger_with(handler).info("back")
    handler.close()
    eventually(lambda: bus.count("message = 'back'") == 1)


def test_records_are_seen_live(bus, python, start, tcp_logger):
    from conftest import COMMAND
    collector = python()
    tail = start(COMMAND, "tail", "-o", "%(levelname)s:%(name)s:%(message)s:%(process)d", "-n", "app")
    logger = tcp_logger(collector)

    def shown():
        logger.warning("live")
        return tail.output

    assert eventually(shown)[0] == f"WARNING:app:live:{os.getpid()}"


def test_host_of_another_address(bus, start_collector):
    """By an address of this machine that is no loopback: a host with a name, or its number."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("no network")
        own = probe.getsockname()[0]
    collector = start_collector("--insecure", "--python-tcp", "*:0")
    port = int(re.search(r"python-tcp 0\.0\.0\.0:(\d+)", collector.wait_line("collecting on .*").group())[1])
    handler = logging.handlers.SocketHandler(own, port)
    logger_with(handler).info("from afar")
    handler.close()
    eventually(lambda: bus.count() == 1)
    try:
        expected = socket.getnameinfo((own, 0), socket.NI_NAMEREQD)[0]
    except OSError:
        expected = own
    assert bus.query("SELECT host FROM records WHERE logger = 'app'") == [(expected,)]
