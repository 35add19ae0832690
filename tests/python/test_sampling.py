"""logboom.Sampling: which records of a call site pass, and what the next one says of those that did not."""

import logging
import threading

import logboom
import pytest


def sampled(**options):
    """A logger of its own and the list of (message, suppressed) that passes."""
    log = logging.Logger("sampled", level=1)
    passed = []
    log.addFilter(logboom.Sampling(**options))

    class Keep(logging.Handler):
        def emit(self, record):
            passed.append((record.getMessage(), getattr(record, "suppressed", None)))

    log.addHandler(Keep())
    return log, passed


def test_every():
    log, passed = sampled(every=3)
    for i in range(7):
        log.info("a %d", i)
        log.info("b %d", i)
    assert [p for p in passed if p[0][0] == "a"] == [("a 0", None), ("a 3", 2), ("a 6", 2)]
    assert [p for p in passed if p[0][0] == "b"] == [("b 0", None), ("b 3", 2), ("b 6", 2)]


def test_once():
    log, passed = sampled(once=True)
    for i in range(3):
        log.info("a %d", i)
    assert passed == [("a 0", None)]


def test_interval(monkeypatch):
    log, passed = sampled(interval=1.5)
    for now in (10.0, 10.5, 11.4, 11.5, 12.9, 13.0):
        monkeypatch.setattr("time.monotonic", lambda: now)
        log.info("at %s", now)
    assert passed == [("at 10.0", None), ("at 11.5", 2), ("at 13.0", 1)]


def test_threads_lose_no_count():
    log, passed = sampled(every=100)

    def work():
        for _ in range(5000):
            log.info("x")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passed) == 200
    assert sum(suppressed or 0 for _, suppressed in passed) == 199 * 99


def test_sites_are_bounded():
    sampling = logboom.Sampling(once=True)

    def passes(line):
        return sampling.filter(logging.LogRecord("x", 20, "file.py", line, "m", (), None))

    assert all(passes(line) for line in range(4096))
    assert not any(passes(line) for line in range(4096))
    assert passes(4096)
    assert passes(0), "the one that was silent the longest was forgotten"
    assert not passes(2)


@pytest.mark.parametrize("options", [{}, {"every": 2, "once": True}, {"every": 0}, {"interval": -1}, {"interval": float("nan")}])
def test_wrong_options(options):
    with pytest.raises(ValueError, match="Sampling"):
        logboom.Sampling(**options)


def test_the_count_is_a_field_of_the_stored_record(records):
    rows = records("""
        import logging.config
        logging.config.dictConfig({"version": 1, "filters": {"few": {"()": "logboom.Sampling", "every": 10}},
                                   "handlers": {"bus": {"class": "logboom.Handler", "filters": ["few"]}},
                                   "root": {"level": "INFO", "handlers": ["bus"]}})
        for i in range(25):
            logging.info("call %d", i, extra={"i": i})
        print(3)
        """)
    assert [(r["message"], r["fields"]) for r in rows] == [
        ("call 0", {"i": 0}), ("call 10", {"i": 10, "suppressed": 9}), ("call 20", {"i": 20, "suppressed": 9})]


def test_a_forked_child_is_not_stuck_with_its_parents_lock():
    import os
    sampling = logboom.Sampling(every=1)
    with sampling._lock:
        child = os.fork()
        if child == 0:
            sampling.filter(logging.LogRecord("x", 20, "file.py", 1, "m", (), None))
            os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
