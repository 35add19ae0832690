# ctest: timeout=300
"""More peers than a collector has room for: it lives, serves those that it has, and takes others when some have left."""

import os
import resource

import pytest
import zmq

from conftest import COMMAND, PATIENCE, eventually

LIMIT = 160  # open files of the collector


@pytest.fixture
def context():
    context = zmq.Context()
    context.set(zmq.MAX_SOCKETS, 4000)
    yield context
    context.destroy(linger=0)


def few_files():
    resource.setrlimit(resource.RLIMIT_NOFILE, (LIMIT, LIMIT))


def open_files(process):
    return len(os.listdir(f"/proc/{process.pid}/fd"))


def crowd(context, address, count, kind=zmq.PUSH):
    sockets = []
    for _ in range(count):
        sockets.append(context.socket(kind))
        sockets[-1].setsockopt(zmq.RECONNECT_IVL, 20)
        sockets[-1].setsockopt(zmq.LINGER, 0)
        sockets[-1].connect(address)
    return sockets


def plain(text):
    return b'{"logger": "plain", "message": "%s"}' % text.encode()


@pytest.mark.parametrize("transport", ["ipc", "tcp"])
def test_more_publishers_than_descriptors(bus, start_collector, worker, context, transport):
    endpoint = bus.endpoint if transport == "ipc" else "tcp://127.0.0.1:0"
    collector = start_collector(endpoint=endpoint, preexec_fn=few_files)
    environment = {"LOGBOOM_ENDPOINT": collector.endpoint}
    if transport == "ipc":
        push, control, live = f"{bus.endpoint}.push", f"{bus.endpoint}.ctl", f"{bus.endpoint}.pub"
    else:
        host, port = collector.endpoint.rsplit(":", 1)
        push, control, live = (f"{host}:{int(port) + i}" for i in range(3))
    first = crowd(context, push, 1)[0]
    first.send(plain("before"))
    eventually(lambda: bus.count("message = 'before'") == 1)

    many = crowd(context, push, 400) + crowd(context, control, 400, zmq.DEALER) + crowd(context, live, 400, zmq.SUB)
    collector.wait_line("connections are open, the most that are served")
    # Those it has are served all the while.
    for n in range(50):
        first.send(plain(f"during {n}"))
    eventually(lambda: bus.count("message LIKE 'during %'") == 50)
    assert collector.running()
    assert open_files(collector) < LIMIT

    for socket_ in many:
        socket_.close(0)
    late = worker("burst", bus.directory / "count", 100, environment=environment)
    assert late.wait(PATIENCE * 2) == 0
    eventually(lambda: bus.count("logger = 'burst'") == 100)
    assert len(bus.own_log("the most that are served")) == 1, "said once"
    assert collector.stop() == 0


def test_max_connections(bus, start_collector, context):
    collector = start_collector("--max-connections", "10")
    many = crowd(context, bus.push, 100)
    collector.wait_line("10 connections are open")
    many[0].close(0)
    for socket_ in many[:50]:
        socket_.close(0)
    for socket_ in many[50:]:
        socket_.send(plain("one of them"))
    # In turn: who is through leaves, and another one comes in.
    shown = set()

    def leave():
        stored = bus.count("message = 'one of them'")
        for socket_ in many[50:50 + max(0, stored - 5)]:
            if socket_ not in shown:
                shown.add(socket_)
                socket_.close(1000)
        return stored >= 10

    eventually(leave, PATIENCE * 2)
    assert collector.stop() == 0


def test_a_killed_collector_that_was_full_leaves_nothing_in_the_way(bus, start_collector, context):
    collector = start_collector("--max-connections", "5")
    many = crowd(context, bus.push, 50)
    collector.wait_line("5 connections are open")
    assert not bus.path.with_name("bus.push").exists()
    collector.kill()
    for socket_ in many:
        socket_.close(0)
    start_collector()
    assert not bus.path.with_name("bus.push.full").exists()
    push = crowd(context, bus.push, 1)[0]
    push.send(plain("after"))
    eventually(lambda: bus.count("message = 'after'") == 1)


@pytest.mark.parametrize("transport", ["ipc", "tcp"])
def test_a_viewer_that_subscribes_to_everything_there_is_is_cut_off_and_others_are_not(bus, start_collector, start, context, transport):
    collector = start_collector(endpoint=bus.endpoint if transport == "ipc" else "tcp://127.0.0.1:0")
    if transport == "ipc":
        push, live = bus.push, bus.live
    else:
        host, port = collector.endpoint.rsplit(":", 1)
        push, live = collector.endpoint, f"{host}:{int(port) + 2}"
    tail = start(COMMAND, "tail", collector.endpoint, "-n", "plain", "-o", "%(message)s", "--count", "20")
    sender = crowd(context, push, 1)[0]
    sender.send(plain("first"))
    eventually(lambda: sender.send(plain("first")) or tail.output)

    hostile = context.socket(zmq.XSUB)
    hostile.setsockopt(zmq.LINGER, 0)
    hostile.setsockopt(zmq.SNDHWM, 0)
    monitor = hostile.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    hostile.connect(live)
    for n in range(6000):
        hostile.send(b"\x01" + b"%08d" % n + b"x" * 1000)
    assert monitor.poll(PATIENCE * 1000), "it was cut off"
    hostile.disable_monitor()
    hostile.close(0)
    eventually(lambda: bus.own_log("subscribed to more than there is room for"))
    for n in range(20):
        sender.send(plain(f"record {n}"))
    assert tail.wait(PATIENCE * 2) == 0
    assert "missed" not in tail.stderr
    assert collector.stop() == 0
