"""The file sink with real processes: rotation under load, a full disk, and what becomes of files that others move, remove or truncate."""

import json
import os
import resource
import subprocess

import pytest

from conftest import PATIENCE, eventually

# The full length: LOGBOOM_FULL=1.
SECONDS = 20 if os.environ.get("LOGBOOM_FULL") else 1


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


def send(push, count, **record):
    for i in range(count):
        push.send_json({"logger": "app", "level": 20, "message": f"record {i}"} | record)


def contents(path):
    if path.suffix == ".zst":
        return subprocess.run(["zstd", "-dcq", path], capture_output=True, check=True).stdout.decode()
    return path.read_text()


def in_order(directory, name):
    """The file and those that it was rotated to, the oldest first; of one that is there twice while it is being compressed the compressed one."""
    found = {}
    for path in directory.glob(name + ".*"):
        if path.suffix == ".tmp":
            continue  # a compression that the end interrupted; the original is there
        number = int(path.name.removeprefix(name + ".").removesuffix(".zst"))
        if number not in found or path.suffix == ".zst":
            found[number] = path
    return [found[number] for number in sorted(found, reverse=True)] + [directory / name]


@pytest.mark.parametrize("rotate", ['{ size = "256KiB" }', '{ size = "256KiB", compress = "zstd" }', '{ every = "1s" }'], ids=["size", "compressed", "time"])
def test_rotation_under_load_loses_and_tears_nothing(bus, start_collector, worker, config, rotate):
    """Some 100,000 records a second, as far as the machine goes: what is asserted are counts, never the rate."""
    collector = start_collector("--config", config(f"""
        [[sink]]
        type = "file"
        path = "all.log"
        format = "%(process)d %(t)d %(i)d %(message)s"
        logger = "burst"
        queue = "2GiB"
        rotate = {rotate}
        """), cwd=bus.directory)
    processes, threads, count = 2, 2, 25_000 * SECONDS
    running = [worker("burst", bus.directory / f"count{n}", count, "--threads", threads, "--pause-every", 25) for n in range(processes)]
    for process in running:
        assert process.wait(PATIENCE * SECONDS) == 0, process.stderr
    total = processes * threads * count
    eventually(lambda: bus.query("SELECT count(*) FROM records WHERE logger = 'burst'") == [(total,)], PATIENCE * SECONDS)
    assert collector.stop() == 0
    if "every" in rotate:
        files = [path for path in sorted(bus.directory.glob("all.log.*"), key=lambda path: (path.stat().st_mtime_ns, path.name))] + [bus.directory / "all.log"]
    else:
        files = in_order(bus.directory, "all.log")
        assert len(files) > total * 30 // (256 << 10), "as many as it takes, and one more"
        assert all(len(contents(path)) <= 256 << 10 for path in files)
    assert len(files) >= 2 or "every" in rotate
    written = [line for path in files for line in contents(path).splitlines()]
    assert len(written) == total
    last = {}
    for line in written:
        pid, thread, number, message = line.split(" ", 3)
        assert message == f"record {number} of thread {thread}", "whole"
        assert int(number) == last.get((pid, thread), 0) + 1, "in order, none missing, none twice"
        last[pid, thread] = int(number)
    assert last == {(str(process.pid), str(thread)): count for process in running for thread in range(threads)}
    assert all(contents(path).endswith("\n") for path in files)


def test_a_full_disk_of_one_sink_holds_up_neither_the_store_nor_the_others(bus, start_collector, push, config):
    limit = 64 << 20
    full = bus.directory / "full.log"
    full.touch()
    os.truncate(full, limit - 50_000)  # all but full; the store has all the room there is

    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    collector = start_collector("--config", config("""
        [[sink]]
        type = "file"
        path = "full.log"
        format = "full %(message)s"
        [[sink]]
        type = "file"
        path = "other.log"
        format = "%(message)s"
        """), cwd=bus.directory, preexec_fn=small_files)
    padding = "x" * 400
    for i in range(2000):
        push.send_json({"logger": "app", "message": f"{i} {padding}"})
    expected = [f"{i} {padding}" for i in range(2000)]
    collector.wait_line(r"sink full\.log: .*File too large.*trying on")
    eventually(lambda: bus.count() == 2000)
    eventually(lambda: [line for line in lines(bus.directory / "other.log") if padding in line] == expected)
    assert full.stat().st_size <= limit
    resource.prlimit(collector.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    collector.wait_line("sink full.log: is written again")

    def written():
        with open(full, "rb") as file:
            file.seek(limit - 50_000)
            return [line[5:] for line in file.read().decode().splitlines() if padding in line]

    eventually(lambda: written() == expected)
    assert collector.stop() == 0
    assert bus.own_log("sink full.log")


def test_what_a_full_sink_drops_is_counted_where_it_is_missing(bus, start_collector, push, config):
    limit = 64 << 20
    full = bus.directory / "full.log"
    full.touch()
    os.truncate(full, limit - 10_000)

    collector = start_collector("--config", config("""
        [[sink]]
        type = "file"
        path = "full.log"
        format = "json"
        logger = "app"
        queue = "64KiB"
        """), cwd=bus.directory, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY)))
    sent = 0
    while not any("trying on" in line for line in collector.lines):
        send(push, 10, padding="x" * 400)
        sent += 10
        eventually(lambda: bus.count() == sent)
    send(push, 3000, padding="x" * 400)
    eventually(lambda: bus.count() == sent + 3000)
    resource.prlimit(collector.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    collector.wait_line("is written again")
    send(push, 1, message="the last one")

    def written():
        with open(full, "rb") as file:
            file.seek(limit - 10_000)
            return [json.loads(line) for line in file.read().decode().splitlines() if line.startswith("{")]

    eventually(lambda: any(one["message"] == "the last one" for one in written()))
    assert collector.stop() == 0
    notices = [one for one in written() if one["logger"] == "logboom.sink"]
    records = [one for one in written() if one["logger"] == "app"]
    assert all("not written here: " in one["message"] and one["level_name"] == "WARNING" for one in notices)
    assert "File too large" in notices[-1]["message"]
    assert len(records) + sum(one["fields"]["count"] for one in notices) == sent + 3001


def test_a_file_that_cannot_be_opened_is_told_at_the_start(bus, start_collector, config):
    (bus.directory / "in-the-way").touch()
    collector = start_collector("--config", config("""
        [[sink]]
        type = "file"
        path = "in-the-way/x.log"
        """), wait=False, cwd=bus.directory)
    assert collector.wait() == 1
    assert "in-the-way" in collector.stderr and len(collector.lines) == 1

# Nobody tells the collector of these.
ONE_FILE = """
    [[sink]]
    type = "file"
    path = "d/a.log"
    logger = "app"
    format = "%(message)s"
"""


def status_of(run, name):
    done = run("status", "-o", "json")
    return next((sink for sink in json.loads(done.stdout)["sinks"] if sink["name"] == name), None)


def test_a_directory_that_vanishes_and_comes_back(bus, start_collector, push, config, run):
    log = bus.directory / "d" / "a.log"
    collector = start_collector("--config", config(ONE_FILE), cwd=bus.directory)
    send(push, 1, message="before")
    eventually(lambda: lines(log) == ["before"])
    log.parent.rename(bus.directory / "old")
    send(push, 1, message="made anew")
    eventually(lambda: lines(log) == ["made anew"])
    log.unlink()
    log.parent.rmdir()
    log.parent.touch()  # a file where the directory was
    send(push, 2, message="waits")
    collector.wait_line(r"sink d/a\.log: .*Not a directory.*trying on")
    eventually(lambda: bus.count() == 4)
    seen = eventually(lambda: (sink := status_of(run, "d/a.log")) and sink["failing"] and sink["queued"] == 2 and sink)
    assert seen["failures"] >= 1 and "Not a directory" in seen["last_error"]
    log.parent.unlink()
    collector.wait_line("sink d/a.log: is written again")
    eventually(lambda: lines(log) == ["waits", "waits"])
    seen = eventually(lambda: (sink := status_of(run, "d/a.log")) and not sink["failing"] and sink)
    assert (seen["queued"], seen["written"], seen["dropped"]) == (0, 4, 0)
    assert collector.stop() == 0
    assert lines(bus.directory / "old" / "a.log") == ["before"]


def test_logrotates_ways(bus, start_collector, push, config):
    """create (with and without a signal) and copytruncate, as logrotate does them."""
    collector = start_collector("--config", config(ONE_FILE), cwd=bus.directory)
    log = bus.directory / "d" / "a.log"
    send(push, 1, message="one")
    eventually(lambda: lines(log) == ["one"])

    log.rename(log.with_suffix(".log.1"))
    log.touch(mode=0o600)
    collector.signal(1)
    collector.wait_line("reloaded")
    send(push, 1, message="two")
    eventually(lambda: lines(log) == ["two"])
    assert log.stat().st_mode & 0o777 == 0o600, "the one that was made"

    log.rename(log.with_suffix(".log.2"))
    log.touch(mode=0o600)
    send(push, 1, message="three")
    eventually(lambda: lines(log) == ["three"])

    log.with_suffix(".log.3").write_text(log.read_text())
    os.truncate(log, 0)
    send(push, 1, message="four")
    eventually(lambda: log.read_bytes() == b"four\n")
    assert collector.stop() == 0
    assert [lines(log.with_suffix(f".log.{n}")) for n in (1, 2, 3)] == [["one"], ["two"], ["three"]]
