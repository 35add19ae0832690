# ctest: long timeout=600
"""A store of many files, with real processes: exactly once over all of them, bounds kept, and commands that see them as one."""

import contextlib
import json
import os
import random
import sqlite3
import time

import msgpack
import pytest
import zmq

from conftest import PATIENCE, SANITIZED, eventually

SLOW = PATIENCE > 60
SCALE = 10 if SLOW else 1
LONG = PATIENCE * 6


def closed(bus):
    """Closed files that are not compressed, the oldest first."""
    return sorted((bus.directory / "logs.sqlite.d").glob("*.sqlite"), key=lambda file: int(file.stem.split("-")[1]))


def files(bus):
    return [*closed(bus), bus.database]


def rows(bus, sql):
    return [row for file in files(bus) for row in bus.query(sql, database=file)]


def stored(bus, run):
    """Records of the workers, as `logboom query` counts them over all files."""
    done = run("query", "--db", bus.database, "-n", "burst", "--count")
    return int(done.stdout) if done.returncode == 0 else 0


def queried(run, *arguments):
    done = run("query", "-o", "json", *arguments, timeout=LONG)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def size(bus):
    return sum(file.stat().st_size for file in bus.directory.rglob("logs.sqlite*") if file.is_file()) + \
        sum(file.stat().st_size for file in (bus.directory / "logs.sqlite.d").iterdir())


@pytest.mark.parametrize("more", [(), ("--compress", "--full-text")], ids=["plain", "compressed"])
def test_exactly_once_over_all_files_while_the_collector_is_killed(bus, start_collector, worker, run, more):
    workers, count = 5, 20_000 // SCALE
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    arguments = ["--file-size", "256KiB", *more]
    collector = start_collector(*arguments)
    running = [worker("burst", bus.directory / f"count{n}", count, "--pause-every", "20", "--text", "200")
               for n in range(workers)]
    total = workers * count
    for kill in range(1, 11):
        due = total * kill // 12 + chance.randrange(total // 30)
        eventually(lambda: stored(bus, run) >= due, LONG, f"kill {kill}")
        collector.kill()
        if kill % 3 == 0:  # what it left is one store as well
            assert stored(bus, run) >= due
        collector = start_collector(*arguments)
    for process in running:
        assert process.wait(LONG) == 0, process.stderr
    eventually(lambda: stored(bus, run) >= total, LONG, "all")
    directory = bus.directory / "logs.sqlite.d"
    # Where all is slow no life was long enough for a new file; what is over its size is closed when nothing is logged any more.
    eventually(lambda: [file for file in directory.iterdir() if file.name != "next"], LONG, "a closed file")
    assert collector.stop() == 0
    records = queried(run, "--db", bus.database)
    assert [record["id"] for record in records] == list(range(1, len(records) + 1)), "ids have no hole over the files"
    numbers = {}
    for record in records:
        if record["logger"] == "burst":
            numbers.setdefault((record["pid"], record["fields"]["t"]), []).append(record["fields"]["i"])
    assert len(numbers) == workers
    for name, found in numbers.items():
        assert found == list(range(1, count + 1)), name
    assert not [file.name for file in directory.iterdir() if file.suffix not in (".sqlite", ".zst")], "nothing unfinished"
    for file in closed(bus):
        assert bus.query("PRAGMA integrity_check", database=file) == [("ok",)]


def test_history_joins_live_while_files_are_begun(bus, start_collector, worker, start, run):
    count, text = 30_000 // SCALE, 100 * SCALE
    start_collector("--file-size", "256KiB")
    first = worker("burst", bus.directory / "count0", count, "--pause-every", "100", "--text", text)
    # Under a sanitizer all may be in the first before the second is made.
    eventually(lambda: len(closed(bus)) >= (1 if SANITIZED else 2), LONG, "closed files")
    from conftest import COMMAND
    tail = start(COMMAND, "tail", "--since", "1h", "-n", "burst", "-o", "json", "--until-idle=1")
    second = worker("burst", bus.directory / "count1", count, "--pause-every", "100", "--text", text)
    assert first.wait(LONG) == 0 and second.wait(LONG) == 0
    assert tail.wait(LONG) == 0, tail.stderr
    seen = [json.loads(line) for line in tail.output]
    # It may have ended between the two, but not have missed or repeated one of what it saw.
    ids = [record["id"] for record in seen]
    assert ids == sorted(set(ids))
    assert len(seen) >= count
    expected = [record["id"] for record in queried(run, "--db", bus.database, "-n", "burst") if record["id"] <= ids[-1]]
    assert ids == expected


def test_size_is_bounded_and_the_oldest_go(bus, start_collector, worker, run):
    collector = start_collector("--max-size", "4MiB")
    count = 20_000 if SANITIZED else 60_000
    process = worker("burst", bus.directory / "count0", count, "--pause-every", "50", "--text", "1000")
    assert process.wait(LONG) == 0
    eventually(lambda: [one["fields"]["i"] for one in queried(run, "--db", bus.database, "-n", "burst", "--last", "1")] == [count], LONG, "the last one")
    # The newest closed file stays, and alone, where a burst on a busy machine gave it more than all are to have.
    eventually(lambda: size(bus) <= 6 << 20 or len(closed(bus)) == 1, LONG, "the bound, but for the log of the file in use")
    found = [record["fields"]["i"] for record in queried(run, "--db", bus.database, "-n", "burst")]
    assert found == list(range(found[0], count + 1)), "without a hole"
    assert found[0] > 1
    assert [record["fields"]["i"] for record in queried(run, "--db", bus.database, "-n", "burst", "--last", "1500")] == found[-1500:]
    assert collector.stop() == 0
    assert collector.running() is False


def test_old_files_go_by_themselves(bus, start_collector, run):
    start_collector("--keep", "4s", "--file-period", "1s")
    assert run("send", "-n", "burst", "here").returncode == 0
    eventually(lambda: stored(bus, run) == 1, what="the record")
    eventually(lambda: closed(bus), what="a closed file, with no record after it")
    assert [record["message"] for record in queried(run, "-n", "burst")] == ["here"]
    eventually(lambda: not queried(run, "-n", "burst"), what="its end")


def test_a_current_file_moved_away_takes_its_ids_with_it(bus, start_collector, worker, run):
    collector = start_collector("--file-size", "256KiB")
    count = 10_000 // SCALE
    assert worker("burst", bus.directory / "count0", count, "--text", "300").wait(LONG) == 0
    eventually(lambda: stored(bus, run) == count and len(closed(bus)) >= 1, LONG, "closed files")
    moved = bus.directory / "moved.sqlite"
    bus.database.rename(moved)
    assert worker("burst", bus.directory / "count1", count, "--text", "300").wait(LONG) == 0
    # The one moment in which it is no file less: its place was being taken by the next one.
    apart = moved.stat().st_ino not in {file.stat().st_ino for file in closed(bus)}
    if apart and bus.query("SELECT count(*) FROM record", database=moved) != [(0,)]:
        collector.wait_line("was moved or removed")

    def everything():
        found = [(record["id"], record["message"]) for record in queried(run, "--db", bus.database)]
        return found + (bus.query("SELECT id, message FROM record", database=moved) if apart else [])

    eventually(lambda: bus.database.exists() and len(everything()) >= 2 * count, LONG, "all in both")
    assert collector.stop() == 0
    ids = [i for i, _ in everything()]
    assert len(ids) == len(set(ids)), "no id twice"
    numbers = sorted(record["fields"]["i"] for record in queried(run, "--db", bus.database, "-n", "burst"))
    if apart:
        numbers = sorted(numbers + [i for (i,) in bus.query("SELECT fields->>'i' FROM records WHERE logger = 'burst'", database=moved)])
    assert numbers == sorted([*range(1, count + 1)] * 2)


def test_readers_that_stay_do_not_stop_it(bus, start_collector, worker, run):
    """One that has a file open without reading it: it goes on seeing what was there."""
    start_collector("--file-size", "256KiB", "--compress")
    process = worker("burst", bus.directory / "count0", 20_000 // SCALE, "--pause-every", "50", "--text", "300")
    eventually(lambda: stored(bus, run) > 0, LONG, "the first")

    def reader_of_some():
        # One that connects just before a file is closed and reads just after has the old file with the new one's log (docs/store.md, "Who has
        # the old file open"): not what this is about.
        opened = os.stat(bus.database).st_ino
        reader = sqlite3.connect(f"file:{bus.database}?mode=ro", uri=True)
        found = reader.execute("SELECT min(id), count(*) FROM record").fetchone()
        if found[1] > 0 and os.stat(bus.database).st_ino == opened:
            return reader, found
        reader.close()

    reader, before = eventually(reader_of_some, LONG, "a file with records")
    assert process.wait(LONG) == 0
    eventually(lambda: stored(bus, run) == 20_000 // SCALE, LONG, "all")
    after = reader.execute("SELECT min(id), count(*) FROM record").fetchone()
    assert after[0] == before[0] and after[1] >= before[1]
    assert reader.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    reader.close()
    eventually(lambda: not closed(bus), LONG, "all compressed, the one that was read too")
    assert stored(bus, run) == 20_000 // SCALE


@pytest.mark.parametrize("mode", ["ro", "rw"])
def test_a_connection_that_reads_first_after_its_file_was_closed_cannot_harm_the_store(bus, start_collector, worker, run, mode):
    """It has the old file and the new one's log: its answers are void, or errors; its end must not take the log away (docs/store.md, "Who has the old file open")."""
    collector = start_collector("--file-size", "256KiB", "--compress")
    connection = sqlite3.connect(f"file:{bus.database}?mode={mode}", uri=True)
    opened = os.stat(bus.database).st_ino
    count = 10_000 // SCALE
    process = worker("burst", bus.directory / "count0", count, "--pause-every", "50", "--text", "3000")
    eventually(lambda: os.stat(bus.database).st_ino != opened, LONG, "the file that it opened closed")
    assert process.wait(LONG) == 0
    eventually(lambda: not closed(bus), LONG, "all compressed, so that nobody else has that file open")
    with contextlib.suppress(sqlite3.DatabaseError):
        connection.execute("SELECT min(id), count(*) FROM record").fetchone()
    connection.close()
    assert worker("burst", bus.directory / "count1", 100).wait(LONG) == 0
    eventually(lambda: stored(bus, run) == count + 100, LONG, "those after it, too")
    collector.kill()
    assert stored(bus, run) == count + 100


def invented():
    """A batch of one record by a publisher that nobody will hear of again."""
    who = [os.urandom(16), f"host{random.randrange(1000)}", 4711, "invented", 1]
    sites = [[0, 20, "INFO", "", "peer.py", 1, "f"]]
    return msgpack.packb([1, who, sites, [[0, "invented"]], [[0, 1, "main"]], [[0, 1, 1, 0, [[time.time_ns(), 0, 0, ["x" * 1000]]]]]])


def test_a_flood_of_invented_publishers_leaves_the_store_with_its_records(bus, start_collector, worker, run):
    """A row of the ledger for each goes on from file to file as long as there is something of it in the store, and no longer."""
    collector = start_collector("--max-size", "4MiB")
    process = worker("burst", bus.directory / "count", 10**9, "--pause-every", "1")
    context = zmq.Context()
    push = context.socket(zmq.PUSH)
    push.connect(bus.push)
    count = 20_000 // SCALE
    for _ in range(count):
        push.send(invented())

    def kept():
        (rows, known), = bus.query("SELECT (SELECT count(*) FROM ledger), (SELECT count(*) FROM publisher)")
        return rows if known <= rows + 1 and rows < count // 2 else None
    rows = eventually(kept, LONG, "a file that begins without the first of them")
    print(f"{count} publishers invented, {rows} rows in the ledger")
    eventually(lambda: run("status", "-o", "json").returncode == 0)
    process.kill()
    eventually(lambda: not bus.spools(), LONG, "what the worker left")
    assert collector.stop() == 0
    context.destroy(linger=0)
    numbers = [record["fields"]["i"] for record in queried(run, "--db", bus.database, "-n", "burst")]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)) if numbers else []), "who logs on meanwhile is stored once, in order"


@pytest.mark.parametrize("arguments, named", [
    (("--max-size", "1KiB"), "max_size 1024"),
    (("--keep", "1m", "--file-period", "2m"), "file_period"),
    (("--keep", "30"), "--keep"),
    (("--max-size", "much"), "--max-size"),
    (("--keep", "1d", "--no-db"), "no store"),
])
def test_what_cannot_be_meant_is_refused(bus, run, arguments, named):
    done = run("collect", *(() if "--no-db" in arguments else ("--db", bus.database)), *arguments)
    assert done.returncode == 2
    assert named in done.stderr
    assert not bus.database.exists()
