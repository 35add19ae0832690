"""Spools of dead workers: who takes which, and that it does not matter how many try."""

import pytest

from conftest import BUILD, COMMAND, PATIENCE, eventually
from streams import LONG, check_streams_are_whole, counters, stored_numbers


@pytest.fixture
def die(bus, worker):
    """die("name", endpoint): a worker that logged 100 records for that collector and was killed; its pid."""

    def one(name, endpoint, count=100):
        path = bus.directory / name
        process = worker("burst", path, count, "--hold", environment={"LOGBOOM_ENDPOINT": endpoint})
        eventually(lambda: path.exists() and counters(path) == (count,))
        process.kill()
        return process.pid

    return one


@pytest.fixture
def other(bus):
    """The address of a second bus that shares the spool's root with the first."""
    return f"ipc://{bus.directory}/other"


def test_a_collector_takes_from_a_shared_root_what_was_for_it(bus, other, die, start_collector):
    theirs, ours = die("theirs", other), die("ours", bus.endpoint)  # theirs is the older one, looked at first
    start_collector()
    eventually(lambda: set(stored_numbers(bus)) == {(ours, 0)})
    eventually(lambda: len(bus.spools()) == 1)
    second = bus.directory / "second.sqlite"
    start_collector(endpoint=other, database=second)
    eventually(lambda: bus.count("logger = 'burst'", database=second) == 100)
    eventually(lambda: not bus.spools())
    assert bus.query("SELECT DISTINCT pid FROM records WHERE logger = 'burst'", database=second) == [(theirs,)]
    assert set(stored_numbers(bus)) == {(ours, 0)}


def test_a_collector_knows_its_tcp_address_by_any_name_of_the_machine(bus, die, start_collector):
    collector = start_collector("--no-adopt", endpoint="tcp://127.0.0.1:0", database=bus.directory / "first.sqlite")
    port = collector.endpoint.rsplit(":", 1)[1]
    collector.kill()
    die("elsewhere", f"tcp://127.0.0.1:{int(port) - 3}")
    die("here", f"tcp://localhost:{port}")
    start_collector("--insecure", endpoint=f"tcp://*:{port}")
    eventually(lambda: bus.count("logger = 'burst'") == 100)
    eventually(lambda: len(bus.spools()) == 1)


def test_a_publisher_takes_from_a_shared_root_what_was_for_its_bus(bus, other, die, start_collector, worker):
    die("theirs", other)
    ours = die("ours", bus.endpoint)
    start_collector("--no-adopt")
    alive = worker("burst", bus.directory / "alive", 1, "--hold")
    eventually(lambda: {pid for pid, _ in stored_numbers(bus)} == {ours, alive.pid})
    eventually(lambda: len(bus.spools()) == 2)  # the living one's, and theirs
    assert bus.count("logger = 'burst'") == 101


def test_a_named_directory_is_taken_whatever_it_was_for(bus, other, die, start_collector):
    die("theirs", other)
    start_collector("--adopt", bus.spool)
    eventually(lambda: bus.count("logger = 'burst'") == 100)
    eventually(lambda: not bus.spools())


def test_recover_sends_each_spool_to_its_own_collector(bus, other, die, start_collector, run):
    theirs, ours = die("theirs", other), die("ours", bus.endpoint)
    second = bus.directory / "second.sqlite"
    start_collector("--no-adopt")
    start_collector("--no-adopt", endpoint=other, database=second)
    done = run("recover")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("2 spools recovered: ")
    assert set(stored_numbers(bus)) == {(ours, 0)}
    assert bus.query("SELECT DISTINCT pid FROM records WHERE logger = 'burst'", database=second) == [(theirs,)]


def test_recover_sends_all_to_the_collector_that_is_named(bus, other, die, start_collector, run):
    die("theirs", other)
    die("ours", bus.endpoint)
    start_collector("--no-adopt")
    assert run("recover", "--endpoint", bus.endpoint).returncode == 0
    assert bus.count("logger = 'burst'") == 200


def test_recover_names_the_collector_that_is_silent(bus, other, die, start_collector, run):
    die("theirs", other)
    die("ours", bus.endpoint)
    start_collector("--no-adopt")
    done = run("recover", "--patience", "0.5")
    assert done.returncode == 3 and f"{other}: no collector answers" in done.stderr
    assert bus.count("logger = 'burst'") == 100
    assert len(bus.spools()) == 1


def test_three_adopters_of_one_spool_store_it_once(bus, start, start_collector, worker):
    """The collector, the next publisher and `recover`, all at once."""
    path = bus.directory / "count"
    dead = worker("burst", path, 10**9, "--threads", "3", "--pause-every", "100")
    eventually(lambda: path.exists() and min(counters(path), default=0) > 5_000)
    dead.kill()
    # The publisher and `recover` wait for the collector, which looks for spools when it starts.
    alive = worker("burst", bus.directory / "alive", 10, "--hold")
    recoverers = [start(COMMAND, "recover", "--patience", str(PATIENCE)) for _ in range(2)]
    start_collector()
    eventually(lambda: len(bus.spools()) == 1, LONG, "the dead worker's spool is removed")
    for recoverer in recoverers:
        assert recoverer.wait(LONG) == 0, recoverer.stderr
    stored = stored_numbers(bus)
    for t, returned in enumerate(counters(path)):
        assert stored[dead.pid, t] in (list(range(1, returned + 1)), list(range(1, returned + 2)))
    assert alive.running()
    check_streams_are_whole(bus)


def test_a_program_that_is_collector_and_worker_leaves_its_own_spool_alone(bus, start):
    program = start(BUILD / "workers" / "whole_bus", bus.database)
    assert program.wait(PATIENCE * 4) == 0, program.stderr
    assert bus.count("logger = 'alive'") == 1000
    assert bus.query("SELECT count(DISTINCT sequence) FROM records WHERE logger = 'alive'")[0][0] == 1000
    assert bus.count("logger = 'dead'") >= 2
    assert bus.query("SELECT count(DISTINCT pid) FROM records WHERE logger = 'dead'")[0][0] == bus.count("logger = 'dead'")
