"""Fixtures of the Python module's tests: those of the system tests (bus, collector, start_collector, start, run …), and

python(code, *arguments)   a new Python process in the bus's environment that can import logboom; a Process
"""

import importlib.util
import json
import os
import pathlib
import sqlite3
import sys
import textwrap

import pytest

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("LOGBOOM_BUILD", HERE.parents[1] / "build" / "release"))
PACKAGE = BUILD / "python"
if str(PACKAGE) not in sys.path:
    sys.path.insert(0, str(PACKAGE))
os.environ["PYTHONPATH"] = str(PACKAGE)

# The fixtures of tests/system, under a name of their own: both files are called conftest.
_spec = importlib.util.spec_from_file_location("system_fixtures", HERE.parent / "system" / "conftest.py")
system = importlib.util.module_from_spec(_spec)
sys.modules["system_fixtures"] = system
_spec.loader.exec_module(system)

from system_fixtures import (  # noqa: E402, F401
    COMMAND, PATIENCE, Bus, Collector, Process, bus, collector, eventually, processes, run, start, start_collector)


@pytest.fixture
def python(start):
    def begin(code, *arguments, **options):
        return start(sys.executable, "-B", "-c", textwrap.dedent(code), *arguments, **options)

    return begin


def stored(bus, where="1"):
    """The records in the store as dicts, fields and attributes read, the collector's and publishers' own left out; in the order stored."""
    connection = sqlite3.connect(f"file:{bus.database}?mode=ro", uri=True, timeout=10)
    connection.row_factory = sqlite3.Row
    try:
        rows = [dict(row) for row in connection.execute(
            f"SELECT * FROM records WHERE logger NOT LIKE 'logboom.%' AND ({where}) ORDER BY id")]
    finally:
        connection.close()
    for row in rows:
        for column in ("fields", "attributes"):
            row[column] = json.loads(row[column]) if row[column] else {}
    return rows


@pytest.fixture
def records(bus, collector, python):
    """records(code) runs a program to its end, which must be good, and returns what is stored of it once as many records are there as it says (the last number on its stdout,
    else at least one)."""

    def run_it(code, *arguments, **options):
        process = python(code, *arguments, **options)
        assert process.wait() == 0, process.stderr
        wanted = int(process.output[-1]) if process.output and process.output[-1].isdigit() else 1
        eventually(lambda: bus.count() >= wanted, what=f"{wanted} records in the store")
        found = stored(bus)
        assert len(found) == wanted or not process.output, [row["message"] for row in found]
        return found

    return run_it
