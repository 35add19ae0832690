"""What a log call costs in Python: logboom.Handler beside the handlers of the standard library that do the same or less, in one run.

    logboom.Handler       a collector runs and stores what is sent
    … fast=False          the same by way of a LogRecord, as where other handlers listen as well
    SocketHandler         to a server that reads and throws away
    QueueHandler          multiprocessing.Queue, with a process that empties it and throws away
    FileHandler           a file on this disk
    nothing               a handler that does nothing: what the LogRecord itself costs

Rounds in turn, short ones, so that what else the machine does hits all alike; before each the receivers get time to finish what they have. Per call everything is counted:
level test, LogRecord, handler. Two times: that of the clock, and the processor time of the calling thread, which does not count what others on the machine take meanwhile.
Arguments: address, spool, directory for the file, rounds, calls a round; a collector runs at the address. Prints one JSON object: workload → handler → [seconds of the clock, of the
processor] a call, one pair a round.
"""

import json
import logging
import logging.handlers
import multiprocessing
import pathlib
import socketserver
import sys
import time

import logboom


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


def main():
    endpoint, spool, directory, rounds, calls = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
    fork = multiprocessing.get_context("fork")
    mine, theirs = fork.Pipe()
    server = fork.Process(target=read_for_ever, args=(theirs,), daemon=True)
    server.start()
    queue = fork.Queue()
    consumer = fork.Process(target=empty, args=(queue,), daemon=True)
    consumer.start()
    try:
        ours = logboom.Handler(endpoint, spool=spool)
        handlers = {
            "logboom.Handler": ours,
            "… fast=False": ours,
            "SocketHandler": logging.handlers.SocketHandler("127.0.0.1", mine.recv()),
            "QueueHandler": logging.handlers.QueueHandler(queue),
            "FileHandler": logging.FileHandler(directory / "file.log"),
            "nothing": Nothing(),
        }
        found = {
            "two arguments": measure(plain, handlers, rounds, calls),
            "two arguments and three extra fields": measure(with_extra, handlers, rounds, calls),
        }
        stored = logboom.flush(600)
        numbers = ours.statistics
        for handler in handlers.values():
            handler.close()
        queue.put(None)
    finally:
        for process in (server, consumer):
            process.kill()
        queue.cancel_join_thread()
    json.dump({"times": found, "logged": numbers["logged"], "dropped": numbers["dropped"], "stored": stored}, sys.stdout)


if __name__ == "__main__":
    main()
