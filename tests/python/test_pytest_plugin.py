"""The fixture logboom_records."""

import os
import subprocess

import pytest

from system_fixtures import BUILD, COMMAND

pytest_plugins = ["logboom.pytest_plugin"]


def test_sees_what_child_processes_log(logboom_records):
    assert len(logboom_records) == 0
    children = [subprocess.Popen([COMMAND, "send", "-n", f"child.{i}", f"message {i}"]) for i in range(3)]
    assert all(child.wait() == 0 for child in children)
    records = logboom_records.wait(3)
    assert sorted(record.message for record in records) == ["message 0", "message 1", "message 2"]
    assert sorted(logboom_records.messages) == sorted(records.messages)
    assert {record.logger for record in records} == {"child.0", "child.1", "child.2"}
    assert logboom_records[0] in list(logboom_records)


def test_sees_what_a_killed_child_had_logged(logboom_records, tmp_path):
    child = subprocess.Popen([BUILD / "workers" / "burst", tmp_path / "count", "500", "--hold"], stdout=subprocess.DEVNULL)
    try:
        logboom_records.wait(1)
    finally:
        child.kill()
        child.wait()
    logboom_records.wait(lambda records: [r.fields["i"] for r in records if r.logger == "burst"] == list(range(1, 501)))


def test_clear_forgets(logboom_records):
    subprocess.run([COMMAND, "send", "one"], check=True)
    logboom_records.wait(1).clear()
    subprocess.run([COMMAND, "send", "two"], check=True)
    assert logboom_records.wait(1).messages == ["two"]


def test_waiting_in_vain_fails_the_test_and_says_what_was_seen(logboom_records):
    subprocess.run([COMMAND, "send", "the only one"], check=True)
    logboom_records.wait(1)
    with pytest.raises(pytest.fail.Exception, match="the only one"):
        logboom_records.wait(2, timeout=0.2)


def test_the_environment_is_as_before():
    assert "lb-" not in os.environ.get("LOGBOOM_ENDPOINT", "")
