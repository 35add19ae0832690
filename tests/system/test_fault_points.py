# ctest: long timeout=600
"""Death at each named place (docs/fault-points.md), and again during the recovery from it: what was logged is stored exactly once, in order.

In `./dev test` every place at one of its passings; `--full`: at the 1st and the 7th, with and without a second death.
"""

import pathlib
import re
import signal
import sqlite3
import subprocess

import pytest

from conftest import COMMAND, FULL, PATIENCE, eventually
from streams import LONG, check_streams_are_whole, counters, stored_numbers

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Where they are passed: in a worker that sends, in one that has no collector, in a collector, in one with files that are full, in who recovers.
SENDING = ["batch.sending", "batch.sent", "ring.releasing", "ring.release.amid", "ring.released"]
SPILLING = ["overflow.moving", "overflow.append.amid", "overflow.moved", "overflow.released"]
MAKING = ["spool.making", "catalogue.appended"]
COLLECTING = ["batch.received", "store.insert", "store.inserted", "store.commit", "store.committed", "ack.sending", "ack.sent"]
CHECKPOINTS = ["checkpoint.begin", "checkpoint.end"]
ROTATING = ["rotation.next_whole", "rotation.linked", "rotation.log_removed", "rotation.renamed"]
RETAINING = ["retention.removing", "retention.removed"]
CLOSING = ["closed.compressed", "closed.replaced"]
ADOPTING = ["adoption.sent", "spool.removing", "spool.removing.amid"]
FORWARDING = ["forward.appended"]
ELSEWHERE = ["migration.commit", "migration.done", "store.set_aside.amid", "store.summarized", "overflow.unlinked"]


def passings(points):
    """(point, passing, whether the recovery dies as well)"""
    if FULL:
        return [(point, at, twice) for point in points for at in (1, 7) for twice in (False, True)]
    return [(point, (1, 7)[i % 2], i % 3 != 2) for i, point in enumerate(points)]


def fault(point, at=1):
    return {"LOGBOOM_FAULT": f"{point}:{at}"}


def died(process):
    assert process.wait(LONG) == -signal.SIGKILL, process.stderr
    return process


def test_every_place_in_the_sources_is_documented_and_died_at():
    places = set()
    for file in (ROOT / "src").rglob("*.cpp"):
        places |= set(re.findall(r'fault_point\("([a-z_.]+)"\)', file.read_text()))
    here = {*SENDING, *SPILLING, *MAKING, *COLLECTING, *CHECKPOINTS, *ROTATING, *RETAINING, *CLOSING, *ADOPTING, *FORWARDING, *ELSEWHERE}
    documented = set(re.findall(r"^\| `([a-z_.]+)` \|", (ROOT / "docs" / "fault-points.md").read_text(), re.M))
    assert places == here == documented


def stored_as_logged(bus, path, pid):
    """What was logged is stored once and in order; of each thread at most the record whose call did not return is more."""
    stored = stored_numbers(bus)
    for t, returned in enumerate(counters(path)):
        found = stored.get((pid, t), [])
        assert found in (list(range(1, returned + 1)), list(range(1, returned + 2))), f"thread {t}: {len(found)} of {returned}"


def all_stored(bus, path, pid):
    def look():
        stored = stored_numbers(bus)
        return all(len(stored.get((pid, t), [])) >= returned for t, returned in enumerate(counters(path)))

    eventually(look, LONG, "everything logged is stored")


ENDLESS = 10_000_000  # records: until the worker is killed, at the end


def finish(bus, process, path):
    """The worker dies now at the latest, and what it left is taken."""
    process.kill()
    eventually(lambda: not bus.spools(), LONG, "spools are gone")
    all_stored(bus, path, process.pid)
    stored_as_logged(bus, path, process.pid)
    check_streams_are_whole(bus)


# --- the collector dies


@pytest.mark.parametrize("point, at, twice", passings(COLLECTING))
def test_the_collector_dies_and_the_worker_goes_on(bus, start_collector, worker, point, at, twice):
    path = bus.directory / "count"
    process = worker("burst", path, ENDLESS, "--pause-every", "20")
    died(start_collector(wait=False, environment=fault(point, at)))
    if twice:
        died(start_collector(wait=False, environment=fault(point)))
    start_collector()
    finish(bus, process, path)


@pytest.mark.parametrize("twice", [False, True])
def test_the_collector_dies_over_what_its_records_come_to(bus, start_collector, worker, twice):
    logged = 0

    def dies(collector):
        """Some records a few at a time, and a pause: which they need not owe anything, if a second ends there."""
        nonlocal logged
        logged += 100
        worker("burst", bus.directory / f"count-{logged}", 100, "--pause-every", "2", "--hold")
        try:
            return collector.wait(5) == -signal.SIGKILL
        except subprocess.TimeoutExpired:
            return False

    for _ in range(1 + twice):
        collector = start_collector(wait=False, environment=fault("store.summarized"))
        eventually(lambda collector=collector: dies(collector), LONG)
    start_collector()
    eventually(lambda: bus.count("logger = 'burst'") == logged, LONG)
    counts = "SELECT (SELECT count(*) FROM record), (SELECT sum(n) FROM minute), (SELECT sum(n) FROM minute_level), (SELECT max(last_id) FROM span)"
    eventually(lambda: len(set(bus.query(counts)[0])) == 1, LONG, "all is summed up, once")


@pytest.mark.parametrize("point, at, twice", passings(CHECKPOINTS))
def test_the_collector_dies_over_a_checkpoint(bus, start_collector, worker, point, at, twice):
    at = min(at, 3) if FULL else 1  # a checkpoint is each 16 MiB
    path = bus.directory / "count"
    process = worker("burst", path, ENDLESS, "--pause-every", "20", "--text", "4000")
    died(start_collector(wait=False, environment=fault(point, at)))
    if twice:
        died(start_collector(wait=False, environment=fault("store.commit")))
    start_collector()
    finish(bus, process, path)


@pytest.mark.parametrize("point, at, twice", passings(FORWARDING))
def test_the_collector_dies_between_its_upstream_spool_and_its_store(bus, start_collector, worker, point, at, twice):
    hub = f"ipc://{bus.directory}/hub"
    database = bus.directory / "hub.sqlite"
    start_collector("--no-adopt", endpoint=hub, database=database)
    path = bus.directory / "count"
    process = worker("burst", path, ENDLESS, "--pause-every", "20")
    died(start_collector("--upstream", hub, wait=False, environment=fault(point, at)))
    if twice:
        died(start_collector("--upstream", hub, wait=False, environment=fault(point)))
    start_collector("--upstream", hub)
    finish(bus, process, path)
    wanted = "SELECT sequence, message FROM records WHERE logger = 'burst' ORDER BY stream, sequence"
    eventually(lambda: bus.query(wanted, database=database) == bus.query(wanted), LONG, "the hub has the same")


MANY = ["--file-size", "256KiB"]


def queried(run, bus):
    done = run("query", "--db", bus.database, "-n", "burst", "-o", "%(message)s", timeout=LONG)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("point, at, twice", [*passings(ROTATING), *passings(CLOSING)])
def test_the_collector_dies_over_its_next_file(bus, start_collector, worker, run, point, at, twice):
    at = min(at, 3)
    arguments = [*MANY, "--compress"] if point in CLOSING else MANY
    path = bus.directory / "count"
    process = worker("burst", path, ENDLESS, "--pause-every", "2", "--text", "200")
    died(start_collector(*arguments, wait=False, environment=fault(point, at)))
    if twice:
        died(start_collector(*arguments, wait=False, environment=fault(point)))
    start_collector(*arguments)
    process.kill()
    eventually(lambda: not bus.spools(), LONG)
    [returned] = counters(path)
    found = queried(run, bus)
    assert len(found) in (returned, returned + 1)
    assert found == [f"record {i} of thread 0" for i in range(1, len(found) + 1)]


@pytest.mark.parametrize("point, at, twice", passings(RETAINING))
def test_the_collector_dies_over_the_removal_of_an_old_file(bus, start_collector, worker, run, point, at, twice):
    arguments = [*MANY, "--max-size", "12MiB"]
    path = bus.directory / "count"
    # Endless: how long files get, and with that how often one is removed, depends on how fast records come and files are closed.
    process = worker("burst", path, ENDLESS, "--pause-every", "2", "--text", "2000")
    died(start_collector(*arguments, wait=False, environment=fault(point, min(at, 2))))
    if twice:
        died(start_collector(*arguments, wait=False, environment=fault(point)))
    start_collector(*arguments)
    process.kill()
    eventually(lambda: not bus.spools(), LONG)
    [returned] = counters(path)
    left = queried(run, bus)
    last = returned + (left[-1] == f"record {returned + 1} of thread 0")
    assert left == [f"record {i} of thread 0" for i in range(last - len(left) + 1, last + 1)], "the newest, each once"
    assert 0 < len(left) < last


@pytest.mark.parametrize("version", [1, 3])
@pytest.mark.parametrize("point, twice", [("migration.commit", True), ("migration.done", False)])
def test_the_collector_dies_over_the_migration_of_an_older_file(bus, start_collector, worker, point, twice, version):
    with sqlite3.connect(bus.database) as connection:
        connection.executescript((ROOT / "tests" / "unit" / "golden" / f"store_v{version}.sql").read_text())
        before = connection.execute("SELECT id, message FROM record ORDER BY id").fetchall()
    connection.close()
    assert before
    died(start_collector(wait=False, environment=fault(point)))
    if twice:
        died(start_collector(wait=False, environment=fault(point)))
    start_collector()
    path = bus.directory / "count"
    process = worker("burst", path, 100)
    assert process.wait(LONG) == 0
    all_stored(bus, path, process.pid)
    assert bus.query("SELECT id, message FROM record ORDER BY id LIMIT ?", len(before)) == before


def test_the_collector_dies_while_it_sets_a_damaged_file_aside(bus, start_collector, worker):
    collector = start_collector()
    path = bus.directory / "count"
    process = worker("burst", path, 500)
    assert process.wait(LONG) == 0
    all_stored(bus, path, process.pid)
    assert collector.stop() == 0
    with open(bus.database, "r+b") as file:
        file.write(b"not SQLite any more")
    died(start_collector(wait=False, environment=fault("store.set_aside.amid")))
    start_collector()
    second = bus.directory / "second"
    process = worker("burst", second, 100)
    assert process.wait(LONG) == 0
    all_stored(bus, second, process.pid)
    stored_as_logged(bus, second, process.pid)
    assert len(list(bus.directory.glob("logs.sqlite.damaged-*"))) == 1


# --- the worker dies, or whoever sends what it left


def recover_twice(start, twice):
    if twice:
        died(start(COMMAND, "recover", environment=fault("adoption.sent")))
    recovered = start(COMMAND, "recover", "--patience", str(PATIENCE))
    assert recovered.wait(LONG) == 0, recovered.stderr


@pytest.mark.parametrize("point, at, twice", passings(SENDING))
def test_a_worker_dies_while_it_sends(bus, start, start_collector, worker, point, at, twice):
    start_collector("--no-adopt")
    path = bus.directory / "count"
    process = died(worker("burst", path, 100_000, "--pause-every", "20", environment=fault(point, at)))
    recover_twice(start, twice)
    assert not bus.spools()
    stored_as_logged(bus, path, process.pid)
    if bus.count("publisher IS NOT NULL"):  # a ring is released for the first time while it is made: nothing was logged then
        check_streams_are_whole(bus)


@pytest.mark.parametrize("point, at, twice", passings(SPILLING))
def test_a_worker_dies_while_it_moves_records_to_the_overflow(bus, start, start_collector, worker, point, at, twice):
    path = bus.directory / "count"
    process = died(worker("burst", path, 1_000_000, "--ring", "65536", "--text", "100", "--pause-every", "100", environment=fault(point, at)))
    start_collector("--no-adopt")
    recover_twice(start, twice)
    assert not bus.spools()
    stored_as_logged(bus, path, process.pid)
    check_streams_are_whole(bus)


@pytest.mark.parametrize("point", MAKING)
def test_a_worker_dies_before_it_logs(bus, start, start_collector, worker, point):
    died(worker("burst", bus.directory / "first", 10, environment=fault(point)))
    start_collector()
    path = bus.directory / "count"
    process = worker("burst", path, 100)
    assert process.wait(LONG) == 0
    finish(bus, process, path)
    assert not [entry for entry in bus.spool.iterdir()], "what was half made is cleared away"


@pytest.mark.parametrize("point, at, twice", passings([*ADOPTING, "overflow.unlinked"]))
def test_who_sends_what_a_dead_worker_left_dies_over_it(bus, start, start_collector, worker, point, at, twice):
    path = bus.directory / "count"
    process = worker("burst", path, 6000, "--hold", "--ring", "65536", "--text", "100", "--pause-every", "100")
    eventually(lambda: path.exists() and counters(path) == (6000,), LONG)
    process.kill()
    start_collector("--no-adopt")
    died(start(COMMAND, "recover", environment=fault(point)))
    if twice and point != "spool.removing.amid":  # behind that nothing is left to be recovered
        died(start(COMMAND, "recover", environment=fault(point if point != "overflow.unlinked" else "adoption.sent")))
    recovered = start(COMMAND, "recover", "--patience", str(PATIENCE))
    assert recovered.wait(LONG) == 0, recovered.stderr
    assert not bus.spools()
    all_stored(bus, path, process.pid)
    stored_as_logged(bus, path, process.pid)
    check_streams_are_whole(bus)


def test_a_build_without_fault_points_knows_none():
    """What is shipped has none: without LOGBOOM_FAULTS nothing of them is in the program, whatever the environment says."""
    def preprocessed(*more):
        header = ROOT / "src" / "posix" / "fault_point.hpp"
        return subprocess.run(["g++", "-std=c++20", "-E", *more, "-x", "c++", header], capture_output=True, text=True, check=True).stdout

    assert "LOGBOOM_FAULT" not in preprocessed() and "SIGKILL" not in preprocessed()
    assert "LOGBOOM_FAULT" in preprocessed("-DLOGBOOM_FAULTS")
