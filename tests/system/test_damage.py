"""Damaged files, as processes meet them: rings, overflow and identity of dead workers' spools, the store and its log. At most what is damaged is lost, it is declared, told with its place, and counted."""

import json
import os
import random
import shutil
import sqlite3

import pytest

from conftest import FULL, eventually
from streams import LONG, counters

RECORDS = 300
DATA = 8192  # of a ring, docs/spool.md


@pytest.fixture
def chance():
    seed = int(os.environ.get("LOGBOOM_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
    print(f"LOGBOOM_SEED={seed}")
    return random.Random(seed)


@pytest.fixture
def die(bus, worker, run):
    """die(name, …): the spool of a worker that logged `count` records while no collector was there, and was killed. Sealed: somebody has looked at it."""

    def one(name, *arguments, count=RECORDS):
        before = set(bus.spools())
        path = bus.directory / name
        process = worker("burst", path, count, "--hold", *arguments)
        eventually(lambda: path.exists() and counters(path) == (count,))
        process.kill()
        [spool] = set(bus.spools()) - before
        return spool, process.pid

    return one


def look_at(run, *spools):
    """What was not sealed in time is, by whoever opens it."""
    run("recover", "--patience", "0.05", *spools)


def flip(path, offset, bit):
    with open(path, "r+b") as file:
        file.seek(offset)
        [byte] = file.read(1)
        file.seek(offset)
        file.write(bytes([byte ^ (1 << bit)]))


def used(ring):
    """Bytes of frames in it: up to `head`."""
    return int.from_bytes(ring.read_bytes()[4096:4104], "little")


def written(spool):
    """The ring that the worker's one thread wrote; another is kept ready beside it."""
    return max(spool.glob("ring.*"), key=used)


def accounted(bus, pid, count):
    """Every number of the worker's stream is stored or declared, once, and what is stored is right. Returns how many were declared."""
    stored = bus.query("SELECT sequence, message FROM records WHERE logger = 'burst' AND pid = ? ORDER BY id", pid)
    numbers = [number for number, _ in stored]
    assert numbers == sorted(set(numbers))
    for number, message in stored:
        assert message == f"record {number} of thread 0"
    gaps = bus.query("SELECT first, last FROM gap JOIN source USING (publisher_id, stream) WHERE pid = ? GROUP BY gap.id", pid)
    lost = [number for first, last in gaps for number in range(first, last + 1)]
    assert sorted(numbers + lost) == list(range(1, count + 1))
    return len(lost)


def verify(run, *paths):
    done = run("verify", "-o", "json", *paths)
    found = json.loads(done.stdout)
    assert done.returncode == (1 if found["damaged"] else 0)
    return found


def test_one_bit_anywhere_in_a_ring_costs_one_record_which_is_declared_told_and_counted(bus, die, run, start_collector, chance):
    places = {"identity": lambda ring: chance.randrange(0, 136), "second identity": lambda ring: 2048 + chance.randrange(0, 136),
              "shared words": lambda ring: 4096 + chance.choice([0, 8, 128, 136, 256, 264]) + chance.randrange(8)}
    for i in range(60 if FULL else 9):
        places[f"frames {i}"] = lambda ring: DATA + chance.randrange(used(ring))
    dead = {name: die(f"w{i}") for i, name in enumerate(places)}
    look_at(run)
    for name, place in places.items():
        ring = written(dead[name][0])
        flip(ring, place(ring), chance.randrange(8))
    found = verify(run, bus.spool)
    damaged = [file for file in found["files"] if file["state"] == "damaged"]
    assert all(place["offset"] >= DATA and "record" in place["what"] for file in damaged for place in file["places"])
    start_collector()
    eventually(lambda: not bus.spools(), LONG)
    lost = {name: accounted(bus, pid, RECORDS) for name, (_, pid) in dead.items()}
    assert all(count <= 1 for count in lost.values()), lost
    assert all(lost[name] == 0 for name in ("identity", "second identity", "shared words")), lost
    assert sum(lost.values()) == sum(file["lost"] for file in damaged) >= 1
    told = [line for [line] in bus.query("SELECT message FROM records WHERE logger = 'logboom.collector' AND message LIKE '%is damaged at byte%'")]
    for file in damaged:
        assert any(f"{file['file']} is damaged at byte {file['places'][0]['offset']}," in line for line in told), told
    status = json.loads(run("status", "-o", "json").stdout)
    assert status["spool_damage"] == len(damaged)
    assert status["gaps"] == sum(lost.values())


def test_a_ring_cut_off_anywhere_keeps_what_is_left(bus, die, run, start_collector, chance):
    dead = [die(f"w{i}") for i in range(20 if FULL else 5)]
    look_at(run)
    for spool, _ in dead:
        ring = written(spool)
        os.truncate(ring, DATA + chance.randrange(used(ring)))
    kept = [sum(file["records"] for file in verify(run, spool)["files"]) for spool, _ in dead]
    start_collector()
    eventually(lambda: not bus.spools(), LONG)
    for (_, pid), whole in zip(dead, kept):
        assert RECORDS - accounted(bus, pid, RECORDS) == whole < RECORDS


def test_damage_to_an_overflow_costs_its_chunk(bus, die, run, start_collector, chance):
    count = 8000
    spool, pid = die("w", "--ring", "65536", "--text", "40", count=count)
    segments = sorted(spool.glob("overflow.*"))
    assert segments
    look_at(run)
    size = segments[0].stat().st_size
    flip(segments[0], 16 + chance.randrange(size - 16), chance.randrange(8))
    found = verify(run, spool)
    lost = sum(file["lost"] for file in found["files"])
    start_collector()
    eventually(lambda: not bus.spools(), LONG)
    declared = accounted(bus, pid, count)
    assert declared < count
    if lost:
        assert declared == lost
        assert json.loads(run("status", "-o", "json").stdout)["gaps"] == lost


def test_a_spool_that_does_not_know_whose_it_is_is_repaired_and_sent(bus, die, run, start_collector):
    spool, _ = die("w")
    flip(spool / "publisher", 30, 3)
    collector = start_collector()
    collector.wait_line("publisher is damaged: whose records these are is not known")
    assert json.loads(run("status", "-o", "json").stdout)["spool_damage"] == 1
    assert [file["state"] for file in verify(run, spool)["files"] if file["kind"] == "publisher"] == ["damaged"]
    done = run("repair", spool)
    assert done.returncode == 0, done.stderr
    assert "was made anew" in done.stdout and "publisher.damaged" in done.stdout
    eventually(lambda: not bus.spools(), LONG)
    assert bus.query("SELECT message FROM records WHERE logger = 'burst' ORDER BY id") == [(f"record {i} of thread 0",) for i in range(1, RECORDS + 1)]


def test_damage_to_clock_and_catalogue_costs_no_record(bus, die, run, start_collector):
    clock, names = die("clock"), die("names")
    for offset in (0, 20, 64 + 9, 64 + 32 + 20):
        flip(clock[0] / "clock", offset, 5)
    flip(names[0] / "catalogue", 60, 2)
    assert verify(run, names[0])["damaged"] == 1
    start_collector()
    eventually(lambda: not bus.spools(), LONG)
    assert accounted(bus, clock[1], RECORDS) == 0
    assert bus.query("SELECT count(*), count(DISTINCT sequence) FROM records WHERE pid = ? AND sequence IS NOT NULL", names[1])[0] == (RECORDS, RECORDS)


# --- the store


@pytest.fixture
def filled(bus, worker, start_collector):
    """A store of two workers' records, its collector killed: the file and its log as they were then, and what was in them."""
    collector = start_collector()
    for i in range(2):
        done = worker("burst", bus.directory / f"w{i}", 1500)
        assert done.wait(LONG) == 0
    eventually(lambda: bus.count("logger = 'burst'") == 3000)
    collector.kill()
    whole = bus.directory / "whole"
    whole.mkdir()
    for end in ("", "-wal"):
        if os.path.exists(f"{bus.database}{end}"):
            shutil.copy(f"{bus.database}{end}", whole / f"logs.sqlite{end}")
    with sqlite3.connect(whole / "logs.sqlite") as connection:
        rows = connection.execute("SELECT id, message FROM records WHERE logger = 'burst' ORDER BY id").fetchall()
        last = connection.execute("SELECT max(id) FROM record").fetchone()[0]
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    assert len(rows) == 3000
    return whole / "logs.sqlite", rows, last


def put(bus, whole):
    for path in bus.directory.glob("logs.sqlite*"):
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != "logs.sqlite.lock":
            path.unlink()
    shutil.copy(whole, bus.database)


def test_one_bit_anywhere_in_the_store(bus, filled, run, worker, start_collector, chance):
    whole, rows, last = filled
    size = whole.stat().st_size
    assert verify(run, whole)["damaged"] == 0
    offsets = [0, 18, 29, 60, 68] + [chance.randrange(100, size) for _ in range(200 if FULL else 5)]
    for i, offset in enumerate(offsets):
        put(bus, whole)
        bit = chance.randrange(8)
        print(f"bit {bit} of byte {offset}")
        flip(bus.database, offset, bit)
        found = verify(run, bus.database)
        collector = start_collector()
        new = worker("burst", bus.directory / f"n{i}", 50)
        assert new.wait(LONG) == 0
        # Plain SQL is refused what it reads of a damaged page: it is to look at the new rows alone.
        eventually(lambda: bus.count("id > ? AND pid = ? AND logger = 'burst'", last, new.pid) == 50, what="ids go on")
        aside = sorted(bus.directory.glob("logs.sqlite.damaged-*"))
        aside = [path for path in aside if not path.name.endswith(("-wal", "-shm"))]
        status = json.loads(run("status", "-o", "json").stdout)
        assert status["store"]["set_aside"] == len(aside)
        if aside:
            assert found["damaged"] > 0
            assert "it is damaged, and kept as" in collector.stderr
            assert bus.query("SELECT count(*) FROM records WHERE logger = 'logboom.collector' AND message LIKE '%it is damaged, and kept as%'") == [(1,)]
            done = run("repair", aside[0])
            assert done.returncode == 0, done.stdout + done.stderr
            assert "logs.sqlite.d/" in done.stdout
        assert collector.stop() == 0
        if not aside:
            done = run("repair", bus.database)
            assert done.returncode == 0, done.stdout + done.stderr
        left = run("query", "--db", bus.database, "-n", "burst", "-o", "json").stdout.splitlines()
        left = {record["id"]: record["message"] for record in map(json.loads, left) if record["pid"] != new.pid}
        assert left.items() <= dict(rows).items(), "nothing is wrong"
        assert len(left) >= len(rows) - (1 if found["damaged"] else 0), "and no more is lost than the one record"
        assert verify(run, bus.database)["damaged"] == 0


def test_a_damaged_log_is_mended_before_it_is_read(bus, worker, run, start_collector, chance):
    collector = start_collector()
    done = worker("burst", bus.directory / "w", 2000, "--pause-every", "50")
    assert done.wait(LONG) == 0
    eventually(lambda: bus.count("logger = 'burst'") == 2000)
    collector.kill()
    log = bus.directory / "logs.sqlite-wal"
    frame = 24 + 16384
    assert log.stat().st_size > 4 * frame
    offset = 32 + frame + chance.randrange(frame)
    flip(log, offset, chance.randrange(8))
    found = verify(run, bus.database)
    assert [place["file"] for file in found["files"] for place in file["places"]][0] == str(log)
    collector = start_collector()
    assert re_count(collector.stderr, "-wal is damaged at byte") == 1
    assert bus.count("logger = 'burst'") == 2000
    assert json.loads(run("status", "-o", "json").stdout)["store"]["mended"] == 1
    assert list(bus.directory.glob("logs.sqlite-wal.damaged-*"))
    assert bus.query("SELECT count(*), count(DISTINCT sequence) FROM records WHERE logger = 'burst'") == [(2000, 2000)]


def re_count(text, part):
    return sum(part in line for line in text.splitlines())


def test_what_was_committed_and_not_acked_is_not_stored_again_beside_the_damaged_file(bus, filled, worker, run, start_collector):
    """The fresh file has the ledger of the damaged one."""
    whole, _, _ = filled
    put(bus, whole)
    with sqlite3.connect(bus.database) as connection:
        before = dict(connection.execute("SELECT hex(uuid), last FROM ledger JOIN publisher ON publisher.id = publisher_id WHERE last = 1500").fetchall())
    connection.close()
    assert len(before) == 2
    flip(bus.database, 3, 1)
    start_collector()
    after = dict(bus.query("SELECT hex(uuid), last FROM ledger JOIN publisher ON publisher.id = publisher_id WHERE last = 1500"))
    assert after == before


def test_repair_leaves_a_running_collector_alone(bus, collector, run):
    refused = run("repair", bus.database)
    assert refused.returncode == 1
    assert f"is being written by another process, pid {collector.pid}" in refused.stderr
    assert run("verify", bus.database).returncode == 0
    assert run("verify", bus.directory / "nothing").returncode == 2
