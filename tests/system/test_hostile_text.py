"""Records whose texts hold terminal sequences, line ends, NUL, what is no UTF-8, marks of direction: every output of every viewer and of the console stays harmless and valid."""

import csv
import io
import json
import os
import pty
import re
import select
import time
import tty

import msgpack
import pytest
import zmq

from conftest import COMMAND, PATIENCE, eventually

NASTY = "a\x1b[2J\x1b]0;t\x07\"b',=\\ \r\n2026-01-01 00:00:00.000 ERROR fake\t\0\x08\x7f\u009b31m\u0085\u2028\u202e\u2066\u200fü😀"
PARTS = ["message", "logger", "host", "process", "thread", "file", "function", "exception_type", "exception", "stack", "task", "template"]
# Whatever moves a cursor, hides or reorders text.
HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
PYTHON = "%(asctime)s %(levelname)s %(name)s %(hostname)s %(processName)s %(threadName)s %(filename)s %(funcName)s %(taskName)s %(message)s %(value)s"
FORMATS = ["pretty", "json", "logfmt", "csv", PYTHON]


def records():
    whole = {"logger": "plain", "message": "m", "level": 20}
    made = [whole | {part: "plain." + NASTY if part == "logger" else NASTY} for part in PARTS]
    made.append(whole | {NASTY: "v", "": "empty", "time=": 1, "level_name": NASTY})
    values = [NASTY, NASTY.encode("utf-16"), b"\xff\xfe\x00\x1b[2J", float("nan"), float("inf"), float("-inf"), -0.0, 5e-324, 1.7e308, 2**64 - 1, -(2**63), None, True,
              [NASTY, {NASTY: [b"\xff", float("nan")]}], {"deep": {"deeper": [[[NASTY]]]}}, "", " ", "a b", '"', "=", "x" * 5000]
    made += [whole | {"value": value} for value in values]
    return made


class Terminal:
    """The end of a terminal that a program writes to; what it writes comes as it is."""

    def __init__(self):
        self.fd, self.slave = pty.openpty()
        tty.setraw(self.slave)
        self.seen = b""

    def read_until(self, text):
        end = time.monotonic() + PATIENCE
        while text not in self.seen:
            assert time.monotonic() < end, self.seen[-2000:]
            if select.select([self.fd], [], [], 1)[0]:
                self.seen += os.read(self.fd, 1 << 16)
        return self.seen.decode()  # strictly

    def close(self):
        os.close(self.fd)
        os.close(self.slave)


@pytest.fixture
def terminal():
    made = []

    def make():
        made.append(Terminal())
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def send_all(bus):
    """Everything that hurts, then a last one with a mark."""
    with zmq.Context() as context, context.socket(zmq.PUSH) as push:
        push.linger = int(PATIENCE * 1000)
        push.connect(bus.push)

        def send():
            for record in records():
                push.send(msgpack.packb(record))
            push.send_json({"logger": "plain", "message": "END OF ALL", "value": 1})
            eventually(lambda: bus.query("SELECT count(*) FROM records WHERE message = 'END OF ALL'") == [(1,)])

        yield send


def check_harmless(text):
    text = COLOUR.sub("", text)
    found = HARMFUL.search(text)
    assert not found, ascii(text[max(found.start() - 80, 0):found.start() + 40])


def logfmt_pairs(line):
    pairs = re.findall(r' ?([^ ="]+)=("(?:[^"\\]|\\.)*"|[^ "]*)', line)
    assert "".join(f" {key}={value}" for key, value in pairs)[1:] == line, line
    return [(key, json.loads(value) if value.startswith('"') else value) for key, value in pairs]


def check_valid(text, form):
    """@return the number of records in it"""
    if form == "json":
        made = [json.loads(line, parse_constant=pytest.fail) for line in text.split("\n") if line]
        assert all(isinstance(one["fields"], dict) for one in made)
        assert any("ü😀" in one["message"] and one["message"].startswith("a\x1b[2J") for one in made), "the same text to a parser"
        return len(made)
    if form == "csv":
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
        assert all(len(row) == len(rows[0]) for row in rows), "as many cells as columns"
        return len(rows) - 1
    if form == "logfmt":
        made = [logfmt_pairs(line) for line in text.split("\n") if line]
        assert all([key for key, _ in pairs][:4] == ["time", "level", "logger", "message"] for pairs in made)
        return len(made)
    if form == "pretty":
        # No record can pass for another: only a record's first line begins with a time.
        return len(re.findall(r"^\d{4}-\d\d-\d\d ", COLOUR.sub("", text), re.MULTILINE))
    return None


@pytest.mark.parametrize("form", FORMATS, ids=["pretty", "json", "logfmt", "csv", "python"])
def test_terminals_are_safe_and_formats_valid(bus, start_collector, start, config, terminal, send_all, form):
    console, follower, reader = terminal(), terminal(), terminal()
    path = config(f"""
        [[sink]]
        type = "console"
        logger = "plain"
        format = {json.dumps(form)}
        color = "always"
        [[sink]]
        type = "file"
        path = "all.log"
        logger = "plain"
        format = {json.dumps(form)}
        """)
    collector = start_collector("--config", path, cwd=bus.directory, stdout=console.slave)
    send_all()
    shown = [console.read_until(b"END OF ALL")]
    tail = start(COMMAND, "tail", "--since", "1d", "-o", form, "-n", "plain", "--color", "always", stdout=follower.slave)
    shown.append(follower.read_until(b"END OF ALL"))
    tail.kill()
    query = start(COMMAND, "query", "-o", form, "-n", "plain", "--color", "always", stdout=reader.slave)
    shown.append(reader.read_until(b"END OF ALL"))
    assert query.wait() == 0
    for text in shown:
        check_harmless(text.replace("\r\n", "\n") if form == "csv" else text)
    assert collector.stop() == 0

    with open(bus.directory / "piped", "wb") as piped:
        assert start(COMMAND, "query", "--db", bus.database, "-o", form, "-n", "plain", "--color", "never", stdout=piped).wait() == 0
    expected = bus.query("SELECT count(*) FROM records WHERE logger LIKE 'plain%'")[0][0] - 1
    assert expected == len(records()), "all are stored"
    for name in ("piped", "all.log"):
        text = (bus.directory / name).read_bytes().decode()
        if form in ("pretty", "json", "logfmt"):
            check_harmless(text)  # of these a program's reader may be a terminal as well
        if form != PYTHON:
            assert check_valid(text, form) == expected + 1
