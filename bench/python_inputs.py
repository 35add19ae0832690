"""Receiving what Python's stock SocketHandler sends: `logboom collect --python-tcp` beside the server of the logging cookbook with a SQLite handler that commits each
record (what dagrunner's server does; this one is written here). Both store into a file of the same directory, turn by turn, in one run; a run ends when every record is committed.

Clients: 2 processes that send frames pickled before (so that the receiver is the limit), then 2 processes with logging.handlers.SocketHandler itself (so that the client is).

What it does not show: a network between the two, many clients at once, records with large fields.
BENCH_SECONDS (3): about how long each turn of the collector may take.
"""

import logging
import logging.handlers
import multiprocessing
import os
import pathlib
import pickle
import re
import signal
import socket
import socketserver
import sqlite3
import statistics
import struct
import subprocess
import tempfile
import time

COMMAND = os.environ.get("LOGBOOM_COMMAND", str(pathlib.Path(__file__).resolve().parents[1] / "build/release/logboom"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "3"))
CLIENTS = 2
ROUNDS = 3


# The cookbook's receiver, and a handler that stores as dagrunner does.


class SQLiteHandler(logging.Handler):
    def __init__(self, path):
        super().__init__()
        self.connection = sqlite3.connect(path, check_same_thread=False)
        self.connection.execute("CREATE TABLE logs(created TEXT, name TEXT, level TEXT, message TEXT, hostname TEXT, process TEXT, thread TEXT)")
        self.connection.commit()

    def emit(self, record):
        self.connection.execute("INSERT INTO logs VALUES (?, ?, ?, ?, ?, ?, ?)", (
            time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(record.created)), record.name, record.levelname, record.getMessage(),
            socket.gethostname(), str(record.process), str(record.thread)))
        self.connection.commit()


class StreamHandler(socketserver.StreamRequestHandler):
    def handle(self):
        while True:
            chunk = self.connection.recv(4)
            if len(chunk) < 4:
                return
            length = struct.unpack(">L", chunk)[0]
            chunk = self.connection.recv(length)
            while len(chunk) < length:
                chunk += self.connection.recv(length - len(chunk))
            record = logging.makeLogRecord(pickle.loads(chunk))
            logging.getLogger(record.name).handle(record)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def serve(path, ready):
    logging.getLogger().addHandler(SQLiteHandler(path))
    with Server(("127.0.0.1", 0), StreamHandler) as server:
        ready.send(server.server_address[1])
        server.serve_forever()


class Cookbook:
    name = "cookbook server, a commit a record"
    table = "logs"

    def __init__(self, directory):
        self.path = directory / "cookbook.sqlite"
        mine, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=serve, args=(self.path, theirs))
        self.process.start()
        self.port = mine.recv()

    def stop(self):
        self.process.kill()
        self.process.join()


class Logboom:
    name = "logboom collect --python-tcp"
    table = "record JOIN site ON site.id = site_id WHERE logger NOT LIKE 'logboom.%'"

    def __init__(self, directory):
        self.path = directory / "logboom.sqlite"
        command = [COMMAND, "collect", f"ipc://{directory}/bus", "--db", self.path, "--no-adopt", "--python-tcp", "0"]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.port = int(re.search(r"python-tcp 127\.0\.0\.1:(\d+)", self.process.stderr.readline())[1])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.stderr.read()
        assert self.process.wait() == 0


# Clients.


def frames(client):
    """A hundred records with changing contents, as SocketHandler.makePickle makes them."""
    handler = logging.handlers.SocketHandler("127.0.0.1", 1)
    logger = logging.Logger(f"app.worker{client}")
    made = []
    for i in range(100):
        record = logger.makeRecord(logger.name, (20, 30, 10, 40)[i % 4], f"/srv/app/module{i % 10}.py", 10 + i % 10,
                                   "solved %d cells of block %s in %.1f ms", (i * 37, f"b{i}", i / 7), None, "solve", {"step": i, "table": "users"})
        made.append(handler.makePickle(record))
    return made


def send_pickled(port, client, count, go):
    hundred = b"".join(frames(client))
    go.wait()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for _ in range(count // 100):
            connection.sendall(hundred)


def send_logged(port, client, count, go):
    logger = logging.getLogger(f"app.worker{client}")
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    handler = logging.handlers.SocketHandler("127.0.0.1", port)
    logger.addHandler(handler)
    go.wait()
    for i in range(count):
        logger.warning("solved %d cells of block %s in %.1f ms", i, "b", i / 7, extra={"step": i, "table": "users"})
    handler.close()


def committed(server):
    connection = sqlite3.connect(f"file:{server.path}?mode=ro", uri=True, timeout=30)
    try:
        return connection.execute(f"SELECT count(*) FROM {server.table}").fetchone()[0]
    finally:
        connection.close()


def rate(kind, send, count):
    """Records a second from the clients' start to the last commit."""
    with tempfile.TemporaryDirectory(prefix="lb-bench-") as directory:
        server = kind(pathlib.Path(directory))
        try:
            go = multiprocessing.Event()
            clients = [multiprocessing.Process(target=send, args=(server.port, n, count // CLIENTS, go)) for n in range(CLIENTS)]
            for client in clients:
                client.start()
            time.sleep(0.5)  # clients that are ready; not counted
            begin = time.perf_counter()
            go.set()
            for client in clients:
                client.join()
            wanted = count // CLIENTS // 100 * 100 * CLIENTS
            while committed(server) < wanted:
                time.sleep(0.005)
            return wanted / (time.perf_counter() - begin)
        finally:
            server.stop()


def compare(title, send, quick, slow):
    print(f"\n{title}")
    rates = {Logboom: [], Cookbook: []}
    for _ in range(ROUNDS):  # turn by turn: the machine's moods are for both
        rates[Logboom].append(rate(Logboom, send, quick))
        rates[Cookbook].append(rate(Cookbook, send, slow))
    for kind, found in rates.items():
        print(f"  {kind.name:36} {statistics.median(found):12,.0f} records/s   ({', '.join(f'{r:,.0f}' for r in found)})")
    print(f"  ratio {statistics.median(rates[Logboom]) / statistics.median(rates[Cookbook]):26,.0f}")


if __name__ == "__main__":
    print(f"{CLIENTS} clients, {len(frames(0)[0])} bytes a frame; median of {ROUNDS} turns")
    compare("frames pickled before", send_pickled, int(SECONDS * 200_000), int(SECONDS * 200))
    compare("logging.handlers.SocketHandler", send_logged, int(SECONDS * 20_000), int(SECONDS * 200))
