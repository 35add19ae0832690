"""rsyslog and syslog-ng as processes of the benchmark's own: from a local datagram socket to a file, each with a configuration written here. The system's own service is not touched.
Must not know what they are compared with."""

import pathlib

from harness.processes import Failed, Process, eventually

RSYSLOG = """\
global(workDirectory="{directory}" maxMessageSize="8k")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{directory}/log" RateLimit.Interval="0")
action(type="omfile" file="{directory}/out.log")
"""
SYSLOG_NG = """\
@version: 3.38
options {{ stats-freq(0); use-dns(no); }};
source local {{ unix-dgram("{directory}/log"); }};
destination file {{ file("{directory}/out.log"); }};
log {{ source(local); destination(file); flags(flow-control); }};
"""


class Syslog:
    """Running once it is constructed."""

    def __init__(self, directory, package, command, environment, root):
        self.directory = pathlib.Path(directory)
        self.socket, self.file = self.directory / "log", self.directory / "out.log"
        config = self.directory / "peer.conf"
        if package == "rsyslog":
            config.write_text(RSYSLOG.format(directory=self.directory))
            arguments = ["-n", "-f", config, "-i", self.directory / "pid", *(["-M", str(next(root.glob("usr/lib/*/rsyslog"))) + "/"] if root != pathlib.Path("/") else [])]
        else:
            config.write_text(SYSLOG_NG.format(directory=self.directory))
            arguments = ["-F", "--no-caps", "-f", config, "--persist-file", self.directory / "persist", "--pidfile", self.directory / "pid", "--control", self.directory / "control"]
            if root != pathlib.Path("/"):
                arguments += ["--module-path", next(root.glob("usr/lib/syslog-ng/*/libaffile.so")).parent]
        self.process = Process([*command, *arguments], environment)
        try:
            eventually(self._is_ready, f"{package} serves {self.socket}")
        except BaseException:
            self.process.kill()
            raise

    def _is_ready(self):
        if self.process.has_ended():
            self.process.wait()
            raise Failed(f"{self.process.name} ended: {self.process.errors() or 'without a word'}")
        return self.socket.is_socket()

    def wait_for_lines(self, count):
        """Until the file has so many more lines than it had at the last call."""
        if not hasattr(self, "_position"):
            self._position = 0
        seen = 0

        def all_there():
            nonlocal seen
            if self.file.exists():
                with self.file.open("rb") as file:
                    file.seek(self._position)
                    while chunk := file.read(1 << 20):
                        seen += chunk.count(b"\n")
                        self._position += len(chunk)
            return seen >= count

        eventually(all_there, f"{count} lines in {self.file}")

    def stop(self):
        self.process.note_peak()
        self.process.popen.terminate()
        self.process.wait()
        return self.process
