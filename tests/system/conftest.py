"""Fixtures of the system tests: real processes on a bus of their own.

bus         an isolated bus: directories, environment and address that nobody else uses
collector   a running collector on that bus, storing in bus.database
start_collector(*arguments, database=…, endpoint=…, wait=True)   another one, or one with other arguments
run(*arguments)    runs `logboom …` to its end and returns the CompletedProcess
status()           what `logboom status` knows
worker(name, …)    a program of tests/system/workers

Waiting is always for a condition: eventually(lambda: …) polls until it is true, and fails loudly when it never is.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import textwrap
import threading
import time

import pytest
import zmq

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("LOGBOOM_BUILD", HERE.parents[1] / "build" / "release"))
COMMAND = os.environ.get("LOGBOOM_COMMAND", str(BUILD / "logboom"))
SANITIZED = bool(os.environ.get("LOGBOOM_SANITIZE"))
# Long enough for a sanitized build on a busy machine: a test that waits this long has failed.
PATIENCE = 120.0 if SANITIZED else 30.0
# `./dev test --full`: tests that do a thing often, or for long, do it as often and as long as docs/reliability.md says.
FULL = bool(os.environ.get("LOGBOOM_FULL"))


def eventually(condition, timeout=PATIENCE, what="the condition"):
    """Polls until condition() is true and returns its value."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"{what} did not come true within {timeout} s"
        time.sleep(0.01)


def module_environment():
    """Where Python finds the build's module. A sanitized build has none: a test that needs it is left out there."""
    if SANITIZED:
        pytest.skip("an ordinary Python has not the sanitizer's runtime")
    return {"PYTHONPATH": str(BUILD / "python")}


class Bus:
    """Directories, environment and address of one test. Short paths: an ipc path has 102 bytes at most."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.runtime = self.directory / "run"
        self.state = self.directory / "state"
        self.spool = self.directory / "spool"
        for made in (self.runtime, self.state):
            made.mkdir(mode=0o700)
        self.path = self.runtime / "logboom" / "bus"
        self.endpoint = f"ipc://{self.path}"
        self.database = self.directory / "logs.sqlite"
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("LOGBOOM_")}
        self.environment |= {
            "XDG_RUNTIME_DIR": str(self.runtime),
            "XDG_STATE_HOME": str(self.state),
            "LOGBOOM_SPOOL": str(self.spool),
            "LOGBOOM_ENDPOINT": self.endpoint,
            "TZ": "UTC",
        }

    @property
    def push(self):
        return f"{self.endpoint}.push"

    @property
    def control(self):
        return f"{self.endpoint}.ctl"

    @property
    def live(self):
        return f"{self.endpoint}.pub"

    def query(self, sql, *parameters, database=None):
        """All rows, read while the collector writes."""
        connection = sqlite3.connect(f"file:{database or self.database}?mode=ro", uri=True, timeout=10)
        try:
            return connection.execute(sql, parameters).fetchall()
        finally:
            connection.close()

    def count(self, where="1", *parameters, database=None):
        """Records in the store, the collector's own left out."""
        try:
            return self.query(
                f"SELECT count(*) FROM records WHERE logger NOT LIKE 'logboom.%' AND ({where})",
                *parameters, database=database)[0][0]
        except sqlite3.OperationalError:  # not made yet
            return 0

    def own_log(self, text=""):
        """The collector's own messages that contain it, the first one first."""
        return [row[0] for row in self.query("SELECT message FROM records WHERE logger = 'logboom.collector' ORDER BY id") if text in row[0]]

    def spools(self):
        """Spools that somebody may adopt. What a process leaves that is killed while it makes or removes one is none (docs/spool.md, "Ownership")."""
        return [entry for entry in self.spool.iterdir() if entry.is_dir() and entry.name[0] != "."] if self.spool.exists() else []


class Process:
    """A process whose stderr and stdout are kept, line by line."""

    def __init__(self, arguments, environment, **options):
        self.lines = []
        self.output = []
        self._changed = threading.Condition()
        options.setdefault("stdout", subprocess.PIPE)
        self.process = subprocess.Popen([str(a) for a in arguments], env=environment, stderr=subprocess.PIPE,
                                        stdin=subprocess.DEVNULL, text=True, errors="replace", **options)
        self._readers = [threading.Thread(target=self._read, args=(self.process.stderr, self.lines), daemon=True)]
        if self.process.stdout is not None:
            self._readers.append(threading.Thread(target=self._read, args=(self.process.stdout, self.output), daemon=True))
        for reader in self._readers:
            reader.start()

    def _read(self, stream, lines):
        for line in stream:
            with self._changed:
                lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    @property
    def pid(self):
        return self.process.pid

    @property
    def stderr(self):
        return "\n".join(self.lines)

    def running(self):
        return self.process.poll() is None

    def wait_line(self, pattern, timeout=PATIENCE, lines=None):
        """The match of the first line on stderr (or in `lines`) that contains the pattern."""
        lines = self.lines if lines is None else lines
        expression = re.compile(pattern)
        end = time.monotonic() + timeout
        with self._changed:
            while True:
                for line in lines:
                    if found := expression.search(line):
                        return found
                dead = self.process.poll() is not None and not any(r.is_alive() for r in self._readers)
                assert not dead, f"ended with {self.process.returncode} before saying {pattern!r}:\n" + "\n".join(lines)
                assert time.monotonic() < end, f"did not say {pattern!r}:\n" + "\n".join(lines)
                self._changed.wait(0.1)

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=PATIENCE):
        """The exit code, once all output has been read."""
        code = self.process.wait(timeout)
        for reader in self._readers:
            reader.join(timeout)
        return code

    def stop(self, timeout=PATIENCE):
        """SIGTERM; the exit code."""
        if self.running():
            self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self):
        if self.running():
            self.signal(signal.SIGKILL)
        return self.wait()


class Collector(Process):
    """`logboom collect`."""

    READY = r"^logboom: collecting on (?P<endpoints>.+) into (?P<database>.+)$"

    def wait_ready(self, timeout=PATIENCE):
        found = self.wait_line(self.READY, timeout)
        self.endpoint = found["endpoints"].split(", ")[0]
        self.database = None if found["database"] == "no store" else found["database"]
        return self


def remove_memory_spools(address):
    """What publishers of this address left in memory, where they keep their spools that can have none elsewhere: `logboom recover` looks there, whoever calls it."""
    for root in ("/dev/shm", "/tmp"):
        for spool in pathlib.Path(f"{root}/logboom-{os.getuid()}/spool").glob("*"):
            with contextlib.suppress(OSError):
                if address.encode() in (spool / "publisher").read_bytes():
                    shutil.rmtree(spool, ignore_errors=True)


@pytest.fixture
def bus():
    directory = tempfile.mkdtemp(prefix="lb-")
    yield Bus(directory)
    shutil.rmtree(directory, ignore_errors=True)
    remove_memory_spools(directory)


@pytest.fixture
def processes():
    """Whatever is appended is killed at the end."""
    started = []
    yield started
    for process in started:
        process.kill()


@pytest.fixture
def start(bus, processes):
    """start(command, …): any program in the bus's environment."""

    def begin(*arguments, environment=None, **options):
        process = Process(arguments, bus.environment | (environment or {}), **options)
        processes.append(process)
        return process

    return begin


@pytest.fixture
def start_collector(bus, processes):
    def begin(*arguments, endpoint=None, database="", wait=True, environment=None, **options):
        """database: a path, None for --no-db, or the bus's own."""
        command = [COMMAND, "collect", endpoint or bus.endpoint]
        command += ["--no-db"] if database is None else ["--db", database or bus.database]
        process = Collector([*command, *arguments], bus.environment | (environment or {}), **options)
        processes.append(process)
        return process.wait_ready() if wait else process

    return begin


@pytest.fixture
def collector(start_collector):
    return start_collector()


@pytest.fixture
def run(bus):
    """run("query", …): `logboom query …` to its end."""

    def command(*arguments, environment=None, timeout=PATIENCE, **options):
        return subprocess.run([COMMAND, *(str(a) for a in arguments)], env=bus.environment | (environment or {}),
                              capture_output=True, text=True, errors="replace", timeout=timeout, **options)

    return command


@pytest.fixture
def status(run):
    """status(): what `logboom status -o json` says of the bus's collector."""

    def ask():
        done = run("status", "-o", "json")
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return json.loads(done.stdout)

    return ask


@pytest.fixture
def worker(start):
    """worker("name", …): the program built from tests/system/workers/name.cpp."""

    def begin(name, *arguments, **options):
        return start(BUILD / "workers" / name, *arguments, **options)

    return begin


@pytest.fixture
def push(bus):
    context = zmq.Context()
    made = context.socket(zmq.PUSH)
    made.connect(bus.push)
    yield made
    context.destroy(linger=1000)


@pytest.fixture
def config(bus):
    """config(part…): the file, written anew."""
    path = bus.directory / "logboom.toml"

    def write(*parts):
        path.write_text("".join(textwrap.dedent(part) for part in parts))
        return path

    return write
