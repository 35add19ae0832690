"""Which users of this machine a collector on an ipc address lets in (docs/security.md), and what is said to the others. Keys: test_security.py."""

import json
import os
import pwd
import shutil
import stat
import subprocess

import pytest

from conftest import COMMAND, PATIENCE, eventually

NOBODY = pwd.getpwnam("nobody")
NOT_ROOT = os.geteuid() != 0


def as_user(user, arguments, environment):
    return subprocess.run(["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", *(str(a) for a in arguments)],
                          env=environment, capture_output=True, text=True, timeout=PATIENCE)


@pytest.fixture
def public(bus):
    """The bus's directory can be entered by all, and nobody has a spool and a copy of the command that it may run."""
    if NOT_ROOT:
        pytest.skip("only root can be somebody else")
    if shutil.which("setpriv") is None:
        pytest.skip("no setpriv")
    bus.directory.chmod(0o711)
    bus.runtime.chmod(0o711)
    home = bus.directory / "nobody"
    home.mkdir(mode=0o700)
    os.chown(home, NOBODY.pw_uid, NOBODY.pw_gid)
    command = bus.directory / "logboom"
    shutil.copy(COMMAND, command)
    environment = bus.environment | {"LOGBOOM_SPOOL": str(home / "spool"), "HOME": str(home)}
    return lambda *arguments: as_user(NOBODY, [command, *arguments], environment)


def test_without_leave_the_directory_keeps_others_out(bus, collector, public):
    # (What others leave in spools of their own is not theirs to be adopted: docs/spool.md, "Ownership".)
    directory = bus.path.parent
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    for end in ("push", "ctl", "pub"):
        assert stat.S_IMODE(os.stat(f"{bus.path}.{end}").st_mode) == 0o600
    assert public("send", "--timeout", "1", "hello").returncode == 3
    doctor = public("doctor")
    assert doctor.returncode == 3 and f"no permission for user {NOBODY.pw_uid}" in doctor.stdout
    assert bus.count() == 0


def test_listed_users_are_let_in_with_their_rights(bus, public, start_collector, run):
    start_collector("--allow-user", "nobody=publish,view")
    done = public("send", "from another user")
    assert done.returncode == 0, done.stderr
    assert public("status").returncode == 0
    level = public("level", "debug")
    assert level.returncode == 1 and f"user {NOBODY.pw_uid} may not control" in level.stderr
    assert run("level", "debug").returncode == 0, "who started it may do all"
    assert bus.count("message = 'from another user'") == 1


def test_users_that_are_not_listed_are_told_and_counted(bus, public, start_collector, run):
    start_collector("--allow-user", "daemon")
    refused = public("send", "--timeout", "60", "hello")
    assert refused.returncode == 3 and "does not admit this user" in refused.stderr and len(refused.stderr.splitlines()) == 1
    assert "does not admit this user" in public("tail").stderr
    said = json.loads(run("status", "-o", "json").stdout)
    assert said["refused_users"] >= 2 and not said["curve"]
    eventually(lambda: bus.own_log(f"user {NOBODY.pw_uid}:"))
    assert bus.count() == 0


def test_a_user_that_is_none_and_a_directory_that_nobody_reaches(bus, run):
    unknown = run("collect", bus.endpoint, "--no-db", "--allow-user", "no-such-user")
    assert unknown.returncode == 2 and "there is no user no-such-user" in unknown.stderr
    closed = run("collect", bus.endpoint, "--no-db", "--allow-user", "daemon")
    assert closed.returncode == 1 and "cannot enter" in closed.stderr and "/run/logboom/bus" in closed.stderr
