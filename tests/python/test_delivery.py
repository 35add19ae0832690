"""The server absent, restarted, slow: log calls go on, everything arrives once."""

import collections
import signal
import time

from conftest import PATIENCE, eventually, stored


def test_ten_processes_of_ten_records(bus, collector, python):
    workers = [python("""
        import logging, logboom, sys
        logboom.attach()
        for k in range(10): logging.getLogger(f"w{sys.argv[1]}").warning("worker %s record %d", sys.argv[1], k)
        """, str(n)) for n in range(10)]
    assert [w.wait() for w in workers] == [0] * 10
    eventually(lambda: bus.count() >= 100)
    rows = stored(bus)
    assert len(rows) == 100
    for n in range(10):
        assert [r["message"] for r in rows if r["logger"] == f"w{n}"] == [f"worker {n} record {k}" for k in range(10)]
    # The columns of old.
    columns = ("created", "name", "level", "message", "hostname", "process", "thread")
    assert len(bus.query(f"SELECT {', '.join(columns)} FROM logs WHERE name LIKE 'w_'")) == 100


def test_no_server_at_all(bus, start_collector, python):
    """The program runs, ends within its bounds, and what it logged is found by whoever comes later."""
    begun = time.monotonic()
    process = python("""
        import logging, logboom
        handler = logboom.attach()
        for k in range(3000): logging.warning("n %d", k, extra={"text": "x" * 500})
        assert not logboom.flush(0.01) and handler.statistics["dropped"] == 0
        """)
    assert process.wait() == 0, process.stderr
    assert time.monotonic() - begun < PATIENCE / 2
    start_collector()
    eventually(lambda: bus.count() >= 3000)
    assert [r["message"] for r in stored(bus)] == [f"n {k}" for k in range(3000)]


def test_server_killed_and_started_again(bus, start_collector, python):
    first = start_collector()
    worker = python("""
        import logging, logboom, sys, time
        logboom.attach()
        k = 0
        print("ready", flush=True)
        while not sys.stdin.closed and k < 4000:
            logging.warning("n %d", k)
            k += 1
            if k % 20 == 0: time.sleep(0.005)
        assert logboom.flush(100)
        """)
    eventually(lambda: bus.count() > 100)
    for _ in range(3):
        first.kill()
        first = start_collector()
        before = bus.count()
        eventually(lambda: bus.count() > before or not worker.running())
    assert worker.wait(4 * PATIENCE) == 0, worker.stderr
    counts = collections.Counter(r["message"] for r in stored(bus))
    assert counts == {f"n {k}": 1 for k in range(4000)}


def test_server_that_takes_nothing_for_a_while(bus, start_collector, python):
    """Stopped amid its work: the log calls do not wait for it."""
    server = start_collector()
    worker = python("""
        import logging, logboom, sys
        handler = logboom.attach()
        logging.warning("n 0")
        assert logboom.flush(100)
        print("go", flush=True)
        import time
        time.sleep(0.1)
        for k in range(1, 5000): logging.warning("n %d", k)
        print("logged", flush=True)
        assert logboom.flush(100)
        assert handler.statistics["dropped"] == 0
        """)
    worker.wait_line("go", lines=worker.output)
    server.signal(signal.SIGSTOP)
    worker.wait_line("logged", lines=worker.output)
    server.signal(signal.SIGCONT)
    assert worker.wait(4 * PATIENCE) == 0, worker.stderr
    counts = collections.Counter(r["message"] for r in stored(bus))
    assert counts == {f"n {k}": 1 for k in range(5000)}


def test_what_does_not_fit_is_declared(bus, start_collector, python):
    process = python("""
        import logging, logboom
        handler = logboom.attach(when_full="drop", ring_capacity=131072, overflow_bound=100000)
        for k in range(20000): logging.warning("n %d", k)
        numbers = handler.statistics
        assert numbers["dropped"] > 0, numbers
        """)
    assert process.wait() == 0, process.stderr
    start_collector()

    def all_there():
        lost = bus.query("SELECT coalesce(sum(last - first + 1), 0) FROM gap")[0][0]
        return bus.count() + lost == 20000 and lost > 0

    eventually(all_there, what="logged = stored + declared")


def test_five_lines_arrive_in_the_order_sent(bus, collector, python):
    process = python("""
        import logging, logboom
        logboom.attach()
        for name in ("one", "two", "three", "four", "five"): logging.getLogger("order").error(name)
        """)
    assert process.wait() == 0
    eventually(lambda: bus.count() == 5)
    assert [r["message"] for r in stored(bus)] == ["one", "two", "three", "four", "five"]
