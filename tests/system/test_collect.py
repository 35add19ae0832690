"""`logboom collect` as a process: readiness, plain publishers, refusals, signals, sinks."""

import json
import os
import re
import resource
import signal
import socket
import stat
import subprocess
import time

import msgpack
import pytest
import zmq

from conftest import COMMAND, PATIENCE, eventually


@pytest.fixture
def push(bus):
    """A connected PUSH socket: five lines of pyzmq are a publisher."""
    context = zmq.Context()
    made = context.socket(zmq.PUSH)
    made.connect(bus.push)
    yield made
    context.destroy(linger=1000)


def logged(counter):
    """Log calls of the worker `burst` that have returned."""
    return int.from_bytes(counter.read_bytes()[:8], "little") if counter.exists() else 0


def free_ports():
    """The first of three consecutive free ports."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        try:
            for offset in range(3):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port + offset))
            return port
        except OSError:
            continue


def test_says_when_it_is_ready_and_where(bus, start_collector):
    collector = start_collector(database="sub.sqlite", cwd=bus.directory)
    assert collector.lines[0] == f"logboom: collecting on {bus.endpoint} into {bus.directory}/sub.sqlite"
    assert stat.S_IMODE(os.stat(bus.path.parent).st_mode) == 0o700
    assert collector.stop() == 0
    assert re.fullmatch(r"logboom: stopped: \d+ records, 0 declared lost, 0 bad frames", collector.lines[-1])


def test_the_shortest_publisher(bus, collector):
    program = f"""
import zmq, msgpack
with zmq.Context() as context, context.socket(zmq.PUSH) as push:
    push.connect("{bus.push}")
    push.send(msgpack.packb({{"logger": "app", "level": 30, "message": "disk is nearly full", "free_mb": 12}}))
"""
    subprocess.run(["/usr/bin/python3", "-c", program], check=True, timeout=PATIENCE)
    eventually(lambda: bus.count() == 1)
    assert bus.query("SELECT logger, level_name, message, fields->>'free_mb' FROM records WHERE logger = 'app'") == [
        ("app", "WARNING", "disk is nearly full", 12)]


def test_plain_records_in_both_forms_with_their_defaults(bus, collector, push):
    before = time.time_ns()
    push.send_string('  {"message": "json", "level": "warn", "pid": 7, "fields": {"a": 1}}')
    push.send(msgpack.packb({"msg": "pack", "name": "etl.db", "level": 40, "time": 1_700_000_000.5, "host": "elsewhere"}))
    eventually(lambda: bus.count() == 2)
    first, second = bus.query("SELECT message, level_name, logger, host, pid, fields, created FROM records "
                              "WHERE logger NOT LIKE 'logboom.%' ORDER BY id")
    assert first[:5] == ("json", "WARNING", "", socket.gethostname(), 7)
    assert json.loads(first[5]) == {"a": 1}
    assert before <= first[6] <= time.time_ns()
    assert second[:4] == ("pack", "ERROR", "etl.db", "elsewhere")
    assert second[6] == 1_700_000_000_500_000_000


def test_the_store_reads_as_dagrunner_users_read_it(bus, collector, push):
    push.send_json({"logger": "app", "message": "hello", "time": 1_700_000_000})
    eventually(lambda: bus.count() == 1)
    printed = subprocess.run(["sqlite3", str(bus.database), "SELECT created, name, level, message FROM logs WHERE name = 'app'"],
                             env=bus.environment, capture_output=True, text=True, check=True).stdout
    assert printed == "2023-11-14T22:13:20|app|INFO|hello\n"


BAD_FRAMES = [
    b"",
    b"\x93\x01\x02",                                # a batch cut short
    b"\x96\x01\xc0\xc0\xc0\xc0\xc0",                # a batch of nils
    b"\xdd\xff\xff\xff\xff",                        # four billion elements announced
    b"\x80\x04\x95\x10\x00\x00\x00",                # a pickle
    b"{\"message\": ",                              # half a JSON object
    b"\x81\xa7message",                             # a map without its value
    b"\x91" * 5000,                                 # deeply nested
    b"hello",
    os.urandom(512),
]


def test_bad_frames_are_counted_sampled_and_disturb_nobody(bus, collector, push):
    context = zmq.Context()
    hostile = context.socket(zmq.PUSH)
    hostile.connect(bus.push)
    for frame in BAD_FRAMES:
        hostile.send(frame)
    hostile.send_multipart([b"{}", b"{}"])
    for i in range(100):
        push.send_json({"logger": "good", "message": str(i)})
        hostile.send(b"\xff")
    dealer = context.socket(zmq.DEALER)
    dealer.connect(bus.control)
    for frame in [*BAD_FRAMES, msgpack.packb(["dance", 1]), msgpack.packb(["welcome", 1]), msgpack.packb([1, 2])]:
        dealer.send(frame)
    dealer.send_multipart([b"", msgpack.packb(["info"])])
    eventually(lambda: bus.count("logger = 'good'") == 100)
    dealer.send(msgpack.packb(["info"]))
    assert dealer.poll(PATIENCE * 1000), "control still answers"
    context.destroy(linger=1000)
    eventually(lambda: bus.query("SELECT count(*) FROM records WHERE logger = 'logboom.collector' AND level = 30 "
                                 "AND message LIKE 'bad frame: %'")[0][0] >= 5)
    assert collector.stop() == 0
    bad = int(re.search(r"(\d+) bad frames", collector.lines[-1])[1])
    assert bad == len(BAD_FRAMES) + 1 + 100 + len(BAD_FRAMES) + 3 + 1
    # Sampled: a flood of trouble is not a flood of records.
    assert bus.query("SELECT count(*) FROM records WHERE logger = 'logboom.collector'")[0][0] < 80


def test_an_oversized_message_ends_its_own_connection_only(bus, collector, push):
    push.send_json({"logger": "good", "message": "before"})
    context = zmq.Context()
    hostile = context.socket(zmq.PUSH)
    hostile.connect(bus.push)
    hostile.send(b"{" + b" " * (2 << 20))
    context.destroy(linger=1000)
    push.send_json({"logger": "good", "message": "after"})
    eventually(lambda: bus.count("logger = 'good'") == 2)


def test_a_message_somewhat_too_large_is_counted_and_its_connection_goes_on(bus, collector, push, run):
    push.send(b"{" + b" " * (1 << 20) + b"}")
    push.send_json({"logger": "good", "message": "after"})
    eventually(lambda: bus.count("logger = 'good'") == 1)
    eventually(lambda: bus.query("SELECT count(*) FROM records WHERE message = 'bad frame: a message of 1048578 bytes, at most 1048576 are taken'") == [(1,)])
    context = zmq.Context()
    dealer = context.socket(zmq.DEALER)
    dealer.connect(bus.control)
    dealer.send(msgpack.packb(["hello", b" " * (64 << 10)]))
    dealer.send(msgpack.packb(["info"]))
    assert dealer.poll(PATIENCE * 1000), "the connection goes on"
    context.destroy(linger=0)
    done = run("status", "-o", "json")
    assert done.returncode == 0 and json.loads(done.stdout)["bad_frames"] == 2


def test_sigterm_stores_what_has_arrived(bus, collector, push):
    for i in range(5000):
        push.send_json({"logger": "burst", "message": str(i)})
    # Proof of arrival is the last one of them being there; the rest of a second burst is on its way when the signal comes.
    eventually(lambda: bus.count() == 5000)
    for i in range(200):
        push.send_json({"logger": "late", "message": str(i)})
    assert collector.stop() == 0
    stored = bus.count("logger = 'late'")
    assert collector.lines[-1].startswith("logboom: stopped:")
    assert stored == 200


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_with_zero_and_its_sockets_are_gone(bus, collector, number):
    collector.signal(number)
    assert collector.wait() == 0
    assert not bus.path.with_name("bus.push").exists()


def test_a_reader_of_stderr_that_goes_away_is_not_the_end_of_it(bus, push, processes):
    """Whoever starts a collector reads its ready line and closes the pipe."""
    process = subprocess.Popen([COMMAND, "collect", bus.endpoint, "--db", str(bus.database)], env=bus.environment, stderr=subprocess.PIPE, text=True)
    try:
        assert "collecting on" in process.stderr.readline()
        process.stderr.close()
        push.send_json({"message": "hello"})
        eventually(lambda: bus.count() == 1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()


def test_a_second_signal_ends_it_at_once(bus, start_collector, push):
    """The disk is full for good, so that the first signal would have it try for some seconds."""

    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    # It ends amid its threads: ThreadSanitizer is not to have an exit code of its own for that.
    amid_threads = {"TSAN_OPTIONS": f"{os.environ.get('TSAN_OPTIONS', '')}:report_thread_leaks=0"}
    collector = start_collector(preexec_fn=small_files, environment=amid_threads)
    push.sndtimeo = 1000
    try:
        for _ in range(2000):
            push.send_json({"logger": "app", "message": "x" * 400})
    except zmq.Again:
        pass  # it takes no more than it has room for
    collector.wait_line("trying on")
    collector.signal(signal.SIGTERM)
    collector.signal(signal.SIGINT)
    assert collector.wait() in (128 + signal.SIGINT, 128 + signal.SIGTERM)  # pending together, the kernel chooses


def test_a_second_collector_on_one_database_refuses(bus, collector, start_collector):
    second = start_collector(endpoint=f"ipc://{bus.directory}/other", wait=False)
    assert second.wait() == 1
    assert len(second.lines) == 1
    assert second.lines[0].startswith("logboom: ") and str(bus.database) in second.lines[0]
    assert str(collector.pid) in second.lines[0] and ";" in second.lines[0]
    assert collector.running()


def test_a_second_collector_on_one_address_refuses_and_steals_nothing(bus, collector, start_collector, push):
    second = start_collector(database=bus.directory / "second.sqlite", wait=False)
    assert second.wait() == 1
    assert second.lines == [f"logboom: {bus.endpoint}: in use by another collector (pid {collector.pid}); "
                            "stop it, or choose another address"]
    assert not (bus.directory / "second.sqlite").exists()
    push.send_json({"logger": "app", "message": "still here"})
    eventually(lambda: bus.count() == 1)


def test_what_a_killed_collector_left_is_taken_over(bus, collector, start_collector, push):
    push.send_json({"logger": "app", "message": "one"})
    eventually(lambda: bus.count() == 1)
    collector.kill()
    assert bus.path.with_name("bus.push").exists()
    start_collector()
    push.send_json({"logger": "app", "message": "two"})
    eventually(lambda: bus.count() == 2)


def test_tcp_takes_three_ports_and_says_when_one_is_taken(bus, start_collector):
    port = free_ports()
    collector = start_collector(endpoint=f"tcp://127.0.0.1:{port}")
    assert collector.endpoint == f"tcp://127.0.0.1:{port}"
    second = start_collector(endpoint=f"tcp://127.0.0.1:{port}", database=bus.directory / "b.sqlite", wait=False)
    assert second.wait() == 1
    assert len(second.lines) == 1 and f"tcp://127.0.0.1:{port}: the port is in use; " in second.lines[0]


def test_tcp_port_zero_is_replaced_by_the_port_chosen(bus, start_collector):
    collector = start_collector(endpoint="tcp://127.0.0.1:0")
    port = int(collector.endpoint.rsplit(":", 1)[1])
    context = zmq.Context()
    dealer = context.socket(zmq.DEALER)
    dealer.connect(f"tcp://127.0.0.1:{port + 1}")
    dealer.send(msgpack.packb(["info"]))
    assert dealer.poll(PATIENCE * 1000)
    context.destroy(linger=0)


def test_several_addresses_are_one_bus(bus, start_collector):
    port = free_ports()
    start_collector(f"tcp://127.0.0.1:{port}")
    context = zmq.Context()
    for address in (bus.push, f"tcp://127.0.0.1:{port}"):
        one = context.socket(zmq.PUSH)
        one.connect(address)
        one.send(b'{"logger": "app", "message": "here"}')
    eventually(lambda: bus.count() == 2)
    context.destroy(linger=0)


def test_print_writes_committed_records_to_stdout(bus, start_collector, push):
    collector = start_collector("--print=json", database=None)
    push.send_json({"logger": "app", "message": "to stdout"})
    line = collector.wait_line('"to stdout"', lines=collector.output).string
    assert json.loads(line)["logger"] == "app"
    assert collector.stop() == 0


def test_a_stuck_reader_of_print_does_not_hold_up_the_store(bus, start_collector, push):
    reading, writing = os.pipe()
    start_collector("--print=json", stdout=writing)
    os.close(writing)
    for i in range(20_000):
        push.send_json({"logger": "app", "message": "x" * 500})
    eventually(lambda: bus.count() == 20_000)
    os.close(reading)


def test_a_full_disk_loses_nothing_is_said_and_passes(bus, start_collector, push):
    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    collector = start_collector(preexec_fn=small_files)
    sent = 0

    def send():
        nonlocal sent
        while sent < 2000:
            push.send_json({"logger": "app", "message": "x" * 400})
            sent += 1

    push.sndtimeo = 1000
    try:
        send()
    except zmq.Again:
        pass  # it takes no more than it has room for
    collector.wait_line("trying on")
    resource.prlimit(collector.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    push.sndtimeo = -1
    send()
    eventually(lambda: bus.count() == 2000)
    collector.wait_line("can be written again")
    assert collector.stop() == 0


def test_no_publish_serves_no_viewers(bus, start_collector):
    start_collector("--no-publish")
    assert not bus.path.with_name("bus.pub").exists()
    assert bus.path.with_name("bus.push").exists()


@pytest.mark.parametrize("arguments, named", [
    (["--frobnicate"], "--frobnicate"),
    (["--db"], "--db"),
    (["--db", "x", "--no-db"], "--no-db"),
    (["--level", "app=loud"], "loud"),
    (["--print=%(nonsense"], "%"),
    (["carrier-pigeon://x"], "carrier-pigeon"),
    (["inproc://x"], "inproc"),
    (["tcp://127.0.0.1:99999"], "99999"),
])
def test_usage_errors_are_one_line_and_exit_code_2(bus, run, arguments, named):
    done = run("collect", *arguments, cwd=bus.directory)
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("logboom: ") and named in lines[0]


def test_a_database_that_cannot_be_made_is_one_line_and_exit_code_1(bus, run):
    done = run("collect", "--db", "/nonexistent/logs.sqlite")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1 and "/nonexistent" in done.stderr


def test_version_and_help(run):
    assert re.fullmatch(r"logboom \d+\.\d+\.\d+\n", run("--version").stdout)
    assert run("--help").returncode == 0
    helped = run("collect", "--help")
    assert helped.returncode == 0
    for word in ("ENDPOINT", "--db", "--no-db", "--no-publish", "--print", "--adopt", "--until-idle", "--level"):
        assert word in helped.stdout
    assert run().returncode == 2


def test_rules_of_levels_reach_publishers(bus, start_collector):
    start_collector("--level", "warning,etl=debug")
    context = zmq.Context()
    dealer = context.socket(zmq.DEALER)
    dealer.connect(bus.control)
    dealer.send(msgpack.packb(["hello", 1, [os.urandom(16), "h", 1, "p", 0], []]))
    assert dealer.poll(PATIENCE * 1000)
    assert msgpack.unpackb(dealer.recv())[4] == "warning,etl=debug"
    context.destroy(linger=0)


def test_until_idle_ends_when_the_last_publisher_has_left(bus, start_collector):
    collector = start_collector("--until-idle")
    context = zmq.Context()
    dealer = context.socket(zmq.DEALER)
    dealer.connect(bus.control)
    ids = [os.urandom(16), os.urandom(16)]
    for one in ids:
        dealer.send(msgpack.packb(["hello", 1, [one, "h", 1, "p", 0], []]))
        assert msgpack.unpackb(dealer.recv())[0] == "welcome"
    dealer.send(msgpack.packb(["bye", ids[0], []]))
    assert msgpack.unpackb(dealer.recv()) [:2] == ["bye", ids[0]]
    with pytest.raises(subprocess.TimeoutExpired):
        collector.process.wait(1)
    dealer.send(msgpack.packb(["bye", ids[1], []]))
    assert msgpack.unpackb(dealer.recv()) [:2] == ["bye", ids[1]]
    assert collector.wait() == 0
    context.destroy(linger=0)


def test_a_dead_publishers_spool_is_adopted_at_start(bus, start_collector, worker):
    dead = worker("burst", bus.directory / "count", 1000, "--hold")
    eventually(lambda: logged(bus.directory / "count") == 1000)
    dead.kill()
    assert len(bus.spools()) == 1
    start_collector()
    eventually(lambda: bus.count("logger = 'burst'") == 1000)
    eventually(lambda: not bus.spools())
    eventually(lambda: bus.query("SELECT count(*) FROM records WHERE message LIKE 'adopted 1 spools%'")[0][0] == 1)


def test_until_idle_counts_a_dead_publisher_as_gone_once_its_spool_is_adopted(bus, start_collector, worker):
    collector = start_collector("--until-idle")
    dead = worker("burst", bus.directory / "count", 1000, "--hold")
    eventually(lambda: bus.count("logger = 'burst'") == 1000)
    dead.kill()
    assert collector.wait() == 0
    assert bus.count("logger = 'burst'") == 1000
    assert not bus.spools()


def test_until_idle_waits_for_what_a_dead_publisher_left(bus, start_collector, worker):
    collector = start_collector("--until-idle")
    path = bus.directory / "count"
    dead = worker("burst", path, 10**9, "--pause-every", "100")
    eventually(lambda: bus.count("logger = 'burst'") > 0)
    collector.signal(signal.SIGSTOP)
    before = logged(path)
    eventually(lambda: logged(path) > before + 50_000)
    dead.kill()
    collector.signal(signal.SIGCONT)
    assert collector.wait() == 0
    assert bus.count("logger = 'burst'") >= logged(path) > 50_000
    assert not bus.spools()


def test_spools_elsewhere_are_adopted_when_asked(bus, start_collector, worker):
    elsewhere = bus.directory / "elsewhere"
    dead = worker("burst", bus.directory / "count", 100, "--hold", environment={"LOGBOOM_SPOOL": str(elsewhere)})
    eventually(lambda: logged(bus.directory / "count") == 100)
    dead.kill()
    start_collector("--no-adopt", "--adopt", elsewhere)
    eventually(lambda: bus.count("logger = 'burst'") == 100)
