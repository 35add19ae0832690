"""Sinks of `logboom collect`, by its configuration file: what they write, what happens when they cannot, and how SIGHUP changes them."""

import json
import os
import pathlib
import re
import signal
import sys
import tomllib

import msgpack
import pytest
import zmq

from conftest import HERE, PATIENCE, eventually, module_environment


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


def send(push, count, **record):
    for i in range(count):
        push.send_json({"logger": "app", "level": 20, "message": f"record {i}"} | record)


# The cookbook's "Logging to a single file from multiple processes", its workers as they are, its listener's configuration as sinks.
WORKER = """
import logging, logging.config, logging.handlers, multiprocessing, os, random, sys

CONFIG = {"version": 1, "disable_existing_loggers": True, "handlers": {"bus": HANDLER}, "root": {"handlers": ["bus"], "level": "DEBUG"}}


def worker_process():
    logging.config.dictConfig(CONFIG)
    levels = [logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL]
    loggers = ["foo", "foo.bar", "foo.bar.baz", "spam", "spam.ham", "spam.ham.eggs"]
    for i in range(100):
        logging.getLogger(random.choice(loggers)).log(random.choice(levels), "Message no. %d", i)


if __name__ == "__main__":
    random.seed(int(sys.argv[1]))
    workers = [multiprocessing.Process(target=worker_process, name="worker %d" % (i + 1)) for i in range(5)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    sys.exit(max(worker.exitcode for worker in workers))
"""

LISTENER = """
    [inputs]
    python_unix = "py.sock"

    [levels]
    rules = "debug"

    [[sink]]
    type = "console"
    level = "INFO"
    format = "%(name)-15s %(levelname)-8s %(processName)-10s %(message)s"

    [[sink]]
    type = "file"
    path = "mplog.log"
    format = "%(asctime)s %(name)-15s %(levelname)-8s %(processName)-10s %(message)s"

    [[sink]]
    type = "file"
    path = "mplog-foo.log"
    logger = "foo"
    format = "%(asctime)s %(name)-15s %(levelname)-8s %(processName)-10s %(message)s"

    [[sink]]
    type = "file"
    path = "mplog-errors.log"
    level = "ERROR"
    format = "%(asctime)s %(name)-15s %(levelname)-8s %(processName)-10s %(message)s"
"""

LINE = re.compile(r"(?P<asctime>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} )?(?P<name>\S+) +(?P<level>[A-Z]+) +worker (?P<worker>[1-5]) +Message no\. (?P<number>\d+)$")


def parsed(text, asctime=True):
    """(worker, number, logger, level) of each line; the collector's and publishers' own are left out."""
    found = []
    for line in text:
        if re.search(r"\blogboom(\.\w+)* ", line):
            continue
        match = LINE.match(line)
        assert match and bool(match["asctime"]) == asctime, line
        found.append((int(match["worker"]), int(match["number"]), match["name"], match["level"]))
    return found


@pytest.mark.parametrize("handler", ["logboom.Handler", "SocketHandler"])
def test_the_cookbooks_example_by_configuration_alone(bus, start_collector, start, config, handler):
    if handler == "logboom.Handler":
        environment = module_environment()
        made = {"class": "logboom.Handler"}
    else:
        environment = {}
        made = {"class": "logging.handlers.SocketHandler", "host": str(bus.directory / "py.sock"), "port": None}
    collector = start_collector("--config", config(LISTENER), cwd=bus.directory)
    program = bus.directory / "workers.py"
    program.write_text(WORKER.replace("HANDLER", repr(made)))
    workers = start(sys.executable, "-B", program, 7, environment=environment, cwd=bus.directory)
    assert workers.wait() == 0, workers.stderr
    eventually(lambda: bus.count() == 500)
    assert collector.stop() == 0

    everything = parsed(lines(bus.directory / "mplog.log"))
    assert len(everything) == 500
    assert {(worker, number) for worker, number, _, _ in everything} == {(w, n) for w in range(1, 6) for n in range(100)}
    for worker in range(1, 6):
        assert [number for one, number, _, _ in everything if one == worker] == list(range(100)), "in order"
    foo = [one for one in everything if one[2].split(".")[0] == "foo"]
    errors = [one for one in everything if one[3] in ("ERROR", "CRITICAL")]
    assert 0 < len(foo) < 500 and 0 < len(errors) < 500
    assert parsed(lines(bus.directory / "mplog-foo.log")) == foo
    assert parsed(lines(bus.directory / "mplog-errors.log")) == errors
    assert parsed(collector.output, asctime=False) == [one for one in everything if one[3] != "DEBUG"]


def test_a_stuck_reader_of_the_console_holds_up_nobody_and_is_told(bus, start_collector, push, config):
    reading, writing = os.pipe()
    collector = start_collector("--config", config("""
        [[sink]]
        type = "console"
        format = "json"
        logger = "app"
        queue = "64KiB"
        [[sink]]
        type = "file"
        path = "all.log"
        logger = "app"
        format = "%(message)s"
        """), stdout=writing, cwd=bus.directory)
    os.close(writing)
    send(push, 10_000, padding="x" * 100)
    eventually(lambda: bus.count() == 10_000)
    eventually(lambda: len(lines(bus.directory / "all.log")) == 10_000)
    output = ""
    with open(reading, "rb", closefd=True) as pipe:
        while '"logboom.sink"' not in output:
            output += os.read(pipe.fileno(), 1 << 16).decode()
        collector.signal(signal.SIGTERM)
        output += pipe.read().decode()
    assert collector.wait() == 0
    seen = [json.loads(line) for line in output.splitlines()]
    notices = [one for one in seen if one["logger"] == "logboom.sink"]
    assert notices[0]["message"].endswith("not written here: the reader of this output is too slow (the store has them)")
    assert sum(one["logger"] == "app" for one in seen) + sum(one["fields"]["count"] for one in notices) == 10_000


ONE_FILE = """
    [[sink]]
    type = "file"
    path = "a.log"
    logger = "app"
    format = "%(message)s"
"""


def test_sighup_changes_sinks_and_loses_nothing_of_those_that_stay(bus, start_collector, push, config):
    path = config(ONE_FILE)
    collector = start_collector("--config", path, cwd=bus.directory)
    total = 0
    for turn in range(6):
        send(push, 500, message=f"turn {turn}")
        total += 500
        config(ONE_FILE, """
            [[sink]]
            type = "file"
            path = "b.log"
            format = "%(message)s"
            """ if turn % 2 == 0 else "")
        collector.signal(signal.SIGHUP)
        eventually(lambda: sum("reloaded" in line for line in collector.lines) == turn + 1)
    send(push, 500, message="end")
    eventually(lambda: bus.count() == total + 500)
    eventually(lambda: len(lines(bus.directory / "a.log")) == total + 500)
    assert collector.stop() == 0
    assert lines(bus.directory / "a.log") == [f"turn {turn}" for turn in range(6) for _ in range(500)] + ["end"] * 500
    assert (bus.directory / "b.log").exists()
    assert sum(line.startswith("reloaded") for line in bus.own_log()) == 6


def test_signals_are_for_the_first_thread_alone(start_collector, config):
    """Also that which waits for SIGHUP, whose handler any thread could have to run."""
    collector = start_collector("--config", config('[[sink]]\ntype = "null"\n'))
    awaited = 1 << (signal.SIGHUP - 1) | 1 << (signal.SIGTERM - 1)

    def takers():
        """Names of the threads, and the numbers of those that take one of the two."""
        names, taking = set(), set()
        for thread in pathlib.Path(f"/proc/{collector.process.pid}/task").iterdir():
            names.add((thread / "comm").read_text().strip())
            blocked = int(re.search(r"SigBlk:\s*(\w+)", (thread / "status").read_text())[1], 16)
            if blocked & awaited != awaited:
                taking.add(int(thread.name))
        return names, taking

    # The first takes none while it makes another.
    _, taking = eventually(lambda: (found := takers())[1] and "logboom-hangup" in found[0] and found)
    assert taking == {collector.process.pid}


def test_a_bad_file_at_sighup_changes_nothing_and_is_told(bus, start_collector, push, config):
    path = config(ONE_FILE)
    collector = start_collector("--config", path, cwd=bus.directory)
    send(push, 1, message="before")
    config(ONE_FILE, """
        levle = "INFO"
        [store]
        keep = "soon"
        """)
    collector.signal(signal.SIGHUP)
    collector.wait_line("nothing is changed")
    assert f"logboom: {path}:8:1: [[sink]] has no key levle; did you mean level?" in collector.lines
    assert any(line.startswith(f"logboom: {path}:10:8: ") and "soon" in line for line in collector.lines)
    path.unlink()
    collector.signal(signal.SIGHUP)
    collector.wait_line("nothing is changed: .*No such file")
    (bus.directory / "in-the-way").touch()
    config(ONE_FILE, """
        [[sink]]
        type = "file"
        path = "in-the-way/x.log"
        """)
    collector.signal(signal.SIGHUP)
    collector.wait_line("nothing is changed: .*in-the-way")
    send(push, 1, message="after")
    eventually(lambda: lines(bus.directory / "a.log") == ["before", "after"])
    assert collector.stop() == 0
    told = bus.own_log()
    assert any("levle" in line for line in told) and any("nothing is changed" in line for line in told)


def test_sighup_while_it_starts_is_no_end_of_it(bus, start_collector, push):
    """As logrotate may send it just then. It is amid its start, for certain, while it waits for its file."""
    fifo = bus.directory / "fifo.toml"
    os.mkfifo(fifo)
    collector = start_collector("--config", fifo, cwd=bus.directory, wait=False)
    with open(fifo, "w") as writing:  # returns once it is being read
        collector.signal(signal.SIGHUP)
        writing.write(ONE_FILE)
    collector.wait_ready()
    collector.wait_line("nothing is changed: it is no regular file")
    send(push, 1, message="here")
    eventually(lambda: lines(bus.directory / "a.log") == ["here"])


def test_a_pipe_is_read_once_and_an_empty_one_is_no_configuration(bus, start_collector, push):
    """As with --config <(…) of a shell."""
    reading, writing = os.pipe()
    os.write(writing, ONE_FILE.encode())
    os.close(writing)
    collector = start_collector("--config", f"/dev/fd/{reading}", cwd=bus.directory, pass_fds=(reading,))
    os.close(reading)
    send(push, 1, message="before")
    eventually(lambda: lines(bus.directory / "a.log") == ["before"])
    collector.signal(signal.SIGHUP)
    collector.wait_line("nothing is changed: it is no regular file")
    send(push, 1, message="after")
    eventually(lambda: lines(bus.directory / "a.log") == ["before", "after"])


def test_each_filter_of_a_sink(bus, start_collector, push, config, run):
    filters = {"host": 'host = ["a", "b*"]', "process": 'process = "w*"', "where": 'where = ["step>=10", "user!=root"]', "match": "match = 'no\\s+space'",
               "all": 'level = "ERROR"\nlogger = "app.db"\nhost = "a"\nwhere = "step=11"'}
    tables = [f"[[sink]]\ntype = \"file\"\npath = \"{name}.log\"\nformat = \"%(message)s\"\n{text}\n" for name, text in filters.items()]
    collector = start_collector("--config", config(*tables, '[[sink]]\ntype = "null"\nlogger = "app*"\n'), cwd=bus.directory)
    sent = [
        dict(message="1", host="a", process="worker", step=11, user="me", logger="app.db", level=40),
        dict(message="2", host="bb", process="x", step=9, user="me"),
        dict(message="3 no  space", host="c", process="w", step=10, user="root"),
        dict(message="4", host="a", step="text"),
        dict(message="5", host="a", process="worker", step=11, logger="app.dbx", level=50, exception="no space left"),
    ]
    for record in sent:
        send(push, 1, **record)
    eventually(lambda: bus.count() == len(sent))
    null = eventually(lambda: next((sink for sink in json.loads(run("status", "-o", "json").stdout)["sinks"] if sink["name"] == "null" and sink["written"] == len(sent)), None))
    assert null["dropped"] == null["queued"] == null["failures"] == 0
    assert collector.stop() == 0
    # A field that is missing is not equal to anything, and what is no number is compared as text (include/logboom/filter.hpp).
    written = {name: [line[0] for line in lines(bus.directory / f"{name}.log") if line[0].isdigit()] for name in filters}
    assert written == {"host": ["1", "2", "4", "5"], "process": ["1", "3", "5"], "where": ["1", "4", "5"], "match": ["3", "5"], "all": ["1"]}


def test_what_needs_a_restart_is_told_at_sighup(bus, start_collector, config):
    collector = start_collector("--config", config(""), cwd=bus.directory)
    config("""
        [collector]
        max_connections = 77
        [inputs]
        python_tcp = 0
        """)
    collector.signal(signal.SIGHUP)
    line = collector.wait_line("reloaded").string
    assert line.endswith("reloaded; with the next start takes effect: inputs, max_connections")


def test_sighup_tells_publishers_the_new_levels(bus, start_collector, config):
    collector = start_collector("--config", config('levels = { rules = "info" }'))
    with zmq.Context() as context, context.socket(zmq.DEALER) as control:
        control.linger = 0
        control.rcvtimeo = int(PATIENCE * 1000)
        control.connect(bus.control)
        who = [os.urandom(16), "host", 1, "probe", 1]
        control.send(msgpack.packb(["hello", 1, who, []]))
        welcome = msgpack.unpackb(control.recv())
        assert welcome[0] == "welcome" and welcome[4] == "info"
        config('levels = { rules = "info,etl.db=debug" }')
        collector.signal(signal.SIGHUP)
        while (message := msgpack.unpackb(control.recv()))[0] != "levels":
            pass
        assert message[1] == "info,etl.db=debug"


def test_without_a_file_sighup_ends_the_collector(bus, start_collector):
    collector = start_collector()
    collector.signal(signal.SIGHUP)
    assert collector.wait() == 0


def test_check_prints_what_is_in_effect_as_a_file(bus, run, config):
    path = config("""
        [store]
        path = "from-file.sqlite"
        keep = "30d"
        [[sink]]
        type = "file"
        path = "app.log"
        level = "info"
        rotate = { size = "50MiB", keep = 10, compress = "zstd" }
        """)
    done = run("collect", "--check", "--config", path, "--db", "from-flag.sqlite", "--print=json", "--max-connections", 9)
    assert done.returncode == 0 and done.stderr == ""
    read = tomllib.loads(done.stdout)
    assert read["store"]["path"] == "from-flag.sqlite", "flags win"
    assert read["store"]["keep"] == "30d"
    assert read["collector"]["endpoints"] == [bus.endpoint]
    assert read["collector"]["max_connections"] == 9
    assert [sink["type"] for sink in read["sink"]] == ["console", "file"]
    assert read["sink"][1]["rotate"] == {"size": "50MiB", "keep": 10, "compress": "zstd"}
    path.write_text(done.stdout)
    again = run("collect", "--check", "--config", path)
    assert again.stdout == done.stdout
    assert not list(bus.directory.glob("*.sqlite")) and not (bus.directory / "app.log").exists(), "nothing is made"


def test_the_example_of_the_page_on_configuration_is_right(bus, run, config):
    page = (HERE.parents[1] / "docs" / "config.md").read_text()
    example = re.search(r"^    \[collector\]\n(?:(?:    .*)?\n)+", page, re.MULTILINE)[0]
    done = run("collect", "--check", "--config", config(example.replace("/run/app", str(bus.runtime))), cwd=bus.directory)
    assert done.returncode == 0, done.stderr
    assert [sink["type"] for sink in tomllib.loads(done.stdout)["sink"]] == ["console", "file", "file", "file"]


def test_check_tells_every_mistake_with_its_place(bus, run, config):
    path = config("""\
        [colector]
        [store]
        max_size = "huge"
        [[sink]]
        type = "file"
        path = "a.log"
        formt = "json"
        level = "LOUD"
        [[sink]]
        type = "consol"
        """)
    done = run("collect", "--check", "--config", path)
    assert done.returncode == 2 and done.stdout == ""
    told = [re.sub(rf"^{re.escape(str(path))}:", "", line) for line in done.stderr.splitlines()]
    assert [line.split(": ")[0] for line in told] == ["1:2", "3:12", "7:1", "8:9", "10:8"]
    for line, mend in zip(told, ["did you mean collector?", "write 4096", "did you mean format?", "use TRACE", "did you mean console?"]):
        assert mend in line
    assert run("collect", "--check", "--config", bus.directory / "none.toml").returncode == 1


def test_check_tells_what_cannot_be_kept_or_opened(bus, run, config):
    path = config("""\
        [store]
        path = "none/x.sqlite"
        keep = "1m"
        file_period = "2m"
        [[sink]]
        type = "file"
        path = "logboom.toml/x.log"
        [[sink]]
        type = "file"
        path = "made/with/its/directories.log"
        """)
    done = run("collect", "--check", "--config", path, cwd=bus.directory)
    told = [line.removeprefix(f"{path}:") for line in done.stderr.splitlines()]
    assert [line.split(": ")[0] for line in told] == ["2:8", "4:15", "7:8"], done.stderr
    assert "none does not exist; make it" in told[0] and "no directory" in told[2]
    assert done.returncode == 2 and done.stdout == ""
    path.write_text('[store]\npath = "none/x.sqlite"\n')
    assert run("collect", "--check", "--config", path, "--db", "there.sqlite", cwd=bus.directory).returncode == 0, "flags win"
    flag = run("collect", "--check", "--db", "none/x.sqlite", cwd=bus.directory)
    assert flag.returncode == 2 and flag.stderr.startswith("cannot open none/x.sqlite: ")
    assert not {"made", "there.sqlite", "none"} & {one.name for one in bus.directory.iterdir()}, "nothing is made"


def test_a_sink_never_writes_into_the_store(bus, run, config):
    path = config("""
        [store]
        path = "logs.sqlite"
        [[sink]]
        type = "file"
        path = "./logs.sqlite-wal"
        """)
    for more in ([], ["--check"]):
        done = run("collect", "--config", path, *more, cwd=bus.directory)
        assert done.returncode == 2 and "a file of the store" in done.stderr
    path.write_text('[[sink]]\ntype = "file"\npath = "logs.sqlite"\n')
    done = run("collect", "--config", path, "--db", bus.directory / "logs.sqlite", cwd=bus.directory)
    assert done.returncode == 2 and "a file of the store" in done.stderr


def test_flags_take_back_what_the_file_has_switched_on(run, config):
    path = config("""
        [store]
        compress = true
        [collector]
        publish = false
        until_idle = true
        """)
    done = run("collect", "--check", "--config", path, "--compress=false", "--no-publish=false", "--until-idle=false")
    read = tomllib.loads(done.stdout)
    assert read["store"]["compress"] is False
    assert read["collector"]["publish"] is True and read["collector"]["until_idle"] is False


@pytest.mark.parametrize("arguments, named", [
    (["--keep", "1m", "--file-period", "2m"], "file_period 120 s"),
    (["inproc://x"], "inproc://x"),
    (["--keep", "soon"], "soon"),
    (["--max-size", "huge"], "huge"),
    (["--print=%(nonsense"], "%(nonsense"),
    (["--level", "app=loud"], "loud"),
    (["tcp://x:y:z"], "tcp://x:y:z"),
])
def test_check_of_flags(run, arguments, named):
    done = run("collect", "--check", *arguments)
    assert done.returncode == 2 and named in done.stderr


def test_limits_of_a_sink(bus, start_collector, push, config):
    collector = start_collector("--config", config("""
        [[sink]]
        type = "file"
        path = "sampled.log"
        logger = "app"
        every = 100
        format = "%(message)s"
        [[sink]]
        type = "file"
        path = "repeats.log"
        logger = "app"
        repeats = "1h"
        format = "logfmt"
        """), cwd=bus.directory)
    send(push, 1000, message="again")
    send(push, 1, message="something else")
    eventually(lambda: bus.count() == 1001)
    assert collector.stop() == 0
    assert lines(bus.directory / "sampled.log") == ["again"] + ["again (99 suppressed)"] * 9 + ["something else (99 suppressed)"]
    repeats = lines(bus.directory / "repeats.log")
    assert len(repeats) == 2 and "suppressed=999" in repeats[1]
