# ctest: long timeout=900
"""History joined to live: no gap and no repeat, however fast records come and whatever happens to the collector or the viewer."""

import concurrent.futures
import json
import random
import re
import signal
import subprocess

from conftest import COMMAND, PATIENCE, SANITIZED, eventually

LONG = PATIENCE * 4


def ids(lines):
    return [json.loads(line)["id"] for line in lines]


def stored_ids(bus, first, last):
    return [row[0] for row in bus.query("SELECT id FROM records WHERE id BETWEEN ? AND ? AND logger = 'burst' ORDER BY id", first, last)]


def newest(bus):
    rows = bus.query("SELECT id FROM records WHERE logger = 'burst' ORDER BY id DESC LIMIT 1")
    return rows[0][0] if rows else 0


def join(bus, arguments, count):
    """Ids that a viewer shows until there are `count`."""
    shown = subprocess.run([COMMAND, "tail", "-n", "burst", "-o", "json", *map(str, arguments), "--count", str(count), "--timeout", str(LONG)],
                           env=bus.environment, capture_output=True, text=True, timeout=LONG * 2)
    assert shown.returncode == 0, shown.stderr
    # A collector under a sanitizer, and under load, may take more than two seconds to answer.
    assert shown.stderr == "" or (SANITIZED and re.fullmatch(r"logboom: no collector answers at .* yet; waiting .*\n", shown.stderr))
    found = ids(shown.stdout.splitlines())
    assert len(found) == count, "the count was reached, not the time-out"
    return found


def join_last(bus, chance):
    """The newest so many, and then so many live."""
    last, live = chance.randrange(1, 2000), chance.randrange(1, 4000)
    before = newest(bus)
    found = join(bus, ["--last", last], last + live)
    # The collector answers viewers between its batches, which a sanitizer makes seconds: what was committed since comes live.
    assert SANITIZED or found[last - 1] >= before, "the newest, as of the moment of joining or later"
    return found


def join_since(bus, chance):
    """Everything from the moment of one of the newest thousands on, and then so many live."""
    first = newest(bus) - chance.randrange(1, 3000)
    since, = bus.query("SELECT created FROM record WHERE id = ?", first)[0]
    history = bus.query("SELECT count(*) FROM records WHERE created >= ? AND logger = 'burst'", since)[0][0]
    found = join(bus, ["--since", f"{since // 10**9}.{since % 10**9:09}"], history + chance.randrange(1, 4000))
    # Two threads log: their times are nearly in the order of ids, and the filter goes by times.
    wanted = bus.query("SELECT id FROM records WHERE +created >= ? AND id BETWEEN ? AND ? AND logger = 'burst' ORDER BY id", since, first - 10_000, found[-1])
    assert found == [row[0] for row in wanted]
    return None


def test_tail_joins_history_to_live_fifty_times(bus, start_collector, worker):
    """50 viewers begin under load, each once the store holds a number of records drawn by lot; each shows exactly what the store holds, in its order."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    start_collector()
    load = worker("burst", bus.directory / "count", 10**9, "--threads", "2", "--pause-every", "20")
    load.wait_line(r"^ready", lines=load.output)
    eventually(lambda: newest(bus) > 3000, LONG)
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        running = []
        for number in range(50):
            begin_at = newest(bus) + chance.randrange(1, 1500)
            eventually(lambda: newest(bus) >= begin_at, LONG)
            kind = join_since if number % 2 else join_last
            running.append(pool.submit(kind, bus, random.Random(chance.random())))
            if len(running) > 2:  # so that a viewer begins when it is its turn
                concurrent.futures.wait(running[-3:-2])
        for number, future in enumerate(running):
            shown = future.result()
            if shown is not None:
                assert shown == stored_ids(bus, shown[0], shown[-1]), f"join {number}"


def test_tail_since_shows_everything_from_the_beginning(bus, start_collector, worker, start):
    start_collector()
    load = worker("burst", bus.directory / "count", 5000, "--pause-every", "20")
    load.wait_line(r"^ready", lines=load.output)
    tail = start(COMMAND, "tail", "-n", "burst", "-o", "json", "--since", "1h", "--count", "5000")
    assert tail.wait(LONG) == 0
    assert [json.loads(line)["fields"]["i"] for line in tail.output] == list(range(1, 5001))


def test_collector_killed_under_a_viewer(bus, start_collector, worker, start):
    """A viewer lives through ten deaths of its collector."""
    collector = start_collector()
    count = 20_000
    tail = start(COMMAND, "tail", "-n", "burst", "-o", "json", "--since", "1h", "--count", str(count), "--timeout", str(LONG))
    load = worker("burst", bus.directory / "count", count, "--pause-every", "10")
    for kill in range(1, 11):
        eventually(lambda: bus.count("logger = 'burst'") >= count * kill // 12, LONG)
        collector.kill()
        collector = start_collector()
    assert load.wait(LONG) == 0
    assert tail.wait(LONG) == 0, tail.stderr
    assert [json.loads(line)["fields"]["i"] for line in tail.output] == list(range(1, count + 1))
    assert "missed" not in tail.stderr


def test_a_stopped_viewer_reads_what_it_missed_from_the_store(bus, start_collector, worker, start):
    collector = start_collector()
    tail = start(COMMAND, "tail", "-n", "burst", "-o", "json", "--since", "1h")
    count = 30_000
    load = worker("burst", bus.directory / "count", count, "--pause-every", "50")
    eventually(lambda: len(tail.output) > 100, LONG)
    tail.signal(signal.SIGSTOP)
    assert load.wait(LONG) == 0
    eventually(lambda: bus.count("logger = 'burst'") == count, LONG)
    tail.signal(signal.SIGCONT)
    eventually(lambda: len(tail.output) >= count, LONG, "all records shown")
    shown = ids(tail.output)
    assert len(set(shown)) == count and len(shown) == count
    tail.signal(signal.SIGINT)
    assert tail.wait() == 0
    assert "missed" not in tail.stderr
    assert collector.stop() == 0


def test_a_viewer_without_a_store_is_told_what_it_missed(bus, start_collector, worker, start, run):
    start_collector(database=None)
    tail = start(COMMAND, "tail", "-n", "burst", "-o", "json")
    load = worker("burst", bus.directory / "first", 5, "--hold")
    # Connected viewers see what comes; before that there is nothing to see without a store.
    def seen():
        again = worker("burst", bus.directory / "again", 1)
        assert again.wait(LONG) == 0
        return tail.output
    eventually(seen, LONG)
    tail.signal(signal.SIGSTOP)
    count = 30_000
    load = worker("burst", bus.directory / "count", count)
    assert load.wait(LONG) == 0
    tail.signal(signal.SIGCONT)

    def accounted():
        missed = sum(int(line.split()[1]) for line in tail.lines if line.endswith("records missed --"))
        shown = sum(1 for line in tail.output if json.loads(line)["pid"] == load.pid)
        return missed and shown + missed == count
    eventually(accounted, LONG, "shown + missed = logged")
    missed = sum(int(line.split()[1]) for line in tail.lines if line.endswith("records missed --"))
    eventually(lambda: json.loads(run("status", "-o", "json").stdout)["missed"] == missed, LONG, "the collector's count of them")


def test_tail_until_idle_ends_with_the_workers_and_shows_all(bus, start_collector, worker, start):
    """The last of three is killed: it counts as gone when its spool was read, and its records are shown before the end."""
    start_collector()
    tail = start(COMMAND, "tail", "-n", "burst", "-o", "json", "--since", "1h", "--until-idle=3")
    count = 5000
    counts = [bus.directory / f"count{i}" for i in range(3)]
    first = worker("burst", counts[0], count)
    last = worker("burst", counts[2], count, "--hold")
    last.wait_line(r"^ready", lines=last.output)
    assert first.wait(LONG) == 0
    eventually(lambda: bus.count("pid = ?", last.pid) == count, LONG)
    last.kill()
    second = worker("burst", counts[1], count)
    assert second.wait(LONG) == 0
    assert tail.wait(LONG) == 0, tail.stderr
    shown = [json.loads(line)["pid"] for line in tail.output]
    assert [shown.count(one.pid) for one in (first, second, last)] == [count] * 3
