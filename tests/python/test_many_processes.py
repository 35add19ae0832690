"""Programs of many processes that log into the files of one, and what these files must then hold."""

import collections
import pathlib
import re
import sys

import pytest

from system_fixtures import PATIENCE

PROGRAMS = pathlib.Path(__file__).resolve().parent / "programs"


@pytest.fixture
def program(start):
    """program(name, …) runs one of programs/ to its end; its output lines."""

    def run(name, *arguments):
        process = start(sys.executable, "-B", PROGRAMS / name, *arguments)
        assert process.wait(PATIENCE * 2) == 0, process.stderr
        assert "Traceback" not in process.stderr, process.stderr
        return process.output

    return run


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_ten_processes_ten_records_one_rotating_file(program, bus, method):
    assert program("one_file.py", bus.directory, method)[-1] == "done"
    files = sorted(bus.directory.glob("mptest.log*"))
    lines = [line for file in files for line in file.read_text().splitlines()]
    assert len(files) > 1, "it was rotated"
    assert len(lines) == 100
    form = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (worker-\d) +(a\.b\.c|d\.e\.f) (\w+) +Random message #[123]")
    by_process = collections.Counter(form.fullmatch(line)[1] for line in lines)
    assert by_process == {f"worker-{i}": 10 for i in range(10)}
    assert bus.count(database=bus.directory / "logs.sqlite") == 100


def test_five_processes_a_hundred_records_and_a_configured_listener(program, bus):
    output = program("configured_listener.py", bus.directory)

    def lines(name):
        return (bus.directory / name).read_text().splitlines()

    everything, foo, errors = lines("mplog.log"), lines("mplog-foo.log"), lines("mplog-errors.log")
    assert len(everything) == 500
    stored = bus.query("SELECT logger, level FROM records WHERE logger GLOB 'foo*' OR logger GLOB 'spam*'")
    assert len(stored) == 500
    assert len(foo) == sum(logger.startswith("foo") for logger, _ in stored)
    assert len(errors) == sum(level >= 40 for _, level in stored)
    assert len(output) == sum(level >= 20 for _, level in stored)
    assert all(" foo" in line for line in foo) and all("ERROR" in line or "CRITICAL" in line for line in errors)
    for worker in range(1, 6):
        numbers = [int(line.rsplit(None, 1)[1]) for line in everything if f" worker {worker} " in line]
        assert numbers == list(range(100)), "each in the order logged"


@pytest.mark.parametrize("children, method", [(1, "spawn"), (4, "fork")])
def test_parent_and_children_under_asyncio(program, children, method):
    output = program("parent_and_child.py", children, method)
    assert output[-1] == "done"
    assert "parent|INFO|hello from parent process" in output
    for i in range(children):
        assert f"child|INFO|hello from child process {i}" in output
        assert f"child|ERROR|child {i} divides" in output
    assert sum("ZeroDivisionError" in line for line in output) >= children
