# ctest: long timeout=1800
"""Processes that end as no program should: nothing whose log call returned is lost, nothing comes twice, the order within each stream is kept."""

import os
import random
import signal
import time

import pytest

from conftest import FULL, eventually
from streams import LONG, SCALE, check_returned, check_streams_are_whole, counters, rows, stored_numbers, wait_until_stored


@pytest.fixture
def chance():
    """Random numbers that a failure can be repeated with, as far as that goes with real processes."""
    seed = int(os.environ.get("LOGBOOM_SEED") or random.randrange(2**32))
    print(f"LOGBOOM_SEED={seed}")
    return random.Random(seed)


def test_collector_killed_at_random(bus, start_collector, worker, chance):
    """Eight workers; the collector SIGKILLed when a random number of records is in, or at a random moment of its start, recovery included."""
    workers, kills = 8, 100 if FULL else 12
    count = (125_000 if FULL else 10_000) // SCALE
    total = workers * count
    collector = start_collector()
    pauses = ["3", "5", "5", "5", "10", "10", "20", "100"] if FULL else ["20"] * 4 + ["50"] * 4
    running = [worker("burst", bus.directory / f"count{n}", count, "--pause-every", pauses[n]) for n in range(workers)]
    begun = 0
    for kill in range(1, kills + 1):
        if chance.random() < 0.25:
            time.sleep(chance.uniform(0, 0.1))  # not waited for: the moment is what is random
            begun += 1
        else:
            collector.wait_ready()
            # Spread over the records, not over the time: each kill happens amid the work whatever the machine's speed.
            due = min(total * kill // (kills + 2) + chance.randrange(max(total // (3 * kills), 1)), total)
            eventually(lambda: rows(bus) >= due, LONG, f"kill {kill}")
        collector.kill()
        collector = start_collector(wait=False)
    for process in running:
        assert process.wait(LONG) == 0, process.stderr
    wait_until_stored(bus, total)
    # A worker waits two seconds for a collector that is being started; of one that has not heard its answer by then the spool is left to the collector.
    eventually(lambda: not bus.spools(), LONG, "what a worker left is looked through")
    assert collector.wait_ready().stop() == 0
    numbers = stored_numbers(bus)
    assert len(numbers) == workers
    for name, stored in numbers.items():
        assert stored == list(range(1, count + 1)), name
    check_streams_are_whole(bus)
    assert bus.query("SELECT count(*) FROM gap") == [(0,)]
    assert bus.query("PRAGMA integrity_check") == [("ok",)]
    print(f"{total} records, {kills} kills, {begun} of them while it started: 0 lost, 0 twice")


def test_workers_killed_amid_their_burst(bus, start_collector, worker, chance):
    """Workers SIGKILLed at random, all of them logging."""
    workers = 100 if FULL else 12
    start_collector("--adopt", bus.spool)
    alive = {}
    for n in range(workers):
        path = bus.directory / f"count{n}"
        process = worker("burst", path, 10**9, "--pause-every", chance.choice(["1", "10", "50"]), "--threads", chance.choice(["1", "2"]))
        alive[process] = path
    files = {process.pid: path for process, path in alive.items()}
    due = {process: chance.randrange(1, 10_000 // SCALE) for process in alive}
    for process in alive:
        process.wait_line(r"^ready", lines=process.output)
    assert len(bus.spools()) == workers

    def kill_one():
        """Whichever has logged what it is due; the others go on."""
        for process, path in alive.items():
            if counters(path)[0] >= due[process]:
                process.kill()
                del alive[process]
                return True
        return False

    while alive:
        eventually(kill_one, LONG, f"the death of one of {len(alive)} workers")
    eventually(lambda: not bus.spools(), LONG, "all spools adopted")
    numbers = stored_numbers(bus)
    assert set(pid for pid, _ in numbers) == set(files)
    for pid, path in files.items():
        for t, returned in enumerate(counters(path)):
            check_returned(numbers.get((pid, t), []), returned, f"pid {pid} thread {t}")
    check_streams_are_whole(bus)
    assert bus.query("SELECT count(*) FROM gap") == [(0,)]
    print(f"{workers} workers killed, {sum(len(stored) for stored in numbers.values())} records: 0 lost, 0 twice")


# What ends by itself, and the exit code; that of `exit` runs the destructors of objects, here none: threads go on logging meanwhile.
ENDS = {"abort": -signal.SIGABRT, "segfault": -signal.SIGSEGV, "throw": -signal.SIGABRT, "overflow": -signal.SIGSEGV, "kill": -signal.SIGKILL,
        "_exit": 0, "quick_exit": 0, "exit": 0}
# A sanitizer is not to report what is meant: it stops the sender for so long that records are dropped, by the policy, and declared.
UNREPORTED = {name: f"{os.environ.get(name, '')}:handle_segv=0:handle_abort=0" for name in ("ASAN_OPTIONS", "TSAN_OPTIONS")}


def test_workers_that_end_badly(bus, start_collector, worker):
    """Right after a log call of theirs, while three other threads are amid theirs: the last record is there, whatever the end."""
    start_collector("--adopt", bus.spool)
    rounds, count = 12 if FULL else 2, 300
    died = []
    for n in range(rounds):
        running = [(how, bus.directory / f"{how}{n}") for how in ENDS]
        running = [(how, path, worker("dying", path, how, count, environment=UNREPORTED)) for how, path in running]
        for how, path, process in running:
            code = process.wait(LONG)
            assert code == ENDS[how], f"{how}: {code}\n{process.stderr}"
            died.append((how, path, process.pid))
    eventually(lambda: not bus.spools(), LONG, "all spools adopted")
    numbers = stored_numbers(bus)
    for how, path, pid in died:
        returned = counters(path)
        assert numbers[pid, 0] == list(range(1, count + 1)), how
        for t in range(1, len(returned)):
            check_returned(numbers.get((pid, t), []), returned[t], f"{how} thread {t}")
    check_streams_are_whole(bus)
    assert bus.query("SELECT count(*) FROM gap") == [(0,)]
    print(f"{len(died)} ends, {sum(len(stored) for stored in numbers.values())} records: 0 lost, 0 twice")


def test_a_tree_of_processes_killed_while_it_forks(bus, start_collector, worker, chance):
    """As the kernel does it when memory is out: SIGKILL to all of a group, some of them amid fork(), children amid their first log call."""
    start_collector("--adopt", bus.spool)
    rounds, places = 30 if FULL else 5, 60
    files = []
    for n in range(rounds):
        path = bus.directory / f"count{n}"
        process = worker("dying", path, "fork", 200, places, start_new_session=True)
        due = chance.randrange(1, 25)
        eventually(lambda: path.exists() and sum(count > 0 for count in counters(path)) > due, LONG, f"{due} children")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(LONG)
        files.append(path)
    eventually(lambda: not bus.spools(), LONG, "all spools adopted")
    # A child that was forked has a number of its own, and says so with each record; the files tell it from those of other rounds.
    numbers = {}
    for process, t, i, started in bus.query("SELECT pid, fields->>'t', fields->>'i', started FROM records WHERE logger = 'burst' ORDER BY id"):
        numbers.setdefault((process, started, t), []).append(i)
    stored = sorted((t, len(found)) for (_, _, t), found in numbers.items())
    for name, found in numbers.items():
        assert found == list(range(1, len(found) + 1)), name
    returned = sorted((t, count) for path in files for t, count in enumerate(counters(path)) if count > 0)
    logged = {t: sorted(count for at, count in returned if at == t) for t in range(places)}
    kept = {t: sorted(count for at, count in stored if at == t) for t in range(places)}
    for t in range(places):
        # One record that was not counted may be that of a child whose first call had not returned.
        missing = [count for count in logged[t]]
        for count in kept[t]:
            if count in missing:
                missing.remove(count)
            elif count - 1 in missing:
                missing.remove(count - 1)
            else:
                assert count == 1, f"place {t}: {count} stored, {logged[t]} returned"
        assert not missing, f"place {t}: {missing} returned, not stored; {kept[t]} stored"
    check_streams_are_whole(bus)
    assert bus.query("SELECT count(*) FROM gap") == [(0,)]
    print(f"{rounds} groups of {len(numbers)} processes killed, {sum(count for _, count in stored)} records: 0 lost, 0 twice")
