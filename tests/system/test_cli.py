"""The commands as a user types them: what they print, how they end."""

import fcntl
import json
import os
import re
import signal
import struct
import subprocess
import termios
import time

import msgpack
import pytest
import zmq

from conftest import COMMAND, PATIENCE, eventually


def fionread(descriptor):
    """Bytes that wait in a pipe."""
    return struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, b"\0\0\0\0"))[0]


def lines_of(process):
    return [line for line in process.stdout.splitlines() if line]


# --- send

def test_send_returns_when_the_record_is_stored(bus, collector, run):
    done = run("send", "-l", "error", "-n", "backup.disk", "-f", "disk=sda1", "-f", "free=12", "-f", "ok=false", "no", "space", "left")
    assert (done.returncode, done.stderr) == (0, "")
    (row,) = bus.query("SELECT level_name, logger, message, fields FROM records WHERE logger NOT LIKE 'logboom.%'")
    assert row[:3] == ("ERROR", "backup.disk", "no space left")
    assert json.loads(row[3]) == {"disk": "sda1", "free": 12, "ok": False}


def test_send_reads_lines_and_json_objects(bus, collector, run):
    text = 'first\r\n{"message": "structured", "level": "WARNING", "logger": "etl", "rows": 7, "exception": "Traceback: x"}\n{not json}\n\nlast'
    done = run("send", "-n", "pipe", "-", input=text)
    assert done.returncode == 0, done.stderr
    rows = bus.query("SELECT level, logger, message, fields, exception FROM records WHERE logger NOT LIKE 'logboom.%' ORDER BY id")
    assert [row[:3] for row in rows] == [(20, "pipe", "first"), (30, "etl", "structured"), (20, "pipe", "{not json}"), (20, "pipe", ""), (20, "pipe", "last")]
    assert json.loads(rows[1][3]) == {"rows": 7} and rows[1][4] == "Traceback: x"


@pytest.mark.parametrize("command", [["send", "-"], ["run", "--json", "--", "cat"]])
def test_a_structured_line_loses_nothing(bus, collector, run, command):
    line = {"message": "m 1", "template": "m {}", "host": "far", "process": "other", "pid": 7, "thread": "worker", "tid": 8,
            "file": "a.py", "line": 12, "function": "f", "task": "t", "fields": {"a": 1}, "b": [2]}
    assert run(*command, input=json.dumps(line) + "\n").returncode == 0
    ((fields, *rest),) = bus.query("SELECT fields, template, pid, thread, tid, file, line, function, task FROM records WHERE message = 'm 1'")
    assert tuple(rest) == ("m {}", 7, "worker", 8, "a.py", 12, "f", "t")
    fields = json.loads(fields)
    fields.pop("child", None)
    assert fields == {"a": 1, "b": [2], "host": "far", "process": "other"}


def test_send_cuts_a_line_that_is_too_long(bus, collector, run):
    assert run("send", "-", input="é" * 50_000).returncode == 0
    ((message,),) = bus.query("SELECT message FROM records WHERE logger NOT LIKE 'logboom.%'")
    assert message == "é" * 30_000 + "…[cut 40000 bytes]"


def test_send_without_a_collector_keeps_the_record(bus, run, start_collector):
    done = run("send", "--timeout", "0.2", "wait", "for", "me")
    assert done.returncode == 3
    assert "no collector answers" in done.stderr and str(bus.spool) in done.stderr
    start_collector("--adopt", bus.spool)
    eventually(lambda: bus.count("message = 'wait for me'") == 1)


@pytest.mark.parametrize("arguments", [["send", "hello"], ["run", "-n", "job", "--", "echo", "hello"]])
def test_who_has_stored_its_records_takes_its_leave(bus, run, start_collector, arguments):
    collector = start_collector("--until-idle", "--no-adopt")
    assert run(*arguments).returncode == 0
    assert collector.wait() == 0
    assert bus.count("message = 'hello'") == 1
    assert bus.query("SELECT message FROM records WHERE message LIKE '%without a bye%'") == []
    assert not bus.spools()


def test_usage_errors_are_one_line_and_two(run):
    for arguments in (["send"], ["send", "-l", "loud", "x"], ["send", "-f", "novalue", "x"], ["query", "--since", "yesterdayish"],
                      ["tail", "-g", "("], ["query", "-o", "%(name"], ["nonsense"], [], ["run"], ["tail", "carrier-pigeon://x"]):
        done = run(*arguments)
        assert done.returncode == 2, (arguments, done.stderr)
        assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("logboom: "), (arguments, done.stderr)


# --- run

def test_run_logs_both_streams_and_passes_the_code_on(bus, collector, run):
    done = run("run", "-n", "job", "--", "sh", "-c", "echo out; echo err >&2; printf partial; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\npartial", "err\n")
    rows = bus.query("SELECT level, logger, message FROM records WHERE logger IN ('job.stdout', 'job.stderr') ORDER BY id")
    assert sorted(rows) == [(20, "job.stdout", "out"), (20, "job.stdout", "partial"), (30, "job.stderr", "err")]
    ends = bus.query("SELECT message, fields->>'code' FROM records WHERE logger = 'job' AND level = 30")
    assert len(ends) == 1 and ends[0][1] == 7


def test_run_says_by_which_signal_the_command_ended(run, collector):
    assert run("run", "--quiet", "--", "sh", "-c", "kill -KILL $$").returncode == 128 + signal.SIGKILL


def test_run_reports_what_cannot_be_run(bus, collector, run):
    assert run("run", "--", "/no/such/program").returncode == 127
    assert run("run", "--", str(bus.directory)).returncode == 126


def test_run_passes_signals_on(bus, collector, start):
    script = "trap 'echo got-usr1; exit 5' USR1; echo armed; while :; do sleep 0.05; done"
    process = start(COMMAND, "run", "-n", "job", "--", "sh", "-c", script)
    process.wait_line("armed", lines=process.output)
    process.signal(signal.SIGUSR1)
    assert process.wait() == 5
    assert process.output == ["armed", "got-usr1"]


def test_run_needs_no_collector_and_does_not_wait_for_a_daemon(bus, run, start_collector):
    done = run("run", "-n", "job", "--timeout", "0.1", "--", "sh", "-c", "echo hello; sleep 1000 &")
    assert (done.returncode, done.stdout) == (0, "hello\n")
    assert "no collector answers" in done.stderr
    start_collector("--adopt", bus.spool)
    eventually(lambda: bus.count("logger = 'job.stdout' AND message = 'hello'") == 1)


def test_run_ends_although_its_parent_ignores_the_end_of_children(bus, collector, run):
    done = run("run", "--", "sh", "-c", "exit 7", preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
    assert done.returncode == 7


def test_run_leaves_ignored_what_nohup_ignores(bus, collector, run):
    ignore = lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)
    done = run("run", "--", "grep", "SigIgn", "/proc/self/status", preexec_fn=ignore)
    standard = (1 << 31) - 1  # the C library has two more of its own
    assert int(done.stdout.split()[1], 16) & standard == 1 << (signal.SIGHUP - 1)


def test_run_passes_everything_through_where_its_output_does_not_block(bus, collector):
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    command = [COMMAND, "run", "-n", "job", "--", "sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' x; echo done"]
    with subprocess.Popen(command, env=bus.environment, stdout=writing, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        os.close(writing)
        # Nobody reads until the command has filled the pipe, and its records have gone past that.
        eventually(lambda: fionread(reading) >= 65_536)
        with open(reading, "rb") as stream:
            assert len(stream.read()) == 1_000_005
        assert process.wait(PATIENCE) == 0


def test_run_reads_json_lines(bus, collector, run):
    assert run("run", "-n", "job", "--json", "--", "echo", '{"message": "m", "level": 40, "step": 3}').returncode == 0
    assert bus.query("SELECT level, logger, message, fields->>'step' FROM records WHERE level = 40") == [(40, "job.stdout", "m", 3)]


# --- query and tail

@pytest.fixture
def filled(bus, collector, run):
    text = "\n".join(json.dumps({"message": f"m{i}", "level": 10 * (1 + i % 5), "logger": ["net", "net.http", "network", "db"][i % 4], "i": i,
                                 "host": ["h1", "h2"][i % 2], "process": "p", "pid": 100 + i % 3}) for i in range(60))
    assert run("send", "-", input=text).returncode == 0
    assert bus.count() == 60
    # Of where a line says it comes from, host and process are fields: those of the record are the sender's.
    origins = bus.query("SELECT fields->>'i', fields->>'host', fields->>'process', pid, process FROM records "
                        "WHERE logger NOT LIKE 'logboom.%' ORDER BY id")
    assert origins == [(i, ["h1", "h2"][i % 2], "p", 100 + i % 3, "logboom") for i in range(60)]
    return bus


FILTERS = [
    (["-l", "warning"], lambda r: r["level"] >= 30),
    (["-n", "net"], lambda r: r["logger"] in ("net", "net.http")),
    (["-n", "net*"], lambda r: r["logger"].startswith("net")),
    (["-n", "db", "-n", "net.http"], lambda r: r["logger"] in ("db", "net.http")),
    (["-g", "m[12]$"], lambda r: r["message"] in ("m1", "m2")),
    (["-w", "i>=30", "-w", "i!=40"], lambda r: r["i"] >= 30 and r["i"] != 40),
    (["-w", "i=7"], lambda r: r["i"] == 7),
    (["-w", "host=h2", "--pid", "101"], lambda r: r["i"] % 2 == 1 and r["i"] % 3 == 1),
    (["-l", "error", "-n", "net", "--last", "3"], None),
]


def sent():
    return [{"message": f"m{i}", "level": 10 * (1 + i % 5), "logger": ["net", "net.http", "network", "db"][i % 4], "i": i} for i in range(60)]


@pytest.mark.parametrize("arguments, passes", FILTERS)
def test_query_filters(filled, run, arguments, passes):
    done = run("query", "-o", "json", *arguments)
    assert done.returncode == 0, done.stderr
    shown = [json.loads(line)["fields"]["i"] for line in lines_of(done) if not json.loads(line)["logger"].startswith("logboom.")]
    expected = ([r["i"] for r in sent() if passes(r)] if passes
                else [r["i"] for r in sent() if r["level"] >= 40 and r["logger"] in ("net", "net.http")][-3:])
    assert shown == expected


@pytest.mark.parametrize("arguments", [arguments for arguments, _ in FILTERS])
def test_tail_shows_what_query_shows(filled, run, arguments):
    with_history = arguments if "--last" in arguments else [*arguments, "--since", "1h"]
    expected = lines_of(run("query", "-o", "json", *with_history))
    shown = run("tail", "-o", "json", *with_history, "--count", str(len(expected)), "--timeout", str(PATIENCE))
    assert lines_of(shown) == expected


def test_query_outputs(filled, run):
    csv = lines_of(run("query", "-w", "i=7", "-o", "csv"))
    assert len(csv) == 2 and "message" in csv[0]
    assert run("query", "-w", "i=7", "-o", "%(name)s|%(levelname)-8s|%(message)s").stdout == "db|WARNING |m7\n"
    assert run("query", "-w", "i=7", "-o", "{name}:{message:>4}").stdout == "db:  m7\n"
    assert run("query", "-w", "i=7", "-o", "${name}:$message").stdout == "db:m7\n"
    assert "message=m7" in run("query", "-w", "i=7", "-o", "logfmt").stdout
    assert "m7" in run("query", "-w", "i=7").stdout
    assert run("query", "-l", "warning", "--count", "-n", "net").stdout == f"{len([r for r in sent() if r['level'] >= 30 and r['logger'] in ('net', 'net.http')])}\n"


def test_colors(filled, run):
    assert "\x1b[" in run("query", "--color", "always", "-w", "i=7").stdout
    assert "\x1b[" not in run("query", "-w", "i=7").stdout
    assert "\x1b[" not in run("query", "--color", "never", "-w", "i=7").stdout


def test_query_needs_a_store(bus, run):
    done = run("query", "--db", bus.directory / "none.sqlite")
    assert done.returncode == 1 and "none.sqlite" in done.stderr and len(done.stderr.splitlines()) == 1


def test_query_waits_where_its_output_does_not_block(bus, collector, run):
    text = "\n".join("x" * 1000 for _ in range(500))
    assert run("send", "-", input=text).returncode == 0
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with subprocess.Popen([COMMAND, "query", "-o", "$message", "-g", "xxx", "--db", bus.database], env=bus.environment,
                          stdout=writing, stderr=subprocess.PIPE, text=True) as process:
        os.close(writing)
        eventually(lambda: fionread(reading) >= 65_536)
        with open(reading, "rb") as stream:
            assert len(stream.read()) == 500 * 1001
        assert (process.wait(PATIENCE), process.stderr.read()) == (0, "")


def test_query_stops_when_nobody_reads(filled, bus):
    pipe = subprocess.run(f"{COMMAND} query -o json | head -n 1", shell=True, env=bus.environment, capture_output=True, text=True, timeout=PATIENCE)
    assert len(pipe.stdout.splitlines()) == 1 and pipe.stderr == ""


def test_tail_without_a_collector(bus, run):
    done = run("tail", "--timeout", "3")
    assert done.returncode == 3
    assert "no collector answers" in done.stderr


def test_tail_waits_for_a_collector_and_ends_with_a_signal(bus, start, start_collector, run):
    tail = start(COMMAND, "tail", "-o", "%(message)s")
    tail.wait_line("no collector answers")
    start_collector()
    # Until the viewer is connected nothing is published to it; what is sent after that must be shown.
    eventually(lambda: run("send", "hello").returncode == 0 and "hello" in tail.output)
    tail.signal(signal.SIGINT)
    assert tail.wait() == 0


def test_query_follow_goes_on_live(filled, start, run):
    follow = start(COMMAND, "query", "-f", "--last", "2", "-n", "db", "-o", "%(message)s")
    eventually(lambda: len(follow.output) == 2)
    assert run("send", "-n", "db", "new").returncode == 0
    eventually(lambda: follow.output[2:] == ["new"])
    assert follow.output[:2] == ["m55", "m59"]
    follow.signal(signal.SIGTERM)
    assert follow.wait() == 0


@pytest.fixture
def impostor(bus):
    """Binds what a collector binds: (ROUTER, XPUB)."""
    bus.path.parent.mkdir(mode=0o700)
    context = zmq.Context()
    control, live = context.socket(zmq.ROUTER), context.socket(zmq.XPUB)
    control.bind(bus.control)
    live.bind(bus.live)
    yield control, live
    context.destroy(linger=0)


def test_what_a_stranger_says_does_not_steer_the_terminal(bus, impostor, start):
    query = start(COMMAND, "query", "--endpoint", bus.endpoint)
    route, question = impostor[0].recv_multipart()
    assert msgpack.unpackb(question) == ["info"]
    answer = {"version": 1, "epoch": 1, "host": "\x1b[2Jelsewhere", "pid": 1, "database": "/x\x1b]0;title\x07", "last_id": 0}
    impostor[0].send_multipart([route, msgpack.packb(["info", answer])])
    assert query.wait() == 1
    assert "elsewhere" in query.stderr and "\x1b" not in query.stderr and "\x07" not in query.stderr


def test_tail_keeps_its_time_though_nothing_of_a_flood_passes(impostor, start):
    live = impostor[1]
    tail = start(COMMAND, "tail", "-g", "no such text", "--timeout", "4")
    while not (topic := live.recv()[1:]).startswith(b"S"):
        pass
    live.send_multipart([topic, msgpack.packb({"epoch": 1, "id": 0, "counters": {}})])
    record = {"id": 1, "n": 1, "time": 1, "level": 20, "logger": "a", "message": "x", "fields": {"long": [0] * 50_000}}
    message = [b"2a.", msgpack.packb(record)]
    end = time.monotonic() + PATIENCE
    while tail.running():
        assert time.monotonic() < end, "still at it"
        for _ in range(100):
            live.send_multipart(message)
    assert tail.wait() == 0, tail.stderr


def test_the_exit_code_of_run_does_not_depend_on_stderr(bus):
    done = subprocess.run(f"{COMMAND} run --quiet --timeout 0.1 -- false 2>&-", shell=True, env=bus.environment, timeout=PATIENCE)
    assert done.returncode == 1


# --- one collector

@pytest.mark.parametrize("command", [["tail"], ["query"], ["query", "-f"]])
def test_several_collectors_are_not_looked_at_as_if_they_were_one(run, bus, command):
    several = f"{bus.endpoint},tcp://127.0.0.1:9"
    named = [several] if command == ["tail"] else ["--endpoint", several]
    for done in (run(*command, *named), run(*command, environment={"LOGBOOM_ENDPOINT": several})):
        assert done.returncode == 2
        assert several in done.stderr and "name the one collector to look at" in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_following_a_file_that_the_collector_does_not_write_is_refused(run, bus, collector):
    other = bus.directory / "other.sqlite"
    subprocess.run(["sqlite3", bus.database, f"VACUUM INTO '{other}'"], check=True)
    for command in (["query", "-f"], ["tail", "--since", "1h"], ["tail"]):
        done = run(*command, "--db", other)
        assert done.returncode == 1
        assert str(other) in done.stderr and str(bus.database) in done.stderr and "leave --db out" in done.stderr
    assert run("query", "--db", other, "--count").returncode == 0, "a file as such may be asked"


# --- demo

def test_demo_shows_everything_and_loses_nothing(run, bus):
    done = run("demo", environment={"TMPDIR": str(bus.directory)}, timeout=PATIENCE * 4)
    assert done.returncode == 0, done.stdout + done.stderr
    table = re.findall(r"^(solver-\d) +\d+ +(\d+) +(\d+)(.*)$", done.stdout, re.M)
    assert len(table) == 5 and sum("killed; nothing lost" in row[3] for row in table) == 1
    assert all(int(row[1]) > 0 and int(row[2]) - int(row[1]) in (0, 1) for row in table)
    database = re.search(r'sqlite3 (\S+) ', done.stdout)[1]
    assert bus.query("SELECT count(*) FROM logs WHERE name = 'solver.grid'", database=database)[0][0] == sum(int(row[2]) for row in table)
    assert "solver.grid" in done.stdout.split("── look for yourself")[0]


def test_help_of_every_command(run):
    names = re.findall(r"^  (\w+) ", run("--help").stdout.split("Subcommands:")[1], re.M)
    assert {"collect", "tail", "query", "send", "run", "recover", "demo"} <= set(names)
    for name in names:
        done = run(name, "--help")
        assert done.returncode == 0 and "Usage" in done.stdout
