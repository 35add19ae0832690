"""`logboom status`: what it counts is what was sent; the live page leaves the terminal as it was."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import sqlite3
import struct
import subprocess
import termios
import time

import msgpack
import pytest
import zmq

from conftest import COMMAND, PATIENCE, eventually


@pytest.fixture
def chatter(worker):
    def begin(*arguments, **options):
        process = worker("chatter", *arguments, **options)
        process.wait_line("ready", lines=process.output)
        return process

    return begin


def of_pid(state, pid):
    (found,) = [one for one in state["publishers"] if one["pid"] == pid]
    return found


def test_counts_are_those_of_what_was_sent(bus, collector, chatter, status, run):
    first = chatter(700, environment={"LOGBOOM_NAME": "first"})
    second = chatter(300)
    eventually(lambda: bus.count() == 1000)
    state = eventually(lambda: (s := status()) and all(p["report"]["unacked"] == 0 and p["reported"] for p in s["publishers"]) and s)
    one = of_pid(state, first.pid)
    assert (one["process"], one["received"], one["gaps"], one["connected"], one["leaving"]) == ("first", 700, 0, True, False)
    assert one["host"] == os.uname().nodename
    assert one["report"]["unacked_bytes"] == 0 and one["report"]["spool_bytes"] >= 1 << 20
    assert of_pid(state, second.pid)["received"] == 300
    assert (state["publishers_known"], state["publishers_connected"], state["unacked"], state["gaps"]) == (2, 2, 0, 0)
    ((rows, last),) = bus.query("SELECT count(*), max(id) FROM record")
    state = status()
    assert state["last_id"] >= last and state["records"] >= rows
    assert state["store"]["path"] == str(bus.database) and state["store"]["trouble"] == ""
    eventually(lambda: status()["store"]["rows"] == bus.query("SELECT count(*) FROM record")[0][0])
    assert state["store"]["bytes"] >= bus.database.stat().st_size
    assert one["started"] <= one["joined"] <= state["store"]["committed"] <= state["now"]
    page = run("status").stdout
    assert re.search(rf"{first.pid} +first .* 700 +0 +0 B", page), page
    first.stop()
    eventually(lambda: status()["publishers_known"] == 1)


def test_rates_follow_what_comes(bus, collector, chatter, status):
    process = chatter()
    state = eventually(lambda: (s := status()) and any(one["pid"] == process.pid and one["rate"] > 20 for one in s["publishers"]) and s, what="a rate")
    assert state["rate"] == of_pid(state, process.pid)["rate"] and state["store"]["rate"] > 0


def test_what_waits_at_a_publisher_is_seen(bus, collector, chatter, status, run):
    """While somebody else holds the store's file locked nothing is committed."""
    process = chatter()
    eventually(lambda: bus.count() > 0)
    locker = sqlite3.connect(bus.database, timeout=30, isolation_level=None)
    locker.execute("BEGIN IMMEDIATE")
    state = eventually(lambda: (s := status())["unacked"] > 0 and s)
    one = of_pid(state, process.pid)
    assert one["report"]["unacked"] == state["unacked"] and one["report"]["unacked_bytes"] > 0
    assert one["report"]["spool_bytes"] >= one["report"]["unacked_bytes"]
    eventually(lambda: "locked" in status()["store"]["trouble"])
    assert "CANNOT BE WRITTEN" in run("status").stdout
    locker.execute("ROLLBACK")
    locker.close()
    eventually(lambda: status()["store"]["trouble"] == "")
    process.kill()
    eventually(lambda: not any(one["pid"] == process.pid and one["connected"] for one in status()["publishers"]))


def test_one_that_died_is_gone(bus, start_collector, chatter, status, run):
    start_collector("--no-adopt")
    process = chatter(10)
    eventually(lambda: status()["publishers_connected"] == 1)
    process.kill()
    eventually(lambda: status()["publishers_connected"] == 0)
    state = status()
    assert state["publishers_known"] == 1 and not of_pid(state, process.pid)["connected"]
    page = run("status").stdout
    assert "0 connected, 1 gone without a bye" in page and "is to be adopted" in page
    assert run("recover").returncode == 0
    eventually(lambda: status()["publishers_known"] == 0)
    assert bus.count() == 10


def test_a_gap_is_counted_where_it_belongs(bus, collector, status):
    """A publisher that says that it holds nothing below 11 has lost ten."""
    with Publisher(bus) as publisher:
        publisher.hello(base=1)
        publisher.batch(first=1, count=5, base=1)
        publisher.batch(first=16, count=5, base=16)
        eventually(lambda: bus.count() == 10)
        (one,) = status()["publishers"]
        assert (one["received"], one["gaps"]) == (10, 10)
        assert status()["gaps"] == 10


class Publisher:
    def __init__(self, bus, number=1):
        self.context = zmq.Context()
        self.id = bytes([number]) * 16
        self.who = [self.id, "host", number, f"hand-{number}", 1]
        self.control, self.push = self.context.socket(zmq.DEALER), self.context.socket(zmq.PUSH)
        for socket, address in ((self.control, bus.control), (self.push, bus.push)):
            socket.linger = 0
            socket.connect(address)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.control.close()
        self.push.close()
        self.context.term()

    def hello(self, base=1):
        self.control.send(msgpack.packb(["hello", 1, self.who, [[0, base, base]]]))
        assert self.control.poll(30_000)
        welcome = msgpack.unpackb(self.control.recv())
        assert welcome[0] == "welcome"
        return welcome

    def batch(self, first, count, base):
        records = [[time.time_ns(), 1, 1, [n]] for n in range(first, first + count)]
        self.push.send(msgpack.packb([1, self.who, [[1, 20, "INFO", "r {n}", "f", 1, "g"]], [[1, "app"]], [[0, 5, "main"]], [[0, base, first, 0, records]]]))


def test_many_publishers_are_listed_page_by_page(bus, collector, status, run):
    many = [Publisher(bus, number) for number in range(1, 171)]
    try:
        for publisher in many:
            publisher.hello()
        state = status()
        assert sorted(one["pid"] for one in state["publishers"]) == list(range(1, 171))
        assert state["not_listed"] == 0
        page = run("status", "--top", "3").stdout
        assert page.count("hand-") == 3 and "and 167 more" in page
        assert run("status", "--all").stdout.count("hand-") == 170
    finally:
        for publisher in many:
            publisher.__exit__()


def test_viewers_connections_and_bad_frames(bus, collector, status, start):
    assert status()["viewers"] == 0
    viewer = start(COMMAND, "tail")
    eventually(lambda: status()["viewers"] == 1)
    connections = status()["connections"]
    viewer.stop()
    eventually(lambda: status()["viewers"] == 0)
    assert status()["connections"] < connections
    with Publisher(bus) as publisher:
        publisher.push.send(b"\xc1")
        eventually(lambda: status()["bad_frames"] == 1)


def test_without_a_store(bus, start_collector, status, run):
    start_collector("--python-tcp", "0", database=None)
    state = status()
    assert state["store"]["path"] == "" and len(state["inputs"]) == 1
    page = run("status").stdout
    assert "store      none" in page and "inputs     python-tcp 127.0.0.1:" in page


def test_sinks_are_counted(bus, start_collector, chatter, status, run):
    config = bus.directory / "logboom.toml"
    config.write_text(f"""
        [[sink]]
        type = "file"
        path = "{bus.directory}/all.log"
        logger = "app"
        [[sink]]
        type = "null"
        level = "ERROR"
        """)
    start_collector("--config", config)
    chatter(50)
    eventually(lambda: [sink["written"] for sink in status()["sinks"]] == [50, 0], what="fifty records in the file")
    file, null = status()["sinks"]
    assert (file["type"], file["queued"], file["failures"], file["failing"], file["last_error"]) == ("file", 0, 0, False, "")
    assert null["filtered"] >= 50
    page = run("status").stdout
    assert re.search(r"all\.log +file +0 +50 ", page), page
    assert len((bus.directory / "all.log").read_text().splitlines()) == 50


def test_an_older_publisher_reports_nothing(bus, collector, status, run):
    with Publisher(bus) as publisher:
        assert publisher.hello()[6]["report"] >= 1000
        (one,) = status()["publishers"]
        assert one["reported"] == 0
        assert re.search(r"hand-1 .* \?  +\?", run("status").stdout)
        publisher.control.send(msgpack.packb(["report", publisher.id, {"unacked": 5, "later": [1, {"x": 2}]}]))
        eventually(lambda: status()["publishers"][0]["report"]["unacked"] == 5)
    with Publisher(bus, 1) as forger:  # by another connection
        forger.control.send(msgpack.packb(["report", forger.id, {"unacked": 6}]))
        forger.control.send(msgpack.packb(["info"]))
        assert forger.control.poll(30_000)
        assert status()["publishers"][0]["report"]["unacked"] == 5


# --- --watch

def test_without_a_terminal_pages_are_appended(collector, start):
    process = start(COMMAND, "status", "--watch", "-o", "json")
    eventually(lambda: len(process.output) >= 2)
    for line in process.output[:2]:
        assert json.loads(line)["store"]["trouble"] == ""
    process.signal(signal.SIGINT)
    assert process.wait() == 0
    assert "\x1b" not in "".join(process.output)


def test_whoever_reads_pages_may_go_away(collector, bus):
    done = subprocess.run(["sh", "-c", f"{COMMAND} status --watch | head -n 1"], env=bus.environment, capture_output=True, text=True, timeout=PATIENCE)
    assert done.stdout.startswith("collector") and done.stderr == ""


class Terminal:
    """`logboom status --watch` on a terminal of its own."""

    def __init__(self, environment, width=120, height=30, command=(COMMAND, "status", "--watch")):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(command[0], command, environment | {"TERM": "xterm"})
        self.resize(width, height)
        self.seen = b""
        self.before = None

    def resize(self, width, height):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def read(self):
        while select.select([self.fd], [], [], 0)[0]:
            try:
                got = os.read(self.fd, 65536)
            except OSError:  # its other end is closed
                return
            if not got:
                return
            self.seen += got

    def wait_for(self, text):
        def there():
            self.read()
            return text in self.seen

        eventually(there, what=repr(text))

    def modes(self):
        return termios.tcgetattr(self.fd)[3]

    def end(self):
        """The exit status, as of waitpid."""

        def ended():
            self.read()
            pid, code = os.waitpid(self.pid, os.WNOHANG)
            return (code,) if pid else None

        (code,) = eventually(ended)
        self.read()  # what it wrote last
        return code


@pytest.mark.parametrize("how", ["q", "ctrl-c", "escape", "SIGTERM", "SIGHUP"])
def test_the_page_leaves_the_terminal_as_it_was(bus, collector, how):
    terminal = Terminal(bus.environment)
    terminal.wait_for(b"publishers")
    assert terminal.seen.startswith(b"\x1b[?1049h\x1b[?25l")
    assert not terminal.modes() & (termios.ECHO | termios.ICANON)
    assert terminal.modes() & termios.NOFLSH, "or Ctrl-C may drop the end of the page"
    keep = os.open(os.readlink(f"/proc/{terminal.pid}/fd/1"), os.O_RDWR | os.O_NOCTTY)  # its modes outlive the command
    if how.startswith("SIG"):
        os.kill(terminal.pid, getattr(signal, how))
    else:
        os.write(terminal.fd, {"q": b"q", "ctrl-c": b"\x03", "escape": b"\x1b"}[how])
    code = terminal.end()
    assert os.waitstatus_to_exitcode(code) == 0
    assert terminal.seen.endswith(b"\x1b[?25h\x1b[?1049l")
    assert terminal.modes() & termios.ECHO and terminal.modes() & termios.ICANON and not terminal.modes() & termios.NOFLSH
    os.close(keep)
    os.close(terminal.fd)


def test_the_page_follows_the_size_of_the_terminal_and_what_happens(bus, collector, chatter):
    terminal = Terminal(bus.environment, width=200)
    terminal.wait_for(b"0 connected")
    process = chatter(10)
    terminal.wait_for(b"1 connected")
    terminal.wait_for(str(process.pid).encode())
    terminal.seen = b""
    terminal.resize(40, 8)

    def narrow():
        terminal.read()
        pages = terminal.seen.split(b"\x1b[H")
        return len(pages) > 2 and pages[-2]

    page = eventually(narrow).decode()
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", page).replace("\r", "").split("\n")
    assert len(lines) <= 8 and all(len(line) <= 40 for line in lines), lines
    os.write(terminal.fd, b"q")
    terminal.end()
    os.close(terminal.fd)


def test_ctrl_z_gives_the_terminal_back_and_fg_the_page(bus, collector):
    """Under a shell: without one there is nobody to come back to, and the system stops nothing."""
    shell = f"set -m; {COMMAND} status --watch; echo 'ba''ck'; read unused; fg >/dev/null"
    terminal = Terminal(bus.environment, command=["/bin/bash", "--norc", "-c", shell])
    terminal.wait_for(b"publishers")
    os.write(terminal.fd, b"\x1a")
    terminal.wait_for(b"back")
    assert b"\x1b[?25h\x1b[?1049l" in terminal.seen
    assert terminal.modes() & termios.ECHO and terminal.modes() & termios.ICANON
    terminal.seen = b""
    os.write(terminal.fd, b"\n")
    terminal.wait_for(b"publishers")
    assert b"\x1b[?1049h\x1b[?25l" in terminal.seen
    assert not terminal.modes() & termios.ECHO
    os.write(terminal.fd, b"q")
    assert os.waitstatus_to_exitcode(terminal.end()) == 0
    os.close(terminal.fd)


def test_a_collector_that_goes_away_is_said_and_found_again(bus, start_collector):
    first = start_collector()
    terminal = Terminal(bus.environment)
    terminal.wait_for(b"publishers")
    first.kill()
    terminal.wait_for(b"NO ANSWER")
    second = start_collector()
    terminal.wait_for(f"pid {second.pid}".encode())
    os.write(terminal.fd, b"q")
    assert os.waitstatus_to_exitcode(terminal.end()) == 0
    os.close(terminal.fd)


def test_no_collector_leaves_the_screen_alone(bus):
    terminal = Terminal(bus.environment)
    code = terminal.end()
    assert os.waitstatus_to_exitcode(code) == 3
    assert b"no collector answers" in terminal.seen and b"\x1b" not in terminal.seen
    os.close(terminal.fd)
