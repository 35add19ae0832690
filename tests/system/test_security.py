"""Who may talk (docs/security.md): keys, rights, addresses beyond this machine, and what is said to who is refused. Users of this machine: test_allow_user.py."""

import json
import logging
import os
import pwd
import re
import signal
import stat
import subprocess
import sys
import time

import pytest
import zmq
import zmq.auth.thread
import zmq.log.handlers

from conftest import COMMAND, PATIENCE, eventually, module_environment

NOBODY = pwd.getpwnam("nobody")
NOT_ROOT = os.geteuid() != 0
PROMPT = PATIENCE / 2  # s: a refusal is said within a second; the rest is for a busy machine


class Keys:
    """Keys of a collector and of those that it knows, by name; `nobody` is not among them."""

    RIGHTS = {"worker": "publish", "viewer": "view", "admin": "control", "all": "publish,view,control"}

    def __init__(self, directory, run):
        self.directory, self.run = directory, run
        directory.mkdir()
        self.server = self.make("collector")
        self.public = {name: self.make(name) for name in (*self.RIGHTS, "nobody")}
        self.authorized = directory / "authorized-keys"
        self.authorize(*self.RIGHTS)

    def make(self, name):
        made = self.run("keygen", "-o", self.secret(name))
        assert made.returncode == 0, made.stderr
        return made.stdout.strip()

    def secret(self, name):
        return self.directory / f"{name}.secret"

    def authorize(self, *names, **rights):
        lines = [f"{rights.get(name, self.RIGHTS.get(name))} {self.public[name]} the {name}" for name in names]
        fresh = self.directory / "fresh"
        fresh.write_text("# who may do what\n\n" + "\n".join(lines) + "\n")
        fresh.chmod(0o600)
        fresh.rename(self.authorized)

    @property
    def arguments(self):
        return ["--curve-secret", self.secret("collector"), "--authorized-keys", self.authorized]

    def environment(self, name, server=None):
        return {"LOGBOOM_CURVE_SERVER_KEY": server or self.server, "LOGBOOM_CURVE_SECRET": str(self.secret(name))}


@pytest.fixture
def keys(bus, run):
    return Keys(bus.directory / "keys", run)


@pytest.fixture(params=["ipc", "tcp"])
def locked(request, bus, keys, start_collector):
    """A collector that asks for keys, at bus.endpoint. It adopts nothing: what a refused worker of the same user leaves would come in as a file."""
    collector = start_collector("--no-adopt", *keys.arguments, endpoint=None if request.param == "ipc" else "tcp://127.0.0.1:0")
    bus.endpoint = bus.environment["LOGBOOM_ENDPOINT"] = collector.endpoint
    return collector


def status_of(run, keys, name="viewer"):
    answer = run("status", "-o", "json", environment=keys.environment(name))
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


# --- keys


def test_keygen_writes_a_file_for_its_owner_only_and_never_over_another(run, bus):
    path = bus.directory / "one.secret"
    made = run("keygen", "-o", path)
    assert made.returncode == 0 and re.fullmatch(r"\S{40}\n", made.stdout)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_text()
    assert run("keygen", "-o", path, "--show").stdout == made.stdout
    again = run("keygen", "-o", path)
    assert again.returncode == 2 and "there is a file already" in again.stderr and len(again.stderr.splitlines()) == 1
    assert path.read_text() == before
    # ZeroMQ's own tools mean the same by it.
    secret = re.search(r"^secret (\S+)$", before, re.M)[1]
    assert zmq.curve_public(secret.encode()) == made.stdout.strip().encode()


def test_whoever_has_the_right_key_publishes_views_and_controls(bus, keys, locked, run, start, worker):
    viewer = start(COMMAND, "tail", "--count", 2, "-o", "%(name)s %(message)s", "-n", "sent", environment=keys.environment("viewer"))
    eventually(lambda: status_of(run, keys)["viewers"] == 1)
    assert run("send", "-n", "sent", "hello", environment=keys.environment("worker")).returncode == 0
    sent = run("send", "-n", "sent", "by options", "--curve-server-key", keys.server, "--curve-secret", keys.secret("worker"))
    assert sent.returncode == 0, sent.stderr
    assert viewer.wait() == 0 and viewer.output == ["sent hello", "sent by options"]
    assert worker("burst", bus.directory / "count", 100, environment=keys.environment("worker")).wait() == 0
    eventually(lambda: bus.count("logger <> 'sent'") >= 100)
    assert run("level", "sent=debug", environment=keys.environment("admin")).returncode == 0
    assert "sent=debug" in run("level", environment=keys.environment("viewer")).stdout
    page = run("status", environment=keys.environment("admin")).stdout
    assert "4 authorised keys; refused: 0 for the key" in page and "INSECURE" not in page
    assert run("doctor", environment=keys.environment("all")).returncode == 0


REFUSALS = {
    "wrong": (lambda keys: keys.environment("nobody"), "does not admit this key"),
    "missing": (lambda keys: {}, r"asks for a key \(CURVE\); set LOGBOOM_CURVE_SERVER_KEY"),
    "wrong server": (lambda keys: keys.environment("all", server=keys.public["nobody"]), "LOGBOOM_CURVE_SERVER_KEY is likely not its public key"),
}


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_wrong_or_missing_key_is_refused_and_told_why(bus, keys, locked, run, kind):
    environment, reason = REFUSALS[kind][0](keys), REFUSALS[kind][1]
    for command in (["send", "--timeout", "60", "hello"], ["tail"], ["level", "debug"], ["status"], ["query"], ["query", "-f"]):
        refused = run(*command, environment=environment, timeout=PATIENCE)
        assert refused.returncode == 3, (command, refused.stderr)
        # On a busy machine `tail` may have said before that nobody answers yet.
        lines = [line for line in refused.stderr.splitlines() if "waiting" not in line]
        assert len(lines) == 1 and re.search(reason, lines[0]), (command, refused.stderr)
    doctor = run("doctor", environment=environment)
    assert doctor.returncode == 3 and re.search(reason, doctor.stdout)
    said = status_of(run, keys)
    assert (said["refused_keys"] if kind == "wrong" else said["failed_handshakes"]) >= 6
    eventually(lambda: bus.own_log(keys.public["nobody"] if kind == "wrong" else "a handshake failed"))
    assert bus.count() == 0 and run("level", environment=keys.environment("viewer")).stdout.startswith("no level rules")
    # What was refused waits, and leaves with the right key.
    assert run("recover", environment=keys.environment("worker")).returncode == 0
    eventually(lambda: bus.count("message = 'hello'") == 1)


@pytest.fixture
def busy(start):
    """As many as there are cores, and none of them idles."""
    for _ in range(os.cpu_count()):
        start(sys.executable, "-c", "while True: pass")


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_busy_machine_is_no_reason_to_say_that_nobody_answers(bus, keys, locked, run, busy, kind):
    """Of these two give up after half a second and two: they are told before, or wait on because somebody is there."""
    environment, reason = REFUSALS[kind][0](keys), REFUSALS[kind][1]
    for command in (["send", "--timeout", "60", "hello"], ["query", "--endpoint", bus.endpoint], ["status"]):
        begin = time.monotonic()
        refused = run(*command, environment=environment, timeout=PATIENCE)
        assert refused.returncode == 3 and re.search(reason, refused.stderr), (command, refused.stderr)
        assert time.monotonic() - begin < PROMPT, command


def test_keys_are_set_and_the_collector_has_none(bus, keys, start_collector, run):
    start_collector("--no-adopt")
    refused = run("send", "hello", environment=keys.environment("worker"))
    assert refused.returncode == 3 and "--curve-secret" in refused.stderr
    assert bus.count() == 0, "nothing goes in the clear where a key was named"


@pytest.mark.parametrize("missing", ["LOGBOOM_CURVE_SERVER_KEY", "LOGBOOM_CURVE_SECRET"])
def test_half_of_the_keys_is_an_error_and_not_a_connection_without(bus, keys, start_collector, run, missing):
    start_collector("--no-adopt")
    environment = keys.environment("worker")
    del environment[missing]
    refused = run("send", "hello", environment=environment)
    assert refused.returncode == 3 and missing in refused.stderr and bus.count() == 0
    assert missing in run("tail", environment=environment).stderr


@pytest.mark.parametrize("name, refused", [("viewer", ["publish", "control"]), ("worker", ["view", "control"]), ("admin", ["publish", "view"])])
def test_each_right_is_for_itself(bus, keys, locked, run, name, refused):
    environment = keys.environment(name)
    tried = {"publish": run("send", "hello", environment=environment), "control": run("level", "debug", environment=environment),
             "view": run("tail", "--timeout", "1", environment=environment)}
    for right, done in tried.items():
        if right not in refused:
            # `tail` sees nothing more in its second.
            assert done.returncode == 0, (right, done.stderr)
        elif right == "view":
            assert done.returncode == 3 and "does not admit this key" in done.stderr
        else:
            assert done.returncode == (3 if right == "publish" else 1), (right, done.stderr)
            assert f"the {name} may not {right}" in done.stderr and "authorised keys" in done.stderr
    status = run("status", environment=environment)
    assert status.returncode == (1 if name == "worker" else 0)
    said = status_of(run, keys)
    assert said["level_rules"] == (1 if name == "admin" else 0)
    assert said["refused_requests"] >= (1 if name != "worker" else 2)
    assert bus.count() == (1 if name == "worker" else 0)


def raw(keys, name, kind, address, context):
    socket = context.socket(kind)
    socket.linger = 0
    socket.curve_serverkey = keys.server.encode()
    secret = re.search(r"^secret (\S+)$", keys.secret(name).read_text(), re.M)[1].encode()
    socket.curve_publickey, socket.curve_secretkey = zmq.curve_public(secret), secret
    socket.connect(address)
    return socket


def test_a_viewer_that_means_harm_changes_no_levels_and_publishes_nothing(bus, keys, start_collector, run):
    import msgpack

    start_collector(*keys.arguments)
    with zmq.Context() as context:
        control = raw(keys, "viewer", zmq.DEALER, bus.control, context)
        push = raw(keys, "viewer", zmq.PUSH, bus.push, context)
        push.send(msgpack.packb({"logger": "forged", "message": "hello"}))
        for message in (["change-rules", {"set": True, "rules": "off"}], ["change-rules", {"reset": True}], ["flush", 1],
                        ["hello", 1, [b"x" * 16, "host", 1, "forged", 1], []], ["bye", b"x" * 16, []]):
            control.send(msgpack.packb(message))
            assert control.poll(PATIENCE * 1000), message
            answer = msgpack.unpackb(control.recv())
            assert answer[0] == "error" and "may not" in answer[1], answer
        said = status_of(run, keys)
        assert said["level_rules"] == 0 and said["publishers_known"] == 0 and said["refused_requests"] >= 5
        eventually(lambda: status_of(run, keys)["refused_keys"] >= 1, what="PUSH of a viewer refused")
        assert bus.count() == 0
        push.close()
        control.close()


def test_a_revoked_key_is_cut_off_and_one_that_is_added_gets_in_by_itself(bus, keys, locked, run, start):
    tail = start(COMMAND, "tail", environment=keys.environment("viewer"))
    eventually(lambda: status_of(run, keys, "all")["viewers"] == 1)
    stdin = start(sys.executable, "-c", CHATTY, environment=keys.environment("worker") | module_environment())
    stdin.wait_line("ready")
    eventually(lambda: bus.count("logger = 'chatty'") > 10)

    keys.authorize("all")
    locked.signal(signal.SIGHUP)
    locked.wait_line("reloaded")
    assert tail.wait() == 3 and "does not admit this key" in tail.stderr
    stdin.wait_line("refused: .*does not admit this key")
    eventually(lambda: status_of(run, keys, "all")["publishers_connected"] == 0)
    seen = bus.count("logger = 'chatty'")

    keys.authorize("worker", "all")
    locked.signal(signal.SIGHUP)
    eventually(lambda: bus.count("logger = 'chatty'") > seen + 10)
    stdin.signal(signal.SIGTERM)
    logged = int(stdin.wait_line(r"logged (\d+)")[1])
    assert stdin.wait() == 0
    eventually(lambda: bus.count("logger = 'chatty'") == logged, what="all of it, once")


CHATTY = """
import logging, signal, sys, threading, time
import logboom
handler = logboom.attach()
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
logging.getLogger().setLevel(logging.INFO)
print("ready", file=sys.stderr, flush=True)
count, told = 0, ""
while not stop.wait(0.01):
    logging.getLogger("chatty").info("record %d", count)
    count += 1
    if handler.status["refusal"] != told:
        told = handler.status["refusal"]
        print("refused:", told, file=sys.stderr, flush=True)
print("logged", count, file=sys.stderr, flush=True)
logboom.flush(60)
"""


def test_a_mistake_in_the_file_has_its_place_and_changes_nothing(bus, keys, run, start_collector):
    collector = start_collector(*keys.arguments)
    good = keys.authorized.read_text()
    for line, reason in (("publish", "there is no key"), ("fly " + keys.server, "'fly' are no rights"), ("view tooshort", "'tooshort' is no key"),
                         (f"view {keys.public['worker']}", "the key is at .*:3 already")):
        keys.authorized.write_text(good + line + "\n")
        before = len(collector.lines)
        collector.signal(signal.SIGHUP)
        collector.wait_line(f"nothing is changed: {keys.authorized}:7: {reason}")
        assert len(collector.lines) > before
        assert run("collect", bus.endpoint, "--no-db", *keys.arguments).returncode == 2
    assert run("send", "still there", environment=keys.environment("worker")).returncode == 0
    keys.authorized.write_text(good)
    keys.authorized.chmod(0o666)
    collector.signal(signal.SIGHUP)
    collector.wait_line("others may write to it")


def test_a_directory_of_keys(bus, keys, run, start_collector):
    directory = keys.directory / "authorized.d"
    directory.mkdir(mode=0o700)
    for name in ("worker", "viewer"):
        (directory / name).write_text(f"{keys.RIGHTS[name]} {keys.public[name]}\n")
    (directory / "old~").write_text("nonsense\n")
    collector = start_collector("--curve-secret", keys.secret("collector"), "--authorized-keys", directory)
    assert run("send", "hello", environment=keys.environment("worker")).returncode == 0
    assert run("status", environment=keys.environment("all")).returncode == 3
    (directory / "all").write_text(f"all {keys.public['all']} an administrator\n")
    collector.signal(signal.SIGHUP)
    collector.wait_line("reloaded")
    assert run("status", environment=keys.environment("all")).returncode == 0


def test_secret_files_that_others_may_read_are_refused(bus, keys, locked, run):
    for who, command in (("collector", ["collect", "--no-db", "ipc://" + str(bus.directory / "other"), *keys.arguments]), ("worker", ["send", "hello"])):
        keys.secret(who).chmod(0o640)
        refused = run(*command, environment=keys.environment("worker"))
        assert refused.returncode in (2, 3) and "others may read it (mode 0640); chmod 600" in refused.stderr, refused.stderr
        keys.secret(who).chmod(0o600)
    if not NOT_ROOT:
        os.chown(keys.secret("worker"), NOBODY.pw_uid, -1)
        refused = run("send", "hello", environment=keys.environment("worker"))
        assert refused.returncode == 3 and f"it belongs to user {NOBODY.pw_uid}" in refused.stderr
    assert bus.count() == 0


def test_python_says_why_it_is_refused(bus, keys, locked, run):
    script = """
import sys, time, logging, logboom
server, wrong, right = sys.argv[1:]
try:
    logboom.Subscriber(curve_server_key=server, curve_secret=wrong)
except logboom.RefusedError as error:
    print("viewer:", error)
handler = logboom.attach(curve_server_key=server, curve_secret=wrong)
end = time.monotonic() + 60
while not handler.status["refusal"] and time.monotonic() < end:
    time.sleep(0.01)
print("publisher:", handler.status["refusal"])
logboom.detach()
handler = logboom.attach(curve_server_key=server, curve_secret=right)
with logboom.Subscriber(curve_server_key=server, curve_secret=right, logger="app", wait=60) as live:
    logging.getLogger("app").warning("let in")
    print("seen:", live.next(60).message)
try:
    logboom.attach(curve_server_key=server, curve_secret="/nowhere")
except ValueError as error:
    print("option:", error)
"""
    done = subprocess.run([sys.executable, "-c", script, keys.server, keys.secret("nobody"), keys.secret("all")], capture_output=True,
                          text=True, timeout=4 * PATIENCE, env=bus.environment | module_environment())
    assert done.returncode == 0, done.stderr
    viewer, publisher, seen, option = done.stdout.splitlines()
    assert viewer.startswith("viewer:") and "does not admit this key" in viewer
    assert publisher.startswith("publisher:") and "does not admit this key" in publisher
    assert seen == "seen: let in" and "/nowhere" in option


def test_what_a_dead_worker_left_is_adopted_under_curve(bus, keys, run, start_collector):
    environment = keys.environment("worker")
    assert run("send", "--timeout", "0", "left behind", environment=environment).returncode == 3
    start_collector(*keys.arguments)
    eventually(lambda: bus.count("message = 'left behind'") == 1)
    assert status_of(run, keys)["refused_keys"] == 0


def test_a_forwarder_has_a_key(bus, keys, run, start_collector):
    hub = start_collector(*keys.arguments, endpoint="tcp://127.0.0.1:0", database=bus.directory / "hub.sqlite")
    start_collector("--upstream", hub.endpoint, "--upstream-server-key", keys.server, "--upstream-curve-secret", keys.secret("worker"))
    assert run("send", "through").returncode == 0
    eventually(lambda: bus.count("message = 'through'", database=bus.directory / "hub.sqlite") == 1)


@pytest.mark.parametrize("kind", ["wrong", "wrong server"])
def test_a_forwarder_that_is_refused_says_why(bus, keys, run, start_collector, kind):
    hub = start_collector(*keys.arguments, endpoint="tcp://127.0.0.1:0", database=bus.directory / "hub.sqlite")
    environment = REFUSALS[kind][0](keys)
    host = start_collector("--upstream", hub.endpoint, "--upstream-server-key", environment["LOGBOOM_CURVE_SERVER_KEY"],
                           "--upstream-curve-secret", environment["LOGBOOM_CURVE_SECRET"])
    host.wait_line(f"upstream .*refuses: .*{REFUSALS[kind][1]}", PROMPT)
    (sink,) = json.loads(run("status", "-o", "json").stdout)["sinks"]
    assert sink["failing"] and re.search(REFUSALS[kind][1], sink["last_error"])


# --- programs that publish


class Publishing:
    """A program with pyzmq's PUBHandler on a socket that asks for keys; `admitted`: public keys of those who are let in."""

    def __init__(self, keys, context, admitted):
        self.authenticator = zmq.auth.thread.ThreadAuthenticator(context)
        self.authenticator.start()
        certificates = keys.directory / "certificates"
        certificates.mkdir()
        for number, key in enumerate(admitted):
            (certificates / f"{number}.key").write_text(f'metadata\ncurve\n    public-key = "{key}"\n')
        self.authenticator.configure_curve(domain="*", location=str(certificates))
        self.socket = context.socket(zmq.PUB)
        self.socket.linger = 0
        self.socket.curve_secretkey = re.search(r"^secret (\S+)$", keys.secret("all").read_text(), re.M)[1].encode()
        self.socket.curve_server = True
        self.endpoint = f"tcp://127.0.0.1:{self.socket.bind_to_random_port('tcp://127.0.0.1')}"
        self.log = logging.Logger("app")
        self.log.addHandler(zmq.log.handlers.PUBHandler(self.socket))

    def until(self, condition):
        """PUB drops what nobody reads yet: it is said again until it has come."""
        def said():
            self.log.warning("published")
            return condition()
        return eventually(said)

    def close(self):
        self.socket.close()
        self.authenticator.stop()


@pytest.fixture
def publishing(keys):
    context, made = zmq.Context(), []

    def begin(*admitted):
        made.append(Publishing(keys, context, admitted))
        return made[-1]

    yield begin
    for program in made:
        program.close()
    context.destroy(linger=0)


def subscribing(program, keys, name, server=None):
    return ["--subscribe", program.endpoint, "--subscribe-server-key", server or keys.public["all"], "--subscribe-curve-secret", keys.secret(name)]


def test_a_program_that_publishes_by_curve(bus, keys, publishing, run, start_collector, config):
    program = publishing(keys.public["worker"])
    collector = start_collector(*subscribing(program, keys, "worker"))
    program.until(lambda: bus.count("message LIKE '%published%'") > 0)
    assert collector.stop() == 0
    # The same by a file; the key may be in a file as well.
    public = keys.directory / "all.public"
    public.write_text(keys.public["all"] + "\n")
    before = bus.count()
    path = config(f'''
        [inputs]
        subscribe = "{program.endpoint}"
        subscribe_server_key = "{public}"
        subscribe_curve_secret = "{keys.secret("worker")}"
    ''')
    printed = run("collect", "--config", path, "--check")
    assert printed.returncode == 0 and f'subscribe_server_key = "{public}"' in printed.stdout
    start_collector("--config", path)
    program.until(lambda: bus.count() > before)


UNSUBSCRIBED = {
    "wrong": (lambda program, keys: subscribing(program, keys, "nobody"), "it does not admit us"),
    "wrong server": (lambda program, keys: subscribing(program, keys, "worker", keys.public["nobody"]), "it ends the handshake; subscribe_server_key is likely not its public key"),
    "missing": (lambda program, keys: ["--subscribe", program.endpoint], r"it .*asks for a key \(CURVE\); set subscribe_server_key"),
}


@pytest.mark.parametrize("kind", UNSUBSCRIBED)
def test_a_program_that_publishes_refuses_and_it_is_said_why(bus, keys, publishing, start_collector, kind):
    program = publishing(keys.public["worker"])
    arguments, reason = UNSUBSCRIBED[kind]
    collector = start_collector(*arguments(program, keys))
    collector.wait_line(f"subscribed {program.endpoint}: nothing comes: {reason}", PROMPT)
    if kind != "wrong":
        return
    # It tries on, with the file as it is then.
    os.replace(keys.secret("worker"), keys.secret("nobody"))
    collector.wait_line(f"subscribed {program.endpoint}: it lets us in now")
    program.until(lambda: bus.count("message LIKE '%published%'") > 0)


def test_a_program_that_publishes_in_the_clear_is_not_heard_where_keys_are_set(keys, start_collector):
    with zmq.Context() as context, context.socket(zmq.PUB) as socket:
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        collector = start_collector("--subscribe", f"tcp://127.0.0.1:{port}", "--subscribe-server-key", keys.server, "--subscribe-curve-secret", keys.secret("worker"))
        collector.wait_line("nothing comes: it .*(speaks no|does not speak) CURVE", PROMPT)


@pytest.mark.parametrize("arguments, reason", [
    (["--subscribe", "tcp://127.0.0.1:1", "--subscribe-server-key", "SERVER"], "go together"),
    (["--subscribe", "tcp://127.0.0.1:1", "--subscribe-curve-secret", "SECRET"], "go together"),
    (["--subscribe-server-key", "SERVER", "--subscribe-curve-secret", "SECRET"], "nothing is subscribed to"),
    (["--subscribe", "tcp://127.0.0.1:1", "--subscribe-server-key", "/nowhere", "--subscribe-curve-secret", "SECRET"], "/nowhere"),
    (["--subscribe", "tcp://127.0.0.1:1", "--subscribe-server-key", "SERVER", "--subscribe-curve-secret", "/nowhere"], "/nowhere"),
])
def test_keys_of_programs_that_publish_are_checked(keys, run, arguments, reason):
    arguments = [{"SERVER": keys.server, "SECRET": keys.secret("worker")}.get(each, each) for each in arguments]
    for check in ([], ["--check"]):
        refused = run("collect", "--no-db", *arguments, *check)
        assert refused.returncode == 2 and reason in refused.stderr and len(refused.stderr.splitlines()) == 1, refused.stderr


def test_a_flood_of_invented_publishers_stays_in_its_bounds(bus, keys, start_collector, run):
    """Of someone who may publish: what is known of them is bounded, and others are served meanwhile."""
    import msgpack

    start_collector("--no-adopt", *keys.arguments)
    most = 16_384
    with zmq.Context() as context:
        control = raw(keys, "worker", zmq.DEALER, bus.control, context)
        for number in range(most + 2_000):
            control.send(msgpack.packb(["hello", 1, [number.to_bytes(15, "big") + b"x", "h", number, "p" * 200, 1], []]))
            while control.poll(0):
                control.recv()
        control.send(msgpack.packb(["hello", 1, [b"last one of all.", "h", 1, "p", 1], []]))
        eventually(lambda: status_of(run, keys)["publishers_known"] >= most - 1)
        assert status_of(run, keys)["publishers_known"] <= most
        control.send(b"\x91" * 70_000)  # more than a control message may have: the connection ends
        assert run("send", "served", environment=keys.environment("worker")).returncode == 0
        control.close()


# --- addresses beyond this machine


@pytest.mark.parametrize("arguments", [["tcp://0.0.0.0:0"], ["tcp://*:0"], ["tcp://[::]:0"], ["--python-tcp", "*:0"], ["--python-udp", "0.0.0.0:0"],
                                       ["--zmq-log", "tcp://*:*"]])
def test_an_address_that_others_reach_needs_keys_or_insecure(bus, run, keys, start_collector, arguments):
    if arguments[0].startswith("tcp"):
        bus.endpoint, arguments = arguments[0], []
    refused = run("collect", bus.endpoint, "--no-db", *arguments)
    assert refused.returncode == 2 and len(refused.stderr.splitlines()) == 1
    assert "others than this machine reach it" in refused.stderr and "--insecure" in refused.stderr
    collector = start_collector(*arguments, "--insecure", database=bus.database)
    collector.wait_line("INSECURE")
    address = collector.endpoint.replace("0.0.0.0", "127.0.0.1").replace("*", "127.0.0.1").replace("[::]", "[::1]")
    assert "INSECURE" in run("status", "--endpoint", address).stdout
    eventually(lambda: bus.own_log("INSECURE"))
    collector.stop()
    # The bus itself may ask for keys; the other inputs and outputs know none.
    if not arguments:
        collector = start_collector(*keys.arguments, database=bus.database)
        assert "INSECURE" not in collector.stderr


@pytest.mark.parametrize("endpoint", ["tcp://127.0.0.1:0", "tcp://localhost:0", "tcp://[::1]:0"])
def test_an_address_of_this_machine_needs_nothing(start_collector, endpoint):
    assert start_collector(endpoint=endpoint, database=None).stop() == 0
