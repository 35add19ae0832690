"""The server of Python's logging cookbook with a SQLite handler that commits each record (what dagrunner's server does; this one is written here), and clients of it: what
logging.handlers.SocketHandler sends. Run as a program it is the server. Must not know what it is compared with."""

import logging
import logging.handlers
import multiprocessing
import pickle
import socket
import socketserver
import sqlite3
import struct
import sys
import time

HUNDRED = 100  # frames that are made before, and sent again and again


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


def serve(path):
    logging.getLogger().addHandler(SQLiteHandler(path))
    with Server(("127.0.0.1", 0), StreamHandler) as server:
        print(f"port {server.server_address[1]}", file=sys.stderr, flush=True)
        server.serve_forever()


def pickled_frames(client):
    """A hundred records with changing contents, as SocketHandler.makePickle makes them: two numbers, a 35-byte text, a field."""
    handler = logging.handlers.SocketHandler("127.0.0.1", 1)
    logger = logging.Logger(f"app.worker{client}")
    made = []
    for i in range(HUNDRED):
        record = logger.makeRecord(logger.name, logging.INFO, f"/srv/app/module{i % 10}.py", 10 + i % 10,
                                   "wrote %d rows in %.2f ms to %s", (i, (i % 1000) / 7, "/srv/data/run-0017/part-00042.hdf5x"), None, "write", {"step": i // 100})
        made.append(handler.makePickle(record))
    return made


def send_pickled(port, client, count, ready, go):
    """The receiver is the limit: the frames are made before."""
    hundred = b"".join(pickled_frames(client))
    ready.release()
    go.wait()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for _ in range(count // HUNDRED):
            connection.sendall(hundred)


def send_logged(port, client, count, ready, go):
    """The client is the limit: SocketHandler itself."""
    logger = logging.getLogger(f"app.worker{client}")
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    handler = logging.handlers.SocketHandler("127.0.0.1", port)
    logger.addHandler(handler)
    ready.release()
    go.wait()
    for i in range(count):
        logger.info("wrote %d rows in %.2f ms to %s", i, (i % 1000) / 7, "/srv/data/run-0017/part-00042.hdf5x", extra={"step": i // 100})
    handler.close()


def send(work, port, clients, count, committed, wait):
    """Records a second from the clients' start until `committed()` has all of them. `wait(condition, what)` polls."""
    each = count // clients // HUNDRED * HUNDRED
    ready, go = multiprocessing.Semaphore(0), multiprocessing.Event()
    running = [multiprocessing.Process(target=work, args=(port, number, each, ready, go)) for number in range(clients)]
    for client in running:
        client.start()
    for _ in running:
        ready.acquire()
    begin = time.perf_counter()
    go.set()
    for client in running:
        client.join()
    wait(lambda: committed() >= each * clients, "all that Python sent is committed")
    return each * clients / (time.perf_counter() - begin)


def rows_in(path, table):
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=60)
    try:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    finally:
        connection.close()


if __name__ == "__main__":
    serve(sys.argv[1])
