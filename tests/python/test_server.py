"""logboom.Server: a log server in a program, for stock socket handlers and for logboom's publishers."""

import logging
import logging.handlers
import os
import pathlib
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time

import pytest

import logboom
from system_fixtures import PATIENCE, eventually


@pytest.fixture
def database(tmp_path):
    return tmp_path / "logs.sqlite"


def rows(database, where="name NOT LIKE 'logboom.%'"):
    import sqlite3

    connection = sqlite3.connect(database)
    try:
        return connection.execute(f"SELECT * FROM logs WHERE {where}").fetchall()
    finally:
        connection.close()


@pytest.fixture
def stock():
    """stock(server, logger) gives the logger a stock SocketHandler to the server."""
    added = []

    def attach(server, name="stock"):
        logger = logging.getLogger(name)
        handler = logging.handlers.SocketHandler("localhost", server.port)
        logger.addHandler(handler)
        level = logger.level
        logger.setLevel(logging.DEBUG)
        added.append((logger, handler, level))
        return handler

    yield attach
    for logger, handler, level in added:
        logger.removeHandler(handler)
        logger.setLevel(level)
        handler.close()


def test_five_lines_arrive_in_the_order_sent(database, stock):
    lines = ["Jackdaws love my big sphinx of quartz.", "Quick zephyrs blow, vexing daft Jim.", "How quickly daft jumping zebras vex.",
             "Jail zesty vixen who grabbed pay from quack.", "The five boxing wizards jump quickly."]
    with logboom.Server(database, port=0) as server:
        assert server.port > 0
        stock(server)
        logging.getLogger("stock").info(lines[0])
        for logger, level, line in zip(["stock.area1"] * 2 + ["stock.area2"] * 2, ["debug", "info", "warning", "error"], lines[1:]):
            getattr(logging.getLogger(logger), level)(line)
    assert [row[3] for row in rows(database)] == lines


def test_the_seven_columns(database, stock):
    with logboom.Server(database, port=0) as server:
        stock(server)
        before = time.time()
        logging.getLogger("stock.area").warning("only %d left", 3)
    (created, name, level, message, hostname, process, thread), = rows(database)
    assert abs(time.mktime(time.strptime(created, "%Y-%m-%dT%H:%M:%S")) - before) < 60
    assert (name, level, message) == ("stock.area", "WARNING", "only 3 left")
    assert hostname == socket.gethostname()
    assert (process, thread) == (str(os.getpid()), str(threading.get_ident()))


def test_on_exit_everything_received_is_committed_though_clients_stay(database, stock):
    with logboom.Server(database, port=0) as server:
        handler = stock(server)
        idle = [socket.create_connection(("localhost", server.port)) for _ in range(20)]
        half = socket.create_connection(("localhost", server.port))
        half.sendall(b"\x00\x00\x10\x00half a fra")
        for i in range(1000):
            logging.getLogger("stock").info("n %d", i)
        begin = time.monotonic()
    assert time.monotonic() - begin < PATIENCE
    assert [row[3] for row in rows(database)] == [f"n {i}" for i in range(1000)]
    assert handler.sock is not None
    for one in [*idle, half]:
        one.close()


def test_server_and_client_in_one_process_do_not_feed_each_other(database, stock):
    """… although a viewer gives all it sees to the same logging: one record stays one record."""
    with logboom.Server(database, port=0) as server:
        stock(server, None)
        subscriber = server.subscribe()
        viewer = threading.Thread(target=subscriber.to_logging)
        viewer.start()
        logging.getLogger("once").warning("one record")
        subprocess.run([sys.executable, "-c", textwrap.dedent(f"""
            import logging, logging.handlers
            logging.getLogger().addHandler(logging.handlers.SocketHandler("localhost", {server.port}))
            logging.getLogger("child").warning("another record")
            """)], check=True)
        eventually(lambda: subscriber._dispatcher().handled >= 1)
        eventually(lambda: server.status()["records"] >= 3)
        logging.getLogger("once").warning("the last")
        eventually(lambda: server.status()["records"] >= 4)
        subscriber.stop()
        viewer.join(PATIENCE)
        subscriber.close()
    assert sorted(row[3] for row in rows(database)) == ["another record", "one record", "the last"]


def test_without_a_store_the_records_are_there_for_subscribers(stock):
    with logboom.Server(port=0) as server:
        stock(server)
        subscriber = server.subscribe()
        logging.getLogger("stock").error("live", extra={"rows": 3})
        record = subscriber.next(PATIENCE)
        while record.logger == "logboom.collector":
            record = subscriber.next(PATIENCE)
        assert (record.message, record.level, record.fields) == ("live", 40, {"rows": 3})
        assert server.sqlite_filepath is None


def test_datagrams_and_unix_sockets(database, tmp_path):
    with logboom.Server(database, port=None, udp_port=0, unix=tmp_path / "s", unix_datagram=tmp_path / "d") as server:
        assert server.port is None
        handlers = [logging.handlers.DatagramHandler("localhost", server.udp_port),
                    logging.handlers.SocketHandler(str(tmp_path / "s"), None),
                    logging.handlers.DatagramHandler(str(tmp_path / "d"), None)]
        for i, handler in enumerate(handlers):
            handler.handle(logging.makeLogRecord({"name": "x", "msg": f"way {i}", "levelno": 20, "levelname": "INFO"}))
            handler.close()
        eventually(lambda: server.status()["records"] >= 4)
    assert sorted(row[3] for row in rows(database)) == ["way 0", "way 1", "way 2"]


def test_it_can_be_started_again_at_once_on_the_same_port_and_file(database, stock):
    with logboom.Server(database, port=0) as server:
        port = server.port
        stock(server)
        logging.getLogger("stock").info("first")
    handler = logging.handlers.SocketHandler("localhost", port)
    with logboom.Server(database, port=port) as server:
        assert server.port == port
        handler.handle(logging.makeLogRecord({"name": "x", "msg": "second", "levelno": 20, "levelname": "INFO"}))
        eventually(lambda: server.status()["last_id"] >= 5)
    handler.close()
    assert [row[3] for row in rows(database)] == ["first", "second"]


def test_mistakes_are_told_in_one_line(database):
    with logboom.Server(database, port=0) as server:
        for wrong, error in [
            (lambda: logboom.Server(database, port=None), logboom.StoreError),
            (lambda: logboom.Server(port=server.port), OSError),
            (lambda: logboom.Server(port=None, endpoint=server.endpoint), OSError),
            (lambda: logboom.Server(port=None, endpoint="pigeon://home"), ValueError),
            (lambda: logboom.Server(port=None, level="=loud"), ValueError),
            (lambda: logboom.Server(port=70000), ValueError),
            (lambda: logboom.Server("/nowhere/logs.sqlite", port=None), logboom.StoreError),
        ]:
            with pytest.raises(error) as told:
                wrong().start()
            assert "\n" not in str(told.value)
        with pytest.raises(RuntimeError):
            server.start()
    server.stop()
    with pytest.raises(RuntimeError):
        logboom.Server(database).endpoint


def test_export_lasts_as_long_as_the_context(monkeypatch):
    monkeypatch.setenv("LOGBOOM_ENDPOINT", "ipc:///tmp/before")
    with logboom.Server(port=None, export=True) as server:
        assert os.environ["LOGBOOM_ENDPOINT"] == server.endpoint == server.environment["LOGBOOM_ENDPOINT"]
        directory = pathlib.Path(server.endpoint[len("ipc://"):]).parent
        assert directory.is_dir()
    assert os.environ["LOGBOOM_ENDPOINT"] == "ipc:///tmp/before"
    assert not directory.exists()
    monkeypatch.delenv("LOGBOOM_ENDPOINT")
    with logboom.Server(port=None, export=True):
        pass
    assert "LOGBOOM_ENDPOINT" not in os.environ


def test_a_forked_child_is_harmless_and_does_not_hold_the_addresses(database, tmp_path):
    ready, told = os.pipe()
    endpoint = f"ipc://{tmp_path}/bus"
    server = logboom.Server(database, port=0, endpoint=endpoint).start()
    port = server.port
    client = socket.create_connection(("localhost", port))
    child = os.fork()
    if child == 0:
        server.stop()
        server.status()
        del server
        os.close(ready)
        os.write(told, b"x")
        while True:  # outlives the parent's server
            time.sleep(1)
    try:
        os.read(ready, 1)
        server.stop()
        client.settimeout(PATIENCE)
        assert client.recv(1) == b"", "the client sees the end"
        with logboom.Server(database, port=port, endpoint=endpoint) as again:
            assert again.port == port
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        client.close()


def test_ctrl_c_reaches_the_program(database):
    program = textwrap.dedent(f"""
        import signal, time, logboom
        signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in a shell's background
        try:
            with logboom.Server({str(database)!r}, port=None):
                print("ready", flush=True)
                time.sleep(600)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        """)
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=PATIENCE)[0] == "interrupted\n"
    assert process.returncode == 0


def test_a_program_that_forgets_to_stop_it_ends_and_keeps_what_came(database):
    program = textwrap.dedent(f"""
        import logging, logging.handlers, logboom, time
        server = logboom.Server({str(database)!r}, port=0).start()
        handler = logging.handlers.SocketHandler("localhost", server.port)
        logging.getLogger("x").addHandler(handler)
        logging.getLogger("x").warning("kept")
        """)
    subprocess.run([sys.executable, "-c", program], check=True, timeout=PATIENCE)
    assert [row[3] for row in rows(database)] == ["kept"]
