# ctest: long timeout=600
"""No room, and disks that fail: under the store, under the spool, under a file sink. What is stated holds, `status` says so, and work goes on by itself when it can.

The small file systems are tmpfs that the test mounts, which needs root; without, those tests are skipped. (What can only be asked of a full disk has RLIMIT_FSIZE as well.)
"""

import errno
import json
import mmap
import os
import resource
import signal
import struct
import subprocess
import sys

import pytest

from conftest import BUILD, FULL, eventually, module_environment
from streams import LONG, SCALE, SLOW, check_returned, check_streams_are_whole, counters, declared, stored_numbers

MIB = 1 << 20


class SmallDisk:
    """A tmpfs of so many bytes."""

    def __init__(self, path, size):
        self.path, self.ballast = path, path / "ballast"
        path.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "none", path], capture_output=True, text=True)
        if mounted.returncode != 0:
            pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.strip()}")

    def room(self):
        state = os.statvfs(self.path)
        return state.f_bavail * state.f_bsize

    def fill(self, leave=0):
        """All but `leave` bytes of what is free."""
        with open(self.ballast, "ab") as ballast:
            size = ballast.tell()
            os.posix_fallocate(ballast.fileno(), size, self.room() - leave)

    def clear(self):
        self.ballast.unlink()

    def grow(self, size):
        subprocess.run(["mount", "-o", f"remount,size={size}", self.path], check=True)


@pytest.fixture
def small_disk(bus):
    made = []

    def make(size):
        made.append(SmallDisk(bus.directory / f"disk{len(made)}", size))
        return made[-1]

    yield make
    for disk in made:
        subprocess.run(["umount", "--lazy", disk.path], check=True)


@pytest.fixture
def failing_disk(bus):
    """failing_disk.environment(directory) for the process; .fail(write=…, sync=…, every=N), .mend(), .failed()."""
    library = BUILD / "preload" / "failing_disk.so"
    if SLOW or not library.exists():
        pytest.skip("sanitizers want to be the first library loaded")
    path = bus.directory / "faults"
    path.write_bytes(bytes(16))
    with open(path, "r+b") as file:
        memory = mmap.mmap(file.fileno(), 16)

    class FailingDisk:
        def environment(self, under):
            return {"LD_PRELOAD": str(library), "LOGBOOM_TEST_DISK": str(path), "LOGBOOM_TEST_DISK_UNDER": str(under)}

        def fail(self, write=0, sync=0, every=1):
            memory[0:12] = struct.pack("<III", write, sync, every)

        def mend(self):
            self.fail()

        def failed(self):
            return struct.unpack("<I", memory[12:16])[0]

    yield FailingDisk()
    memory.close()


def burst(bus, worker, count, *arguments, **options):
    """A running worker that logs so many, and the file of its counts."""
    path = bus.directory / "count"
    process = worker("burst", path, count, "--hold", *arguments, **options)
    process.wait_line(r"^ready", lines=process.output)
    return process, path


def of_pid(state, pid):
    return next((one for one in state["publishers"] if one["pid"] == pid), None)


def check_nothing_acked_that_is_not_stored(bus, status, process, path, database):
    """What the publisher holds and what is stored come to what it logged, at least: acks come after the commit."""

    def held():
        state = of_pid(status(), process.pid)
        return state and state["reported"] and state["report"]["unacked"]
    # It says so once a second.
    eventually(lambda: (unacked := held()) and unacked + bus.count("logger = 'burst'", database=database) == sum(counters(path)), LONG,
               "unacked + stored = logged")


def check_all_is_stored(bus, process, path, count, database, threads=1):
    eventually(lambda: counters(path) == (count,) * threads, LONG, "the worker runs on")
    count *= threads
    eventually(lambda: bus.count("logger = 'burst'", database=database) >= count, LONG, "all of it is stored")
    for (pid, t), stored in stored_numbers(bus, database).items():
        assert pid == process.pid and stored == list(range(1, counters(path)[t] + 1))
    check_streams_are_whole(bus, database)
    assert declared(bus, database) == 0
    assert bus.query("PRAGMA integrity_check", database=database) == [("ok",)]


# --- the store

def test_the_store_on_a_full_disk(bus, start_collector, worker, status, small_disk):
    """The collector says so, holds publishers back, serves readers; and goes on when there is room."""
    disk = small_disk(6 * MIB)
    database = disk.path / "logs.sqlite"
    collector = start_collector(database=database)
    process, path = burst(bus, worker, 40_000 // SCALE, "--text", str(300 * SCALE))
    collector.wait_line("database or disk is full.*make room on its file system; trying on, publishers keep their records")
    eventually(lambda: counters(path)[0] == 40_000 // SCALE, LONG, "the worker runs on")
    trouble = eventually(lambda: status()["store"]["trouble"])
    assert "full" in trouble and str(database) in trouble
    stored = bus.count("logger = 'burst'", database=database)
    assert 0 < stored < 40_000 // SCALE
    check_nothing_acked_that_is_not_stored(bus, status, process, path, database)
    disk.grow(256 * MIB)
    collector.wait_line("the store can be written again")
    check_all_is_stored(bus, process, path, 40_000 // SCALE, database)
    assert status()["store"]["trouble"] == ""
    assert process.stop() == 0 and collector.stop() == 0


def test_a_collector_killed_on_a_full_disk(bus, start_collector, worker, small_disk):
    """And started again: while there is no room it either goes on or says in one line why not, and nothing is lost."""
    disk = small_disk(6 * MIB)
    database = disk.path / "logs.sqlite"
    collector = start_collector(database=database)
    process, path = burst(bus, worker, 40_000 // SCALE, "--text", str(300 * SCALE))
    collector.wait_line("trying on, publishers keep their records")
    collector.kill()
    again = start_collector(database=database, wait=False)
    eventually(lambda: again.lines)
    assert again.running() or (again.wait() not in (0, -signal.SIGBUS, -signal.SIGABRT, -signal.SIGSEGV) and len(again.lines) == 1), again.stderr
    disk.grow(256 * MIB)
    if not again.running():
        again = start_collector(database=database)
    check_all_is_stored(bus, process, path, 40_000 // SCALE, database)
    assert process.stop() == 0 and again.stop() == 0


def test_the_store_at_a_limit_of_file_size(bus, start_collector, worker, status):
    """RLIMIT_FSIZE is SIGXFSZ for who does not expect it."""
    collector = start_collector()
    resource.prlimit(collector.pid, resource.RLIMIT_FSIZE, (3 * MIB, resource.RLIM_INFINITY))
    process, path = burst(bus, worker, 40_000 // SCALE, "--text", str(300 * SCALE))
    collector.wait_line("trying on, publishers keep their records")
    assert eventually(lambda: status()["store"]["trouble"])
    eventually(lambda: counters(path)[0] == 40_000 // SCALE, LONG, "the worker runs on")
    check_nothing_acked_that_is_not_stored(bus, status, process, path, bus.database)
    resource.prlimit(collector.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    check_all_is_stored(bus, process, path, 40_000 // SCALE, bus.database)
    assert process.stop() == 0 and collector.stop() == 0


FAULTS = {"sync": {"sync": errno.EIO}, "now and then": {"write": errno.EIO, "sync": errno.EIO, "every": 40}, "write": {"write": errno.EIO},
          "full": {"write": errno.ENOSPC}}


@pytest.mark.parametrize("fault", list(FAULTS) if FULL else list(FAULTS)[:2])
def test_the_store_on_a_disk_that_fails(bus, start_collector, worker, status, failing_disk, fault):
    fault = FAULTS[fault]
    environment = failing_disk.environment(bus.database)
    collector = start_collector(environment=environment)
    process, path = burst(bus, worker, 25_000, "--pause-every", "50")
    eventually(lambda: bus.count() > 2_000, LONG)
    failing_disk.fail(**fault)
    if fault.get("every"):  # some transactions pass, some do not
        eventually(lambda: failing_disk.failed() > 10, LONG)
    else:
        assert "error" in eventually(lambda: status()["store"]["trouble"]) or fault.get("write") == errno.ENOSPC
        eventually(lambda: counters(path)[0] == 25_000, LONG, "the worker runs on")
        check_nothing_acked_that_is_not_stored(bus, status, process, path, bus.database)
    failing_disk.mend()
    check_all_is_stored(bus, process, path, 25_000, bus.database)
    assert status()["store"]["trouble"] == ""
    assert failing_disk.failed() > 0
    assert process.stop() == 0 and collector.stop() == 0


def test_a_collector_killed_while_its_disk_fails_now_and_then(bus, start_collector, worker, failing_disk):
    environment = failing_disk.environment(bus.database)
    collector = start_collector(environment=environment)
    process, path = burst(bus, worker, 60_000, "--pause-every", "20")
    for kill in range(1, 6):
        eventually(lambda: bus.count() > 10_000 * kill, LONG)
        failing_disk.fail(write=errno.EIO, sync=errno.EIO, every=50)
        before = failing_disk.failed()
        eventually(lambda: failing_disk.failed() > before + 2, LONG)
        collector.kill()
        failing_disk.mend()
        collector = start_collector(environment=environment)
    check_all_is_stored(bus, process, path, 60_000, bus.database)
    assert process.stop() == 0 and collector.stop() == 0


# --- the spool

@pytest.mark.parametrize("policy", [("--drop",), ("--block-ms", "20")], ids=["drop", "block"])
def test_the_spool_on_a_full_disk(bus, start_collector, worker, status, small_disk, policy):
    """Overflow, further rings and the catalogue find no room: the worker runs on, and what is lost is declared."""
    disk = small_disk(4 * MIB)
    count, path = 60_000 // SCALE, bus.directory / "count"
    environment = {"LOGBOOM_SPOOL": str(disk.path / "spool")}
    process = worker("burst", path, count, "--threads", "4", "--text", "200", "--hold", *policy, environment=environment)
    eventually(lambda: path.exists() and counters(path) == (count,) * 4, LONG, "the worker runs on")
    assert disk.room() < MIB
    collector = start_collector("--adopt", disk.path / "spool")

    def accounted():
        lost = declared(bus)
        return bus.count("logger = 'burst'") + lost == 4 * count and lost
    lost = eventually(accounted, LONG, "logged = stored + declared")
    assert of_pid(status(), process.pid)["report"]["dropped"] == lost
    check_streams_are_whole(bus)
    # There is room again: nothing more is lost.
    disk.grow(256 * MIB)
    second = worker("burst", bus.directory / "second", 1000, "--threads", "4", environment=environment)
    assert second.wait(LONG) == 0
    eventually(lambda: bus.count("logger = 'burst'") + declared(bus) == 4 * count + 4000, LONG)
    assert declared(bus) == lost
    assert process.stop() == 0 and collector.stop() == 0


def test_no_room_for_a_spool_at_all(bus, start_collector, worker, small_disk):
    """Not for one ring: records are kept in memory that outlives the process, and that is said."""
    disk = small_disk(1 * MIB)
    environment = {"LOGBOOM_SPOOL": str(disk.path / "spool")}
    collector = start_collector()
    process, path = burst(bus, worker, 5000, "--threads", "3", environment=environment)
    check_all_is_stored(bus, process, path, 5000, bus.database, threads=3)
    said = bus.query("SELECT message FROM records WHERE logger = 'logboom.publisher'")
    assert any("No space left" in line for line, in said), said
    assert process.stop() == 0 and collector.stop() == 0


@pytest.mark.parametrize("who", ["recover", "next", "collector"])
def test_a_spool_in_memory_whose_worker_was_killed(bus, start_collector, worker, run, small_disk, who):
    """It is not where LOGBOOM_SPOOL says, and found all the same."""
    disk = small_disk(1 * MIB)
    process, path = burst(bus, worker, 1000, environment={"LOGBOOM_SPOOL": str(disk.path / "spool")})
    eventually(lambda: counters(path) == (1000,))
    process.kill()
    start_collector(*([] if who == "collector" else ["--no-adopt"]))
    if who == "recover":
        assert run("recover").returncode == 0
    elif who == "next":
        worker("burst", bus.directory / "next", 1, "--hold")
    eventually(lambda: len(stored_numbers(bus).get((process.pid, 0), [])) == 1000, LONG)
    check_streams_are_whole(bus)


def test_a_worker_killed_on_a_full_disk(bus, start_collector, worker, small_disk):
    """Its spool is read although nothing can be written beside it."""
    disk = small_disk(8 * MIB)
    spool = disk.path / "spool"
    process, path = burst(bus, worker, 10**9, "--threads", "2", "--text", "100", environment={"LOGBOOM_SPOOL": str(spool)})
    eventually(lambda: disk.room() < 64 << 10, LONG, "the disk is full")
    process.kill()
    logged = counters(path)
    collector = start_collector("--adopt", spool)
    eventually(lambda: not [d for d in spool.iterdir() if d.name[0] != "."], LONG, "the spool is adopted")
    # The policy is to wait: what was logged had room, but for the call that was waiting.
    for t, returned in enumerate(logged):
        check_returned(stored_numbers(bus)[process.pid, t], returned)
    check_streams_are_whole(bus)
    assert declared(bus) == 0
    assert collector.stop() == 0


def test_a_ring_that_was_cut_off_on_a_full_disk(bus, start_collector, worker, small_disk):
    """To be read it must be made whole, for which there is no room: the collector lives, says so, and adopts it when there is."""
    disk = small_disk(8 * MIB)
    spool = disk.path / "spool"
    process, path = burst(bus, worker, 1000, environment={"LOGBOOM_SPOOL": str(spool)})
    eventually(lambda: counters(path) == (1000,))
    process.kill()
    (ring,) = spool.glob("*/ring.1")  # its one thread's
    os.truncate(ring, 64 << 10)
    disk.fill()
    collector = start_collector("--adopt", spool)
    collector.wait_line("cannot lengthen .*ring.1: No space left on device")
    assert collector.running()
    disk.clear()
    eventually(lambda: not [d for d in spool.iterdir() if d.name[0] != "."], LONG, "the spool is adopted")
    # One may be written while its call had not returned.
    assert bus.count("logger = 'burst'") + declared(bus) == 1000
    assert bus.count("logger = 'burst'") > 0
    check_streams_are_whole(bus)
    assert collector.stop() == 0


def test_the_spool_at_a_limit_of_file_size(bus, start_collector, worker):
    """A worker is not killed by SIGXFSZ for what the library writes."""
    collector = start_collector("--no-adopt")
    collector.signal(signal.SIGSTOP)

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (3 * MIB // 2, resource.RLIM_INFINITY))
    process, path = burst(bus, worker, 30_000 // SCALE, "--text", "300", "--drop", preexec_fn=limit)
    eventually(lambda: counters(path)[0] == 30_000 // SCALE, LONG, "the worker runs on")
    collector.signal(signal.SIGCONT)
    eventually(lambda: bus.count("logger = 'burst'") + declared(bus) == 30_000 // SCALE, LONG, "logged = stored + declared")
    check_streams_are_whole(bus)
    assert process.stop() == 0 and collector.stop() == 0


AT_A_LIMIT = """
import logging, resource, signal, sys, threading, logboom
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # which Python ignores
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
handler = logboom.attach()
def log():
    for i in range(1000):
        logging.getLogger("limited").warning("record %d", i)
threads = [threading.Thread(target=log) for _ in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(handler.status["problem"])
"""


@pytest.mark.parametrize("limit", [1, 4 << 10, 512 << 10])
def test_a_program_whose_limit_of_file_size_leaves_no_room_for_a_ring(bus, collector, limit):
    """It is not killed by SIGXFSZ, in whichever of its threads the library writes, and says what is wrong."""
    done = subprocess.run([sys.executable, "-c", AT_A_LIMIT, str(limit)], capture_output=True, text=True, timeout=LONG,
                          env=bus.environment | module_environment())
    assert done.returncode == 0, done.stderr
    assert "no spool can be made" in done.stdout
    assert collector.stop() == 0


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC, errno.EDQUOT] if FULL else [errno.ENOSPC], ids=lambda number: errno.errorcode[number])
def test_the_spool_on_a_disk_that_fails(bus, start_collector, worker, failing_disk, error):
    """The overflow takes nothing: the policy is to wait, and what waits goes on when it can."""
    collector = start_collector("--no-adopt")
    collector.signal(signal.SIGSTOP)
    process, path = burst(bus, worker, 40_000, "--text", "300", "--block-ms", "600000", environment=failing_disk.environment(bus.spool))
    eventually(lambda: any(spool.glob("overflow.*") for spool in bus.spools()))
    failing_disk.fail(write=error)
    eventually(lambda: failing_disk.failed() > 3, LONG)
    failing_disk.mend()
    eventually(lambda: counters(path)[0] == 40_000, LONG, "the worker goes on")
    collector.signal(signal.SIGCONT)
    check_all_is_stored(bus, process, path, 40_000, bus.database)
    assert process.stop() == 0 and collector.stop() == 0


# --- a file sink

def lines_and_gaps(path):
    """Of a JSON file of a sink: numbers of its records, and how many it says are not there."""
    numbers, missing = [], 0
    for line in path.read_text().splitlines():
        record = json.loads(line)
        if record["logger"] == "burst":
            numbers.append(record["fields"]["i"])
        elif record["logger"] == "logboom.sink":
            missing += record["fields"]["count"]
    return numbers, missing


def test_a_file_sink_on_a_full_disk(bus, start_collector, worker, status, small_disk):
    """It holds up neither store nor workers; what it cannot keep meanwhile is dropped for it alone, counted, and said in its output."""
    disk = small_disk(1 * MIB)
    log, config = disk.path / "app.log", bus.directory / "logboom.toml"
    config.write_text(f'[[sink]]\ntype = "file"\nname = "app"\npath = "{log}"\nformat = "json"\nlogger = "burst"\nqueue = "8MiB"\n')
    collector = start_collector("--config", config)
    process, path = burst(bus, worker, 60_000 // SCALE, "--text", str(200 * SCALE))
    check_all_is_stored(bus, process, path, 60_000 // SCALE, bus.database)

    def sink():
        (one,) = [one for one in status()["sinks"] if one["name"] == "app"]
        return one
    failing = eventually(lambda: (s := sink()) and s["failing"] and s["dropped"] > 0 and s)
    assert "No space left" in failing["last_error"]
    collector.wait_line("app.*No space left")
    assert log.read_bytes().endswith(b"\n"), "no half record stands there for somebody to read"
    disk.grow(256 * MIB)
    mended = eventually(lambda: (s := sink()) and not s["failing"] and s["queued"] == 0 and s, LONG)
    eventually(lambda: len(lines_and_gaps(log)[0]) + lines_and_gaps(log)[1] == 60_000 // SCALE, LONG, "what is there and what is said to be missing")
    numbers, missing = lines_and_gaps(log)
    assert numbers == sorted(set(numbers)) and missing == sink()["dropped"]
    assert mended["dropped"] == missing
    assert process.stop() == 0 and collector.stop() == 0
