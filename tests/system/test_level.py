"""`logboom level`: rules reach running workers, and hold for as long as they are said to, whatever becomes of the collector."""

import json
import signal

import msgpack
import pytest
import zmq

from conftest import eventually


class Debug:
    """Whether the workers' debug records come: how many there are now, then whether more come or none."""

    def __init__(self, bus, where="1"):
        self.bus, self.where = bus, where

    def count(self, level=10):
        return self.bus.count(f"level = {level} AND ({self.where})")

    def flows(self):
        begin = self.count()
        eventually(lambda: self.count() > begin + 3, what="more debug records")

    def stops(self):
        """As many info records as come in a while, and not one debug record among them. What was on the way may still come first."""

        def quiet():
            debug, info = self.count(), self.count(20)
            eventually(lambda: self.count(20) >= info + 20, what="info records")
            return self.count() == debug

        eventually(quiet, what="the end of the debug records")


@pytest.fixture
def debug(bus):
    return Debug(bus)


@pytest.fixture
def chatter(worker):
    def begin(*arguments, **options):
        process = worker("chatter", *arguments, **options)
        process.wait_line("ready", lines=process.output)
        return process

    return begin


def state(run):
    done = run("level", "-o", "json")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return json.loads(done.stdout)


def test_rules_reach_a_running_worker_and_are_taken_back(bus, collector, chatter, run, debug):
    chatter()
    debug.stops()
    done = run("level", "app=debug")
    assert (done.returncode, done.stderr) == (0, "")
    assert "app=debug" in done.stdout and "1 of 1 publisher" in done.stdout and "everywhere" in done.stdout
    debug.flows()
    done = run("level", "--reset", "app")
    assert (done.returncode, done.stderr) == (0, "") and "no level rules" in done.stdout
    debug.stops()


def test_rules_are_for_some_processes_only(bus, collector, chatter, run):
    chatter(environment={"LOGBOOM_NAME": "worker-1"})
    chatter(environment={"LOGBOOM_NAME": "server"})
    eventually(lambda: state(run)["publishers"] == 2)
    assert run("level", "debug", "--process", "worker-*").returncode == 0
    Debug(bus, "process = 'worker-1'").flows()
    Debug(bus, "process = 'server'").stops()
    assert bus.count("process = 'server' AND level = 10") == 0
    (rule,) = state(run)["rules"]
    assert (rule["process"], rule["host"], rule["followers"]) == ("worker-*", "*", 1)
    assert run("level", "--reset", "--process", "server").returncode == 1
    assert run("level", "debug", "--host", "no-such-host").returncode == 0
    assert [rule["followers"] for rule in state(run)["rules"]] == [1, 0]
    assert run("level", "--reset").returncode == 0
    assert state(run)["rules"] == []


def test_who_starts_later_follows_as_well(bus, collector, chatter, run, debug):
    run("level", "app=debug")
    chatter()
    debug.flows()
    assert state(run)["rules"][0]["followers"] == 1


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("stored", [True, False])
def test_rules_outlive_the_collector(bus, start_collector, chatter, run, debug, end, stored):
    database = "" if stored else None
    first = start_collector(database=database)
    chatter()
    assert run("level", "app=debug").returncode == 0
    first.signal(end)
    first.wait()
    second = start_collector(database=database)
    assert [rule["logger"] for rule in state(run)["rules"]] == ["app"]
    eventually(lambda: state(run)["rules"][0]["followers"] == 1, what="the worker's return")
    if stored:
        debug.flows()
        run("level", "--reset")
        second.kill()
        start_collector()
        assert state(run)["rules"] == []
        debug.stops()


def test_rules_end_when_their_time_is_over(bus, collector, chatter, run, debug):
    chatter()
    assert run("level", "app=debug", "--for", "2s").returncode == 0
    (rule,) = state(run)["rules"]
    assert rule["until"] - rule["since"] == 2_000_000_000
    debug.flows()
    eventually(lambda: state(run)["rules"] == [])
    debug.stops()


def test_rules_whose_time_is_over_while_no_collector_runs_end(bus, start_collector, run):
    first = start_collector()
    assert run("level", "app=debug", "--for", "1s").returncode == 0
    assert run("level", "net=off", "--for", "1h").returncode == 0
    first.kill()
    eventually(lambda: bus_time_over(bus), what="the end of the second")
    start_collector()
    assert [rule["logger"] for rule in state(run)["rules"]] == ["net"]


def bus_time_over(bus):
    import time

    kept = msgpack.unpackb((bus.directory / "logs.sqlite.levels").read_bytes())
    return time.time_ns() >= min(rule["until"] for rule in kept[1]["rules"])


def test_rules_lie_over_the_collectors_own(bus, start_collector, run):
    start_collector("--level", "warning,app=error,app.db=off")
    with Peer(bus) as peer:
        assert peer.hello() == "warning,app=error,app.db=off"
        run("level", "app=debug")
        assert peer.hear("levels")[1] == "warning,app=debug"
        run("level", "--reset")
        assert peer.hear("levels")[1] == "warning,app=error,app.db=off"
    assert state(run)["base"] == "warning,app=error,app.db=off"


def test_the_collectors_own_may_be_reloaded_under_them(bus, start_collector, run):
    config = bus.directory / "logboom.toml"
    config.write_text('[levels]\nrules = "warning,app=error"\n')
    collector = start_collector("--config", config)
    with Peer(bus) as peer:
        assert peer.hello() == "warning,app=error"
        run("level", "net=off")
        assert peer.hear("levels")[1] == "warning,app=error,net=off"
        config.write_text('[levels]\nrules = "debug"\n')
        collector.signal(signal.SIGHUP)
        assert peer.hear("levels")[1] == "debug,net=off"


def test_the_collectors_own_records_follow(bus, start_collector, run):
    start_collector("--level", "info,logboom.collector=off")
    assert run("level", "logboom.collector=info").returncode == 0
    assert run("level", "net=off").returncode == 0
    eventually(lambda: bus.query("SELECT count(*) FROM records WHERE logger = 'logboom.collector' AND message LIKE '%net=off%'") == [(1,)])


def test_mistakes_are_said_in_one_line(bus, collector, run):
    for arguments, code, text in [
        (["app=loud"], 2, "loud"), (["app=debug", "--for", "soon"], 2, "--for soon"), (["--for", "10m"], 2, "--for"),
        (["--process", "x"], 2, "RULES"), (["debug", "--for", "10m", "--reset"], 2, "--reset"), (["--reset"], 1, "no rules"),
        (["--reset", "nobody"], 1, "no such rule"), (["debug", "--process", "x" * 300], 1, "300 bytes"),
        ([",".join(f"l{i}=debug" for i in range(300))], 1, "room for 256"),
        (["--endpoint", "ipc:///a,ipc:///b"], 2, "one")]:
        done = run("level", *arguments)
        assert done.returncode == code and text in done.stderr, (arguments, done)
        assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("logboom: "), done.stderr
    assert state(run)["rules"] == []


def test_no_collector_is_unreachable(bus, run):
    for command in (["level"], ["level", "debug"], ["status"]):
        done = run(*command)
        assert done.returncode == 3 and "no collector answers" in done.stderr and len(done.stderr.splitlines()) == 1


def test_rules_that_cannot_be_kept_hold_all_the_same(bus, start_collector, chatter, run, debug):
    start_collector()
    (bus.directory / "logs.sqlite.levels").mkdir()
    chatter()
    done = run("level", "app=debug")
    assert done.returncode == 0 and "forgotten" in done.stderr
    debug.flows()


def test_a_file_of_rules_that_cannot_be_read_is_told(bus, start_collector, run):
    (bus.directory / "logs.sqlite.levels").write_bytes(b"damaged")
    collector = start_collector()
    collector.wait_line("logs.sqlite.levels")
    assert state(run)["rules"] == []


class Peer:
    """A publisher by hand."""

    def __init__(self, bus):
        self.context = zmq.Context()
        self.control = self.context.socket(zmq.DEALER)
        self.control.linger = 0
        self.control.connect(bus.control)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.control.close()
        self.context.term()

    def hello(self):
        self.control.send(msgpack.packb(["hello", 1, [b"p" * 16, "host", 1, "worker", 1], []]))
        return self.hear("welcome")[4]

    def hear(self, kind):
        while self.control.poll(30_000):
            message = msgpack.unpackb(self.control.recv())
            if message[0] == kind:
                return message
        raise AssertionError(f"no {kind}")


def test_a_collector_that_is_too_old_is_said_to_be(bus, run):
    """One that knows no such question ignores it, and answers `info`."""
    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    router.linger = 0
    bus.path.parent.mkdir(mode=0o700)
    router.bind(bus.control)
    import threading

    def answer():
        for _ in range(4):
            route, frame = router.recv_multipart()
            if msgpack.unpackb(frame) == ["info"]:
                router.send_multipart([route, msgpack.packb(["info", {"version": 1, "epoch": 1, "host": "hub", "pid": 7, "database": "", "last_id": 0}])])

    thread = threading.Thread(target=answer)
    thread.start()
    for command in ("level", "status"):
        done = run(command)
        assert done.returncode == 1 and "too old" in done.stderr and "pid 7 on hub" in done.stderr, done
    thread.join()
    router.close()
    context.term()
