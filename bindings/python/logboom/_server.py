"""A collector in this process, on threads of its own: what a program needs that was its own log server."""

import atexit
import logging
import logging.handlers
import os
import shutil
import socket
import tempfile

from . import _core

_running = set()


class Server:
    """Collects while the context lasts: stock socket handlers on host:port, logboom publishers on `endpoint`.

        with logboom.Server("logs.sqlite") as server:
            ...     # workers log with logging.handlers.SocketHandler("localhost", 9020)

    sqlite_filepath  the store; made if missing. None: no store, the records are there for server.subscribe()
    host, port       for stock SocketHandlers; port 0: any free one (see `port`), None: none. Loopback unless said otherwise: whoever reaches
                     the port can write to the log, so that another one needs `insecure`
    udp_port, unix, unix_datagram   the same for DatagramHandler and Unix sockets
    endpoint         the address for logboom's publishers and viewers; default: a private one
    export           sets what `environment` says for this process and its children while the context lasts
    level            level rules for publishers: "info,etl.db=debug"
    insecure         True: a host or an endpoint that others than this machine reach is served, although nobody there is asked who they are
    adopt            whether spools that publishers of this user left when they died are read, or which spool directories; default: if there is a store

    On exit what has been received is committed; connected clients are not waited for. A forked child has no server: the object is
    inert there, and the addresses are not held by it. Raises ValueError (an option), OSError (an address), StoreError (the file).
    """

    def __init__(self, sqlite_filepath=None, host="localhost", port=logging.handlers.DEFAULT_TCP_LOGGING_PORT, *,
                 udp_port=None, unix=None, unix_datagram=None, endpoint=None, export=False, level=None, adopt=None,
                 insecure=False):
        self.sqlite_filepath = os.fspath(sqlite_filepath) if sqlite_filepath is not None else None
        self.host = host
        self._port = port
        self._udp_port = udp_port
        self._unix = os.fspath(unix) if unix is not None else None
        self._unix_datagram = os.fspath(unix_datagram) if unix_datagram is not None else None
        self._endpoint = endpoint
        self._export = export
        self._exported = None
        self._level = level or ""
        self._adopt = adopt
        self._insecure = insecure
        self._directory = None
        self._core = None
        self._pid = None

    # --- life

    def start(self):
        if self._core is not None:
            raise RuntimeError("this server has been started already; make another one")
        endpoint = self._endpoint
        if endpoint is None:
            self._directory = tempfile.mkdtemp(prefix="logboom-", dir=_short_directory())
            endpoint = f"ipc://{self._directory}/bus"
        try:
            self._core = _core.ServerCore(
                endpoints=[endpoint], database=self.sqlite_filepath or "", tcp=_address(self.host, self._port),
                udp=_address(self.host, self._udp_port), unix=self._unix, unix_datagram=self._unix_datagram,
                level_rules=self._level, adopt=self._spools(), insecure=self._insecure)
        except BaseException:
            self._remove_directory()
            raise
        self._pid = os.getpid()
        _running.add(self)
        if self._export:
            self._exported = {name: os.environ.get(name) for name in self.environment}
            os.environ.update(self.environment)
        return self

    def stop(self):
        """Ends it: what has been received is committed when this returns. Again: does nothing."""
        if self._core is None or self._pid != os.getpid() or self not in _running:
            return
        _running.discard(self)
        if self._export:
            for name, before in self._exported.items():
                if before is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = before
        try:
            self._flush_own()
            self._core.stop()
        finally:
            self._remove_directory()

    def _flush_own(self):
        """What this process has logged is on its way, perhaps not received yet."""
        from . import _handler

        for bus in list(_handler._buses.values()):
            if self.endpoint in bus.status.get("endpoint", "").split(","):
                bus.flush(2.0, 0.5)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def _has_own_spools(self):
        """What is not stored need not outlive the server either, and must not take what other publishers of this user have left."""
        return self.sqlite_filepath is None and self._directory is not None and self._adopt is None

    def _spools(self):
        """The spool directories that are read."""
        if self._has_own_spools():
            return [f"{self._directory}/spool"]
        if self._adopt is None or isinstance(self._adopt, bool):
            wanted = self.sqlite_filepath is not None if self._adopt is None else self._adopt
            return _core.spool_roots() if wanted else []
        return [os.fspath(one) for one in self._adopt]

    def _remove_directory(self):
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    # --- what it is

    @property
    def endpoint(self):
        """The address for logboom's publishers and viewers."""
        return self._started().endpoints[0]

    @property
    def port(self):
        """The port of the stock SocketHandlers; None: there is none."""
        return self._port_of("python-tcp", self._port)

    @property
    def udp_port(self):
        """The port of the stock DatagramHandlers; None: there is none."""
        return self._port_of("python-udp", self._udp_port)

    @property
    def environment(self):
        """What a child process needs in its environment to publish here: LOGBOOM_ENDPOINT, and without a store a LOGBOOM_SPOOL that ends with the server."""
        environment = {"LOGBOOM_ENDPOINT": self.endpoint}
        if self._has_own_spools():
            environment["LOGBOOM_SPOOL"] = f"{self._directory}/spool"
        return environment

    def status(self):
        """Counters: records (committed), declared_lost, bad_frames, publishers …"""
        return self._started().status()

    def subscribe(self, **filters):
        """A Subscriber of this server."""
        from ._subscriber import Subscriber

        return Subscriber(endpoint=self.endpoint, **filters)

    def _started(self):
        if self._core is None:
            raise RuntimeError("not started: use it as a context manager, or call start()")
        return self._core

    def _port_of(self, kind, given):
        if self._core is None or given is None:
            return given
        for bound in self._core.inputs:
            name, _, address = bound.partition(" ")
            if name == kind:
                return int(address.rpartition(":")[2])
        return given


def _address(host, port):
    if port is None:
        return None
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"


def _short_directory():
    """Where sockets may be: their paths have to be short."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and len(runtime) < 60 and os.access(runtime, os.W_OK):
        return runtime
    return "/tmp"


def leads_back(handler):
    """Whether what this handler gets would arrive at a bus that this process reads from, or at the bus at all."""
    if isinstance(handler, _core.HandlerBase):
        return True
    if not isinstance(handler, logging.handlers.SocketHandler):
        return False
    for server in list(_running):
        if handler.port is None:
            if handler.host in (server._unix, server._unix_datagram):
                return True
        elif handler.port in (server.port, server.udp_port) and _same_host(handler.host, server.host):
            return True
    return False


_LOOPBACK = {"", "localhost", "127.0.0.1", "::1", "0.0.0.0", "::"}


def _same_host(one, other):
    return one == other or (one in _LOOPBACK or one == socket.gethostname()) and (
        other in _LOOPBACK or other == socket.gethostname())


def _forget_in_child():
    for server in list(_running):
        server._core.forget()
    _running.clear()


def _stop_all():
    """A program that forgets to stop its server ends like one that does not."""
    for server in list(_running):
        server.stop()


os.register_at_fork(after_in_child=_forget_in_child)
atexit.register(_stop_all)
