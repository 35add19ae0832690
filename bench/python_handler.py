"""What a log call costs in Python: logboom.Handler beside the handlers of the standard library that do the same or less, in one run.

    logboom.Handler       a collector runs and stores what is sent
    … fast=False          the same by way of a LogRecord, as where other handlers listen as well
    SocketHandler         to a server that reads and throws away
    QueueHandler          multiprocessing.Queue, with a process that empties it and throws away
    FileHandler           a file on this disk
    nothing               a handler that does nothing: what the LogRecord itself costs

Rounds in turn, short ones, so that what else the machine does hits all alike; before each the receivers get time to finish what they have. Per call everything is counted:
level test, LogRecord, handler. Two times: that of the clock, and the processor time of the calling thread, which does not count what others on the machine take meanwhile.
Arguments: rounds (60), calls a round (400).
"""

import logging
import logging.handlers
import multiprocessing
import os
import pathlib
import shutil
import socketserver
import statistics
import subprocess
import sys
import tempfile
import time

BUILD = pathlib.Path(os.environ.get("LOGBOOM_BUILD", pathlib.Path(__file__).resolve().parents[1] / "build" / "release"))
sys.path.insert(0, str(BUILD / "python"))

import logboom  # noqa: E402


class Nothing(logging.Handler):
    def handle(self, record):
        pass


def read_for_ever(port):
    class Reader(socketserver.BaseRequestHandler):
        def handle(self):
            while self.request.recv(1 << 16):
                pass

    with socketserver.TCPServer(("127.0.0.1", 0), Reader) as server:
        port.send(server.server_address[1])
        server.serve_forever()


def empty(queue):
    while queue.get() is not None:
        pass


def plain(log, calls):
    for k in range(calls):
        log.info("slow query: %d ms in %s", k, "users")


def with_extra(log, calls):
    for k in range(calls):
        log.info("slow query: %d ms in %s", k, "users", extra={"table": "users", "rows": k, "share": 0.5})


def set_fast(on):
    """What Handler(fast=True) does, in the midst of a run: the others are measured with module logging as it is."""
    logboom._handler._fast(on)


def measure(workload, handlers, rounds, calls):
    """Seconds a call, of the clock and of the processor: handler → one pair a round."""
    log = logging.getLogger("bench.handler")
    log.propagate = False
    log.setLevel(logging.INFO)
    times = {name: [] for name in handlers}
    for turn in range(rounds + 1):
        for name, handler in handlers.items():
            log.handlers[:] = [handler]
            set_fast(name == "logboom.Handler")
            begin, cpu = time.perf_counter(), time.thread_time()
            workload(log, calls)
            took = (time.perf_counter() - begin) / calls, (time.thread_time() - cpu) / calls
            if turn > 0:  # the first warms up
                times[name].append(took)
            logboom.flush(1)
            time.sleep(0.01)
    log.handlers[:] = []
    return times


def show(title, times):
    print(f"\n{title}\n{'':18}{'µs a call, median':>18}{'lowest':>9}{'highest':>9}{'k calls/s':>11}{'ratio':>7}{'   processor: µs, median':>25}{'ratio':>7}")
    ours = times["logboom.Handler"]
    for name, rounds in times.items():
        clock, cpu = zip(*rounds)
        ratios = [statistics.median(theirs[i] / mine[i] for theirs, mine in zip(rounds, ours)) for i in (0, 1)]
        middle = statistics.median(clock)
        print(f"{name:18}{middle * 1e6:18.2f}{min(clock) * 1e6:9.2f}{max(clock) * 1e6:9.2f}{1e-3 / middle:11.0f}{ratios[0]:7.2f}"
              f"{statistics.median(cpu) * 1e6:25.2f}{ratios[1]:7.2f}")


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    calls = int(sys.argv[2]) if len(sys.argv) > 2 else 400
    directory = pathlib.Path(tempfile.mkdtemp(prefix="logboom-bench-"))
    endpoint = f"ipc://{directory}/bus"
    fork = multiprocessing.get_context("fork")
    mine, theirs = fork.Pipe()
    server = fork.Process(target=read_for_ever, args=(theirs,), daemon=True)
    server.start()
    queue = fork.Queue()
    consumer = fork.Process(target=empty, args=(queue,), daemon=True)
    consumer.start()
    collector = subprocess.Popen([str(BUILD / "logboom"), "collect", endpoint, "--db", str(directory / "logs.sqlite")], stderr=subprocess.DEVNULL)
    try:
        ours = logboom.Handler(endpoint, spool=str(directory / "spool"))
        handlers = {
            "logboom.Handler": ours,
            "… fast=False": ours,
            "SocketHandler": logging.handlers.SocketHandler("127.0.0.1", mine.recv()),
            "QueueHandler": logging.handlers.QueueHandler(queue),
            "FileHandler": logging.FileHandler(directory / "file.log"),
            "nothing": Nothing(),
        }
        print(f"{rounds} rounds of {calls} calls, ratio: to logboom.Handler's time (median of the rounds); Python {sys.version.split()[0]}, {os.cpu_count()} processors")
        show("two arguments", measure(plain, handlers, rounds, calls))
        show("two arguments and three extra fields", measure(with_extra, handlers, rounds, calls))
        stored = logboom.flush(60)
        numbers = ours.statistics
        print(f"\nlogboom: {numbers['logged']} logged, {numbers['dropped']} dropped, {numbers['acked']} stored" + ("" if stored else " (not all in 60 s)"))
        for handler in handlers.values():
            handler.close()
        queue.put(None)
    finally:
        collector.terminate()
        collector.wait()
        for process in (server, consumer):
            process.kill()
        queue.cancel_join_thread()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
