"""Fixtures of the Python module's tests: those of the system tests (bus, collector, start_collector, start, run …), and

python(code, *arguments)   a new Python process in the bus's environment that can import logboom; a Process
"""

import importlib.util
import os
import pathlib
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
