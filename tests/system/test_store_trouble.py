"""The store under interference: locked, read for long, moved, replaced or removed under the writer, where nothing may be written, of another version, or no store at all."""

import json
import os
import sqlite3

import pytest

from conftest import eventually
from streams import LONG, counters

NOBODY = 65534


def store_of(run):
    return json.loads(run("status", "-o", "json").stdout)["store"]


@pytest.fixture
def logged(bus, worker):
    """A worker that logs `count` records; told when all of its calls have returned."""

    def begin(name, count=2000, **options):
        process = worker("burst", bus.directory / name, count, "--pause-every", "20", **options)
        process.counter = bus.directory / name
        return process

    return begin


def stored_once(files, pid, count):
    """Over all of the files each record once, in order."""
    numbers = []
    for file in files:
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
            numbers += [n for [n] in connection.execute("SELECT sequence FROM records WHERE logger = 'burst' AND pid = ? ORDER BY id", (pid,))]
        connection.close()
    assert numbers == list(range(1, count + 1))


def test_locked_by_another_program_is_said_and_passes(bus, collector, logged, run):
    other = sqlite3.connect(bus.database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    process = logged("count")
    collector.wait_line("trying on")
    assert "locked" in store_of(run)["trouble"]
    assert "CANNOT BE WRITTEN" in run("status").stdout
    eventually(lambda: counters(process.counter) == (2000,), LONG)
    assert bus.spools(), "nothing is acked, so that the worker leaves it all in its spool"
    assert other.execute("SELECT count(*) FROM records WHERE logger = 'burst'").fetchone() == (0,)
    other.execute("ROLLBACK")
    other.close()
    collector.wait_line("can be written again")
    assert process.wait(LONG) == 0
    eventually(lambda: bus.count("logger = 'burst'") == 2000 and not bus.spools(), LONG)
    assert store_of(run)["trouble"] == ""
    stored_once([bus.database], process.pid, 2000)


def begun(bus):
    """Two numbers in the log's header that change whenever it begins anew."""
    with open(f"{bus.database}-wal", "rb") as log:
        return log.read(24)[16:]


def test_a_long_reader_holds_up_nobody_and_the_log_is_counted(bus, collector, worker, run):
    done = worker("burst", bus.directory / "first", 100)
    assert done.wait(LONG) == 0
    eventually(lambda: bus.count("logger = 'burst'") == 100)
    reader = sqlite3.connect(f"file:{bus.database}?mode=ro", uri=True, isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM records WHERE logger = 'burst'").fetchone() == (100,)
    done = worker("burst", bus.directory / "second", 3000, "--text", "8000")
    assert done.wait(LONG) == 0
    eventually(lambda: bus.count("pid = ? AND logger = 'burst'", done.pid) == 3000, LONG)
    held = store_of(run)["log_bytes"]
    assert held > 16 << 20, "all of it is in the log"
    assert reader.execute("SELECT count(*) FROM records WHERE logger = 'burst'").fetchone() == (100,), "what it began with"
    reader.execute("COMMIT")
    reader.close()
    salt = begun(bus)
    eventually(lambda: run("send", "more").returncode == 0 and begun(bus) != salt, LONG, "the log begins anew")
    assert store_of(run)["log_bytes"] < held + (1 << 20)
    assert collector.stop() == 0
    assert not os.path.exists(f"{bus.database}-wal")


@pytest.mark.parametrize("what", ["removed", "moved", "moved with its log", "replaced", "its log removed"])
def test_the_file_goes_away_under_the_writer(bus, collector, logged, run, what):
    process = logged("count", 4000)
    eventually(lambda: bus.count("logger = 'burst'") >= 500, LONG)
    old = bus.directory / "old.sqlite"
    if what == "removed":
        bus.database.unlink()
    elif what == "moved":
        bus.database.rename(old)
    elif what == "moved with its log":
        for end in ("", "-wal", "-shm"):
            os.rename(f"{bus.database}{end}", f"{old}{end}")
    elif what == "replaced":
        other = bus.directory / "other.sqlite"
        with sqlite3.connect(other) as connection:
            connection.executescript("CREATE TABLE later(x); PRAGMA application_id = 0x6c6f6762; PRAGMA user_version = 99;")
        connection.close()
        os.rename(other, bus.database)
    else:
        os.unlink(f"{bus.database}-wal")
    if what == "replaced":
        collector.wait_line("newer logboom")
        assert "newer logboom" in store_of(run)["trouble"]
        bus.database.unlink()
        for end in ("-wal", "-shm"):
            if os.path.exists(f"{bus.database}{end}"):
                os.unlink(f"{bus.database}{end}")
    collector.wait_line("was moved or removed while it was written, and opened anew")
    assert process.wait(LONG) == 0
    eventually(lambda: not bus.spools(), LONG)
    rescued = sorted(path for path in bus.directory.glob("logs.sqlite.rescued-*") if not path.name.endswith(("-wal", "-shm")))
    before = rescued or ([old] if old.exists() else [])
    stored_once([*before, bus.database], process.pid, 4000)
    assert collector.stop() == 0


def ordinary(bus):
    """How to run as somebody for whom permissions hold."""
    if os.geteuid() != 0:
        return {}
    for path in [bus.directory, *bus.directory.rglob("*")]:
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []}


def test_a_directory_where_nothing_may_be_written_is_refused_in_one_line(bus, start_collector, processes):
    place = bus.directory / "place"
    place.mkdir()
    who = ordinary(bus)
    place.chmod(0o555)
    process = start_collector(database=place / "logs.sqlite", wait=False, **who)
    assert process.wait() == 1
    assert len(process.lines) == 1 and str(place) in process.lines[0], process.stderr
    place.chmod(0o755)


def test_a_directory_that_becomes_read_only_is_survived(bus, start_collector, logged):
    """What SQLite needs is open by then."""
    place = bus.directory / "place"
    place.mkdir()
    who = ordinary(bus)
    collector = start_collector(database=place / "logs.sqlite", **who)
    place.chmod(0o555)
    process = logged("count", 1000, **who)
    assert process.wait(LONG) == 0, process.stderr
    eventually(lambda: bus.count("logger = 'burst'", database=place / "logs.sqlite") == 1000, LONG)
    place.chmod(0o755)
    assert collector.stop() == 0


def test_a_file_of_a_newer_version_is_refused_and_left_alone(bus, collector, run):
    collector.stop()
    with sqlite3.connect(bus.database) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = bus.database.read_bytes()
    for command in (["collect", "--db", bus.database], ["query", "--db", bus.database], ["repair", bus.database]):
        done = run(*command)
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert "written by a newer logboom (schema version 99, this one knows up to" in done.stderr
    assert "newer logboom" in run("verify", bus.database).stdout
    assert bus.database.read_bytes() == before
    assert not list(bus.directory.glob("*.damaged-*"))


@pytest.mark.parametrize("content", ["text", "another program's database"])
def test_what_is_no_store_is_refused_and_left_alone(bus, run, content):
    path = bus.directory / "mine"
    if content == "text":
        path.write_text("notes of mine, which nobody should take for a damaged store\n" * 100)
    else:
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE cats(name)")
        connection.close()
    before = path.read_bytes()
    done = run("collect", "--db", path)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1 and str(path) in done.stderr
    assert path.read_bytes() == before
    assert not list(bus.directory.glob("mine.damaged*"))
    assert run("repair", path).returncode == 1
    assert path.read_bytes() == before
