# ctest: timeout=900
"""Processes: fork, multiprocessing in its three ways, futures, subprocess; ends of every kind. What was logged is stored exactly once."""

import collections
import signal

import pytest
from conftest import PATIENCE, eventually, stored


def exactly(bus, wanted):
    """Each of the wanted messages is there once, and none besides; `wanted` maps process → number of records 0 … n-1, told as "process number"."""
    total = sum(wanted.values())
    eventually(lambda: bus.count() >= total, timeout=3 * PATIENCE, what=f"{total} records")
    counts = collections.Counter(row["message"] for row in stored(bus))
    assert counts == {f"{process} {k}": 1 for process, n in wanted.items() for k in range(n)}


COMMON = """
import concurrent.futures, logging, multiprocessing, os, signal, subprocess, sys, threading, time
import logboom

def work(who, n=10):
    # Without set-up where the handler is inherited.
    log = logging.getLogger("w")
    for k in range(n):
        log.warning("%s %d", who, k)
    return os.getpid()

def attach_and_work(who, n=10):
    logboom.attach()
    return work(who, n)
"""


@pytest.fixture
def script(start, tmp_path):
    """script(code): a program in a file, as spawn and forkserver need it; its main part is `code`."""
    import sys
    import textwrap

    def begin(code, *arguments, **options):
        path = tmp_path / "program.py"
        path.write_text(COMMON + "\nif __name__ == '__main__':\n" + textwrap.indent(textwrap.dedent(code), "    "))
        return start(sys.executable, "-B", path, *arguments, **options)

    return begin


def test_os_fork(bus, collector, script):
    """Ends by os._exit at once: nothing is flushed, nothing is lost."""
    process = script("""
        logboom.attach()
        work("parent", 5)
        for child in range(10):
            if os.fork() == 0:
                work(f"child{child}", 20)
                os._exit(0)
        for _ in range(10): os.wait()
        work("later", 5)
        """)
    assert process.wait() == 0, process.stderr
    exactly(bus, {"parent": 5, "later": 5} | {f"child{k}": 20 for k in range(10)})
    rows = stored(bus)
    assert len({r["pid"] for r in rows}) == 11 and len({r["publisher"] for r in rows}) == 11
    for row in rows:
        assert row["thread"] == "MainThread" and row["process"] == "program.py"
    for message in ("child3 0", "parent 0"):
        row = next(r for r in rows if r["message"] == message)
        assert ("relative_created" in row["attributes"]) == message.startswith("child")


def test_forks_of_forks(bus, collector, script):
    process = script("""
        logboom.attach()
        name = "p"
        for depth in range(4):
            work(f"{name}-{depth}", 3)
            if os.fork() == 0: name += str(depth)
            elif depth == 3:
                for _ in range(1): os.wait()
        os._exit(0)
        """)
    process.wait()
    eventually(lambda: bus.count() >= 3 * 15)
    counts = collections.Counter(r["message"] for r in stored(bus))
    assert len(counts) == 3 * 15 and set(counts.values()) == {1}


def test_fork_while_other_threads_log(bus, collector, script):
    """Many times: no deadlock, nothing lost, nothing twice."""
    forks, threads = 60, 4
    process = script(f"""
        logboom.attach()
        stop = threading.Event()
        counts = [0] * {threads}
        def run(t):
            log = logging.getLogger("t")
            while not stop.is_set():
                log.warning("thread%d %d", t, counts[t], extra={{"x": [t, {{"k": (1,)}}]}})
                counts[t] += 1
                if counts[t] % 50 == 0: time.sleep(0.001)
        running = [threading.Thread(target=run, args=(t,)) for t in range({threads})]
        for t in running: t.start()
        for child in range({forks}):
            pid = os.fork()
            if pid == 0:
                work(f"child{{child}}", 5)
                os._exit(7)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
        stop.set()
        for t in running: t.join()
        print(*counts, flush=True)
        """)
    assert process.wait(4 * PATIENCE) == 0, process.stderr
    counts = [int(n) for n in process.output[-1].split()]
    exactly(bus, {f"child{k}": 5 for k in range(forks)} | {f"thread{t}": n for t, n in enumerate(counts)})


@pytest.mark.parametrize("method, attaches", [("fork", False), ("fork", True), ("spawn", True), ("forkserver", True)])
def test_multiprocessing(bus, collector, script, method, attaches):
    """Ten processes of ten records each; the parent logs as well."""
    process = script(f"""
        context = multiprocessing.get_context("{method}")
        logboom.attach()
        work("parent", 10)
        children = [context.Process(target={"attach_and_work" if attaches else "work"}, args=(f"child{{k}}",), name=f"Child-{{k}}") for k in range(10)]
        for child in children: child.start()
        for child in children: child.join()
        assert all(child.exitcode == 0 for child in children)
        """)
    assert process.wait(4 * PATIENCE) == 0, process.stderr
    exactly(bus, {"parent": 10} | {f"child{k}": 10 for k in range(10)})
    for row in stored(bus, "message LIKE 'child%'"):
        assert row["attributes"]["process_name"] == f"Child-{row['message'].split()[0][5:]}"
    assert len({r["pid"] for r in stored(bus)}) == 11


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_pool_and_its_terminate(bus, collector, script, method):
    process = script(f"""
        logboom.attach()
        with multiprocessing.get_context("{method}").Pool(3, initializer=logboom.attach) as pool:
            pool.starmap(work, [(f"job{{k}}", 7) for k in range(20)])
        # The end of the block is Pool.terminate().
        """)
    assert process.wait(4 * PATIENCE) == 0, process.stderr
    exactly(bus, {f"job{k}": 7 for k in range(20)})


def test_futures_and_threads(bus, collector, script):
    process = script("""
        logboom.attach()
        with concurrent.futures.ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
            list(pool.map(work, [f"process{k}" for k in range(8)]))
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(work, [f"thread{k}" for k in range(8)]))
        """)
    assert process.wait(4 * PATIENCE) == 0, process.stderr
    exactly(bus, {f"{kind}{k}": 10 for kind in ("process", "thread") for k in range(8)})


def test_subprocess_finds_the_bus_by_the_environment(bus, collector, script):
    process = script("""
        logboom.attach()
        work("parent")
        if len(sys.argv) == 1:
            for _ in range(3):
                subprocess.run([sys.executable, "-c", "import logging, logboom, os; logboom.attach(); logging.warning('sub%d 0', os.getpid())"], check=True)
        """)
    assert process.wait(4 * PATIENCE) == 0, process.stderr
    eventually(lambda: bus.count() >= 13)
    counts = collections.Counter(r["message"] for r in stored(bus))
    assert set(counts.values()) == {1} and len(counts) == 13
    assert sum(m.startswith("sub") for m in counts) == 3


@pytest.mark.parametrize("end", ["os._exit(3)", "os.kill(os.getpid(), signal.SIGKILL)", "os.abort()", "sys.exit(0)", "raise SystemExit(1)",
                                 "raise RuntimeError", "os.execvp('true', ['true'])"])
def test_ends_of_every_kind(bus, collector, script, end):
    process = script(f"""
        logboom.attach()
        work("main", 500)
        {end}
        """)
    process.wait()
    exactly(bus, {"main": 500})


def test_children_that_are_killed(bus, collector, script):
    """Each says how far it came, after each record: all of them are stored, and at most one that it had no time to tell of."""
    process = script("""
        logboom.attach()
        pipes = []
        for child in range(6):
            reader, writer = os.pipe()
            pid = os.fork()
            if pid == 0:
                for k in range(10**9):
                    logging.warning("child%d %d", child, k)
                    os.write(writer, b".")
            os.close(writer)
            pipes.append((pid, reader))
        for n, (pid, reader) in enumerate(pipes):
            got = b""
            while len(got) < 300 * (n + 1): got += os.read(reader, 65536)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            while more := os.read(reader, 65536): got += more
            print(len(got), flush=True)
        """)
    assert process.wait(4 * PATIENCE) == 0, process.stderr
    told = [int(n) for n in process.output]

    def counts():
        return [bus.count(f"message LIKE 'child{k} %'") for k in range(6)]

    eventually(lambda: all(n >= t for n, t in zip(counts(), told)), timeout=3 * PATIENCE)
    for k, (n, t) in enumerate(zip(counts(), told)):
        assert n in (t, t + 1)
        assert len({r["message"] for r in stored(bus, f"message LIKE 'child{k} %'")}) == n


def test_interpreter_ends_with_daemon_threads_logging(bus, collector, script):
    """Bounded, no crash, and whatever a thread had told of before the end is there once."""
    for turn in range(5):
        process = script(f"""
            logboom.attach()
            def run(t):
                k = 0
                while True:
                    logging.warning("turn{turn}.%d %d", t, k)
                    told[t] = k = k + 1
            told = [0] * 4
            for t in range(4): threading.Thread(target=run, args=(t,), daemon=True).start()
            while min(told) < 200: time.sleep(0.001)
            print(*told, flush=True)
            """)
        assert process.wait(2 * PATIENCE) == 0, process.stderr
        assert process.stderr == ""
        for t, n in enumerate(int(n) for n in process.output[-1].split()):
            eventually(lambda: bus.count(f"message LIKE 'turn{turn}.{t} %'") >= n)
    eventually(lambda: not [s for s in bus.spools() if s.name != "adopting"], what="the end of the spools")
    rows = [r["message"] for r in stored(bus)]
    assert len(rows) == len(set(rows))


def test_signal_handlers_may_log(bus, collector, script):
    """Python runs them between two bytecodes of the main thread: also amid the Python code that a log call is made of."""
    process = script("""
        logboom.attach()
        import itertools
        numbers = itertools.count()  # a handler may be interrupted by the next signal
        def handler(*_): logging.warning("signal %d", next(numbers))
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        work("main", 20000)
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(next(numbers))
        """)
    assert process.wait(4 * PATIENCE) == 0, process.stderr
    exactly(bus, {"main": 20000, "signal": int(process.output[-1])})


def test_a_terminated_process_flushes_nothing_and_loses_nothing(bus, collector, script):
    process = script("""
        logboom.attach()
        work("main", 300)
        print("ready", flush=True)
        time.sleep(1000)
        """)
    process.wait_line("ready", lines=process.output)
    process.signal(signal.SIGTERM)
    assert process.wait() == -signal.SIGTERM
    exactly(bus, {"main": 300})
