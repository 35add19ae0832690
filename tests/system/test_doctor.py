"""`logboom doctor`: each thing that keeps records from arriving is made, and is named."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess

import pytest

from conftest import COMMAND, PATIENCE, eventually

NOBODY = 65534


@pytest.fixture
def doctor(bus):
    def examine(*arguments, environment=None, **options):
        """Exit code and {check: (state, found, mend)}; of a check with several lines the worst."""
        done = subprocess.run([COMMAND, "doctor", "-o", "json", *arguments], env=bus.environment | (environment or {}), capture_output=True,
                              text=True, timeout=PATIENCE, **options)
        assert done.stderr == "", done.stderr
        answer = json.loads(done.stdout)
        states = ["ok", "warning", "failed"]
        found = {}
        for one in answer["checks"]:
            if one["check"] not in found or states.index(one["state"]) > states.index(found[one["check"]][0]):
                found[one["check"]] = (one["state"], one["found"], one["mend"])
        assert answer["ok"] == all(state == "ok" for state, *_ in found.values())
        return done.returncode, found

    return examine


@pytest.fixture
def as_nobody(bus):
    def command(*arguments, environment=None):
        bus.directory.chmod(0o755)
        bus.runtime.chmod(0o755)
        program = bus.directory / "logboom"  # theirs to enter, wherever the build is
        shutil.copy(COMMAND, program)
        program.chmod(0o755)
        return subprocess.run([program, *arguments], env=bus.environment | (environment or {}), capture_output=True, text=True, timeout=PATIENCE,
                              user=NOBODY, group=NOBODY, extra_groups=[])

    return command


def test_all_is_well(bus, collector, doctor, run):
    code, found = doctor()
    assert code == 0, found
    assert list(found) == ["environment", "endpoint", "sockets", "collector", "clock", "levels", "spool", "orphans", "store", "limits", "record", "live"]
    assert f"pid {collector.pid}" in found["collector"][1]
    assert bus.count() == 0 and bus.query("SELECT count(*) FROM records WHERE logger = 'logboom.doctor'") == [(1,)]
    assert not bus.spools()
    done = run("doctor")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert len(lines) == 12 and all(line.startswith("ok       ") for line in lines), done.stdout


def test_over_tcp(start_collector, doctor):
    collector = start_collector(endpoint="tcp://127.0.0.1:0")
    code, found = doctor(collector.endpoint)
    assert code == 0, found
    assert collector.endpoint in found["endpoint"][1]


def test_no_collector(bus, doctor, run):
    code, found = doctor()
    assert code == 3
    state, text, mend = found["sockets"]
    assert state == "failed" and "no collector was ever started there" in text and "logboom collect" in mend
    assert found["spool"][0] == "ok" and "record" not in found
    done = run("doctor")
    assert done.returncode == 3 and [line for line in done.stdout.splitlines() if line.startswith("failed   sockets")]
    assert found["sockets"][0] == "failed"
    code, found = doctor("tcp://127.0.0.1:1")
    assert code == 3 and "refused" in found["sockets"][1] and "logboom collect" in found["sockets"][2]
    code, found = doctor("carrier-pigeon://x")
    assert code == 3 and found["endpoint"][0] == "failed"


def test_a_collector_elsewhere_is_found(bus, collector, doctor):
    code, found = doctor(f"ipc://{bus.directory}/nowhere/bus")
    assert code == 3 and f"there is one at {bus.endpoint}" in found["sockets"][2]


def test_a_stale_socket(bus, start_collector, doctor):
    start_collector().kill()
    code, found = doctor()
    assert code == 3
    assert found["sockets"][0] == "failed" and "dead collector" in found["sockets"][1]


def test_somebody_else_listens(bus, doctor):
    bus.path.parent.mkdir(mode=0o700)
    listeners = []
    for end in ("push", "ctl", "pub"):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(f"{bus.path}.{end}")
        listener.listen()
        listeners.append(listener)
    code, found = doctor()
    for listener in listeners:
        listener.close()
    assert code == 3
    assert found["sockets"][0] == "warning" and "locked by nobody" in found["sockets"][1]
    assert found["collector"][0] == "failed" and "does not answer" in found["collector"][1]


def test_a_stopped_collector(collector, doctor):
    collector.signal(signal.SIGSTOP)
    code, found = doctor()
    collector.signal(signal.SIGCONT)
    assert code == 3 and "kill -CONT" in found["collector"][2]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a second user")
def test_wrong_permissions(collector, as_nobody):
    done = as_nobody("doctor")
    assert done.returncode == 3, done
    (line,) = [line for line in done.stdout.splitlines() if "sockets" in line]
    assert line.startswith("failed") and f"no permission for user {NOBODY}" in line and "mode 700" in line


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a second user")
def test_a_spool_that_is_not_ones_own(bus, collector, doctor):
    bus.spool.mkdir()
    os.chown(bus.spool, NOBODY, NOBODY)
    code, found = doctor()
    assert code == 1 and found["spool"][0] == "failed" and f"user {NOBODY}" in found["spool"][1]
    assert found["record"][0] == "failed", "the record says so, too"


def test_a_spool_that_cannot_be_written(bus, collector, doctor):
    (bus.directory / "file").write_text("in the way")
    code, found = doctor(environment={"LOGBOOM_SPOOL": str(bus.directory / "file" / "spool")})
    assert code == 1 and found["spool"][0] == "failed" and "LOGBOOM_SPOOL" in found["spool"][2]


def test_a_full_spool(bus, collector, doctor):
    """No file may grow as large as a ring: what a full disk says, without a disk."""
    import resource

    code, found = doctor(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)))
    assert code == 1 and found["spool"][0] == "failed" and "File too large" in found["spool"][1]


def test_a_disk_that_is_nearly_full(bus, collector, doctor, tmp_path):
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "none", tmp_path], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("cannot mount a small disk")
    try:
        code, found = doctor(environment={"LOGBOOM_SPOOL": str(tmp_path / "spool")})
        assert code == 1 and found["spool"][0] == "warning" and "make room" in found["spool"][2]
        (tmp_path / "filler").write_bytes(b"x" * (6 << 20))
        code, found = doctor(environment={"LOGBOOM_SPOOL": str(tmp_path / "spool")})
        assert code == 1 and found["spool"][0] == "failed"
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_level_rules_that_silence(bus, collector, doctor, run):
    code, found = doctor(environment={"LOGBOOM_LEVEL": "warning,net=off"})
    assert code == 1
    state, text, mend = found["levels"]
    assert state == "warning" and "below WARNING" in text and "net below anything" in text and "LOGBOOM_LEVEL" in text
    assert found["record"][0] == "ok"
    assert bus.query("SELECT level_name FROM records WHERE logger = 'logboom.doctor'") == [("WARNING",)]
    assert run("level", "off").returncode == 0
    code, found = doctor()
    assert code == 1 and found["levels"][0] == "failed" and "set on the fly off" in found["levels"][1] and "--reset" in found["levels"][2]
    assert found["record"][0] == "failed" and "no record is made" in found["record"][1]
    code, found = doctor(environment={"LOGBOOM_LEVEL": "loud", "LOGBOOM_LEVELS": "debug"})
    assert found["environment"][0] == "failed" and "loud" in found["environment"][1]
    code, found = doctor(environment={"LOGBOOM_LEVELS": "debug"})
    assert found["environment"][0] == "warning" and "LOGBOOM_LEVELS" in found["environment"][1]


def test_what_dead_workers_left(bus, collector, start_collector, worker, doctor):
    other = start_collector("--no-adopt", endpoint=f"ipc://{bus.directory}/other", database=bus.directory / "other.sqlite")
    process = worker("burst", bus.directory / "count", "10", "--hold", environment={"LOGBOOM_ENDPOINT": other.endpoint})
    process.wait_line("ready", lines=process.output)
    code, found = doctor()
    assert code == 0 and "1 in use" in found["orphans"][1], found
    other.kill()
    process.kill()
    code, found = doctor()
    assert code == 0 and "1 for others" in found["orphans"][1], found
    (spool,) = bus.spools()
    os.utime(spool, (0, 0))
    code, found = doctor(other.endpoint)
    assert code == 3 and found["orphans"][0] == "warning" and "1 of dead publishers wait" in found["orphans"][1]


def test_a_collector_without_a_store(bus, start_collector, doctor):
    start_collector("--no-publish", database=None)
    code, found = doctor()
    assert code == 1
    assert found["store"][0] == "warning" and "--no-db" in found["store"][2]
    assert found["sockets"][0] == "warning" and "no viewers" in found["sockets"][1]
    assert found["record"][0] == "ok"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a second user")
def test_a_store_that_cannot_be_read(bus, start_collector, as_nobody):
    (bus.directory / "private").mkdir(mode=0o700)
    collector = start_collector(endpoint="tcp://127.0.0.1:0", database=bus.directory / "private" / "logs.sqlite")
    done = as_nobody("doctor", collector.endpoint, environment={"LOGBOOM_SPOOL": "/dev/shm/logboom-doctor-test"})
    shutil.rmtree("/dev/shm/logboom-doctor-test")
    assert done.returncode == 1, done
    (line,) = [line for line in done.stdout.splitlines() if not line.startswith("ok ")]
    assert line.startswith("warning  store") and "logs.sqlite" in line
    assert bus.query("SELECT count(*) FROM records WHERE logger = 'logboom.doctor'", database=collector.database) == [(1,)]


def test_a_collector_whose_doors_are_shut(bus, start_collector, doctor, worker):
    start_collector("--max-connections", "4")
    workers = [worker("burst", bus.directory / f"count{i}", "1", "--hold") for i in range(3)]
    eventually(lambda: pathlib.Path(f"{bus.path}.ctl.full").exists())
    code, found = doctor()
    assert code == 3 and "as many connections as it takes" in found["sockets"][1]
    for process in workers:
        process.kill()


def test_a_collector_that_is_too_old(bus, doctor):
    import threading

    import msgpack
    import zmq

    context = zmq.Context()
    bus.path.parent.mkdir(mode=0o700)
    sockets = []
    for kind, address in ((zmq.PULL, bus.push), (zmq.ROUTER, bus.control), (zmq.XPUB, bus.live)):
        made = context.socket(kind)
        made.linger = 0
        made.bind(address)
        sockets.append(made)

    def answer():
        while True:
            route, frame = sockets[1].recv_multipart()
            if msgpack.unpackb(frame) == ["info"]:
                return sockets[1].send_multipart([route, msgpack.packb(["info", {"version": 1, "epoch": 1, "host": "hub", "pid": 7, "database": "", "last_id": 0}])])

    thread = threading.Thread(target=answer)
    thread.start()
    code, found = doctor()
    thread.join()
    for made in sockets:
        made.close()
    context.term()
    assert code == 3 and found["collector"][0] == "failed" and "older version" in found["collector"][1]
