"""pytest: the fixture `logboom_records`, which sees what the test and its child processes log.

Installed with the package; in a source tree: pytest_plugins = ["logboom.pytest_plugin"].
"""

import collections.abc
import shutil
import tempfile
import threading
import time

import pytest


class Records(collections.abc.Sequence):
    """The records seen so far, in the order stored. A snapshot is list(records)."""

    def __init__(self, subscriber, server):
        self._subscriber = subscriber
        self._records = []
        self._changed = threading.Condition()
        self._failure = None
        #: Address of the test's bus; children find it as LOGBOOM_ENDPOINT.
        self.endpoint = server.endpoint
        self._thread = threading.Thread(target=self._read, name="logboom-records", daemon=True)
        self._thread.start()

    def _read(self):
        try:
            for record in self._subscriber:
                if record.logger == "logboom.collector":
                    continue
                with self._changed:
                    self._records.append(record)
                    self._changed.notify_all()
        except Exception as error:
            with self._changed:
                self._failure = error
                self._changed.notify_all()

    def __len__(self):
        return len(self._records)

    def __getitem__(self, index):
        return self._records[index]

    def __repr__(self):
        return f"<{len(self)} records: {self.messages!r}>"

    @property
    def messages(self):
        return [record.message for record in list(self._records)]

    def clear(self):
        """Forgets what was seen so far."""
        with self._changed:
            self._records.clear()

    def wait(self, wanted=1, timeout=30.0):
        """Waits until so many records were seen, or until wanted(records) is true; fails the test when that takes too long. Returns the records."""
        condition = wanted if callable(wanted) else lambda records: len(records) >= wanted
        end = time.monotonic() + timeout
        with self._changed:
            while not condition(self):
                if self._failure is not None:
                    raise self._failure
                left = end - time.monotonic()
                if left <= 0:
                    pytest.fail(f"what was waited for did not come within {timeout} s; seen: {self!r}")
                self._changed.wait(left)
        return self

    def _end(self):
        self._subscriber.stop()
        self._thread.join()
        self._subscriber.close()


@pytest.fixture
def logboom_records(monkeypatch):
    """A bus of the test's own, to which child processes publish, and the records that arrive there: list-like, with wait().

        def test_workers(logboom_records):
            subprocess.run([sys.executable, "-c", "import logging, logboom; logboom.attach(); logging.warning('hi')"])
            assert logboom_records.wait(1).messages == ["hi"]
    """
    from . import Server

    directory = tempfile.mkdtemp(prefix="lb-", dir="/tmp")  # short: sockets are in it
    monkeypatch.setenv("LOGBOOM_SPOOL", f"{directory}/spool")
    monkeypatch.delenv("LOGBOOM_LEVEL", raising=False)
    try:
        with Server(f"{directory}/logs.sqlite", port=None, endpoint=f"ipc://{directory}/bus",
                    adopt=[f"{directory}/spool"]) as server:
            monkeypatch.setenv("LOGBOOM_ENDPOINT", server.endpoint)
            records = Records(server.subscribe(wait=30), server)
            try:
                yield records
            finally:
                records._end()
    finally:
        shutil.rmtree(directory, ignore_errors=True)
