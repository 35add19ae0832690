"""Processes of a benchmark: programs that print one JSON object, and collectors. What they cost, by the kernel's account. Must not know what is measured."""

import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

PATIENCE = 600  # seconds after which something is broken rather than slow


class Failed(Exception):
    """A program did not do what it is for; the text is for people."""


def eventually(condition, what, interval=0.002):
    """Polls until condition() is true, and returns its value."""
    end = time.monotonic() + PATIENCE
    while not (value := condition()):
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {PATIENCE} s")
        time.sleep(interval)
    return value


class Process:
    """A child whose cost is known once it has ended: cpu (seconds, user and system, with its own children), peak_kib."""

    def __init__(self, command, environment=None, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, read_output=True):
        self.name = pathlib.Path(command[0]).name
        try:
            self.popen = subprocess.Popen([str(part) for part in command], env=environment, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE)
        except OSError as error:
            raise Failed(f"{self.name} cannot be started: {error}") from error
        self.pid = self.popen.pid
        self.cpu = self.peak_kib = None
        self._said = []
        self._new = threading.Condition()
        self._reader = threading.Thread(target=self._read_errors, daemon=True)
        self._reader.start()
        self._output = b""
        self._output_reader = threading.Thread(target=self._read_output, daemon=True)
        if stdout == subprocess.PIPE and read_output:
            self._output_reader.start()

    def _read_errors(self):
        for line in self.popen.stderr:
            with self._new:
                self._said.append(line.decode(errors="replace").rstrip("\n"))
                self._new.notify_all()
        with self._new:
            self._said.append(None)
            self._new.notify_all()

    def _read_output(self):
        self._output = self.popen.stdout.read()

    def errors(self):
        return "\n".join(line for line in self._said if line)

    def wait_for_line(self, pattern):
        """The match of the first line on stderr that matches."""
        end, seen = time.monotonic() + PATIENCE, 0
        with self._new:
            while True:
                for line in self._said[seen:]:
                    if line is None:
                        raise Failed(f"{self.name} ended: {self.errors() or 'without a word'}")
                    if match := re.search(pattern, line):
                        return match
                seen = len(self._said)
                if not self._new.wait(timeout=end - time.monotonic()):
                    raise Failed(f"{self.name} did not say \"{pattern}\" within {PATIENCE} s")

    def has_ended(self):
        return self.popen.returncode is not None or os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def wait(self):
        """Its exit code, negative for a signal."""
        if self.popen.returncode is None:
            _, status, usage = os.wait4(self.pid, 0)
            self.popen.returncode = os.waitstatus_to_exitcode(status)
            self.cpu = usage.ru_utime + usage.ru_stime
            self.ended = time.monotonic_ns()
        self._reader.join()
        if self._output_reader.ident:
            self._output_reader.join()
        for pipe in (self.popen.stdin, self.popen.stdout, self.popen.stderr):
            if pipe:
                pipe.close()
        return self.popen.returncode

    def note_peak(self):
        """The most memory that it held so far. (What wait4() says begins with what the parent had when it forked.)"""
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                self.peak_kib = int(line.split()[1])

    def kill(self):
        if self.popen.returncode is None:
            self.popen.kill()
            self.wait()


class Program(Process):
    """One of ours that prints one JSON object at its end; some wait for the word to begin. `asked`: one that answers each line on stdin with one."""

    def __init__(self, command, environment=None, asked=False):
        super().__init__(command, environment, stdin=subprocess.PIPE, read_output=not asked)

    def ask(self, line):
        self.tell(line)
        return self.answer()

    def tell(self, line):
        self.popen.stdin.write(f"{line}\n".encode())
        self.popen.stdin.flush()

    def answer(self):
        line = self.popen.stdout.readline()
        if not line:
            self.wait()
            raise Failed(f"{self.name} ended: {self.errors() or 'without a word'}")
        return json.loads(line)

    def ready(self):
        self.wait_for_line("^ready$")
        return self

    def begin(self):
        self.tell("")
        return self

    def end_input(self):
        self.popen.stdin.close()
        self.popen.stdin = None
        return self

    def result(self):
        code = self.wait()
        if code != 0:
            raise Failed(f"{self.name} ended with {code}: {self.errors() or 'without a word'}")
        try:
            return json.loads(self._output)
        except ValueError as error:
            raise Failed(f"{self.name} printed no JSON: {self._output[:200]!r}") from error


class Collector(Process):
    """`logboom collect`, ready."""

    def __init__(self, bus, *arguments, wrapper=()):
        super().__init__([*wrapper, bus.command, "collect", bus.endpoint, "--no-adopt", *arguments], bus.environment, stdout=subprocess.DEVNULL)
        try:
            self.inputs = self.wait_for_line("collecting on (.*)")
        except BaseException:
            self.kill()
            raise

    def stop(self):
        self.note_peak()
        self.popen.send_signal(signal.SIGTERM)
        if (code := self.wait()) != 0:
            raise Failed(f"the collector ended with {code}: {self.errors()}")
        return self

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None and self.popen.returncode is None:
            self.stop()
        else:
            self.kill()


class Bus:
    """An address, a spool and a store that nobody else uses."""

    def __init__(self, directory, command, endpoint=None):
        self.directory, self.command = pathlib.Path(directory), str(command)
        self.endpoint = endpoint or f"ipc://{self.directory}/bus"
        self.spool, self.database = self.directory / "spool", self.directory / "logs.sqlite"
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("LOGBOOM_")}
        self.environment |= {"LOGBOOM_ENDPOINT": self.endpoint, "LOGBOOM_SPOOL": str(self.spool), "XDG_STATE_HOME": str(self.directory), "XDG_RUNTIME_DIR": str(self.directory)}

    def ask_for_keys(self):
        """From now on who is of this bus has a key for CURVE. Returns what the collector is to be given for it."""
        secrets = {name: self.directory / f"{name}.secret" for name in ("collector", "worker")}
        public = {}
        for name, secret in secrets.items():
            made = subprocess.run([self.command, "keygen", "-o", secret], capture_output=True, text=True, check=False)
            if made.returncode != 0:
                raise Failed(f"keygen: {made.stderr}")
            public[name] = made.stdout.strip()
        authorized = self.directory / "authorized-keys"
        authorized.write_text(f"publish {public['worker']} workers\n")
        authorized.chmod(0o600)
        self.environment |= {"LOGBOOM_CURVE_SERVER_KEY": public["collector"], "LOGBOOM_CURVE_SECRET": str(secrets["worker"])}
        return ["--curve-secret", str(secrets["collector"]), "--authorized-keys", str(authorized)]

    def collect(self, *arguments, **more):
        return Collector(self, "--db", str(self.database), *arguments, **more)
