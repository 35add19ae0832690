"""A bus on TCP whose bytes are counted: publishers connect to the relay's ports, which pass everything on to the collector's. Must not know what the bytes mean."""

import selectors
import socket
import threading

PORTS = 3  # push, control, live


def free_ports():
    """The first of three that are free, one after the other."""
    while True:
        with socket.socket() as first:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            others = [socket.socket() for _ in range(1, PORTS)]
            try:
                for step, other in enumerate(others, 1):
                    other.bind(("127.0.0.1", port + step))
                return port
            except (OSError, OverflowError):
                continue
            finally:
                for other in others:
                    other.close()


class Relay:
    """counted: name of the port → [bytes to the collector, bytes from it]."""

    def __init__(self, collector_port):
        self.port = free_ports()
        self.counted = {name: [0, 0] for name in ("push", "control", "live")}
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ, None)
        self._listeners = []
        for step, name in enumerate(self.counted):
            listener = socket.create_server(("127.0.0.1", self.port + step))
            self._listeners.append(listener)
            self._selector.register(listener, selectors.EVENT_READ, (name, collector_port + step))
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        pumps = []
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    for pump in pumps:
                        pump.join()
                    return
                name, port = key.data
                near, _ = key.fileobj.accept()
                far = socket.create_connection(("127.0.0.1", port))
                for source, sink, way in ((near, far, 0), (far, near, 1)):
                    pumps.append(threading.Thread(target=self._pump, args=(source, sink, self.counted[name], way), daemon=True))
                    pumps[-1].start()

    @staticmethod
    def _pump(source, sink, counted, way):
        try:
            while data := source.recv(1 << 16):
                sink.sendall(data)
                counted[way] += len(data)
        except OSError:
            pass  # one of them has gone, and so does the connection
        for each in (source, sink):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        """When both ends have gone."""
        self._wake.send(b"x")
        self._thread.join()
        for each in (*self._listeners, self._wake, self._woken):
            each.close()
        self._selector.close()
