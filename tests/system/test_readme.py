"""What the README shows is run as it stands there: the two publishers, and the session with the commands."""

import os
import pathlib
import re
import subprocess

import pytest

from conftest import BUILD, COMMAND, PATIENCE, SANITIZED, eventually

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def block(language):
    """The first fenced block of that language."""
    return re.search(rf"```{language}\n(.*?)```", README, re.S)[1]


def session():
    """[(command, the output shown below it)] of the first session in which a collector is started."""
    indented = re.search(r"(?:^    .*\n)*^    \$ logboom collect.*\n(?:^    .*\n)+", README, re.M)[0]
    steps = []
    for line in (line[4:] for line in indented.splitlines()):
        if line.startswith("$ "):
            steps.append((line[2:], []))
        else:
            steps[-1][1].append(line)
    return steps


def same_but_for_the_day(line):
    """Without what differs from run to run: times, process numbers, paths, names of hosts."""
    line = re.sub(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d{3})?", "TIME", line)
    line = re.sub(r"(ipc://)?/[\w./-]+", "PATH", line)
    line = re.sub(r"pid \d+ on [\w.-]+", "pid N on HOST", line)
    line = re.sub(r"\|[\w.-]+\|\d+\|\d+$", "|HOST|N|N", line)
    line = re.sub(r"\[\d+\]", "[N]", line)
    return re.sub(r"\d+\.\d+|(?<=child=)\d+", "N", line)


@pytest.mark.skipif(SANITIZED, reason="the program below is built without a sanitizer")
def test_the_publisher_in_cpp(bus, collector, tmp_path):
    source = tmp_path / "worker.cpp"
    source.write_text(block("cpp"))
    library = next(BUILD.glob("**/liblogboom_publisher.so")).parent
    subprocess.run(["g++", "-std=c++20", "-Wall", "-Wextra", "-Werror", f"-I{ROOT / 'include'}", source, "-o", tmp_path / "worker",
                    f"-L{library}", "-llogboom_publisher", "-lfmt", f"-Wl,-rpath,{library}"], check=True, timeout=10 * PATIENCE)
    subprocess.run([tmp_path / "worker"], env=bus.environment, check=True, timeout=PATIENCE)
    eventually(lambda: bus.count() == 4)
    assert bus.query("SELECT level_name, message, fields FROM records WHERE logger = 'solver.grid' ORDER BY id") == [
        ("INFO", "solved 4096 cells in 1.2 ms", '{"cells":4096,"ms":1.25}'),
        ("WARNING", "residual 0.3", '{"step":12,"file":"grid.h5"}'),
        ("INFO", "step 0", '{"k":0}'),
        ("INFO", "step 1000", '{"k":1000,"suppressed":999}')]


def test_the_configuration(bus, run):
    path = bus.directory / "logboom.toml"
    path.write_text(block("toml"))
    checked = run("collect", "--check", "--config", path)
    assert checked.returncode == 0 and checked.stderr == ""
    assert checked.stdout.count("[[sink]]") == 3


def test_the_publisher_in_pyzmq(bus, start_collector):
    environment = {k: v for k, v in bus.environment.items() if k != "LOGBOOM_ENDPOINT"}
    start_collector()
    program = next(text for text in re.findall(r"```python\n(.*?)```", README, re.S) if "zmq" in text)
    subprocess.run(["/usr/bin/python3", "-c", program], env=environment, check=True, timeout=PATIENCE)
    eventually(lambda: bus.count() == 1)
    assert bus.query("SELECT logger, level, message, fields->>'free_mb' FROM records WHERE logger = 'app'") == [
        ("app", 30, "disk is nearly full", 12)]


def test_keys(bus, start_collector, tmp_path):
    (tmp_path / "logboom").symlink_to(COMMAND)
    # A port with two free ones after it, as a collector finds them.
    probe = start_collector(endpoint="tcp://127.0.0.1:0", database=None)
    port = probe.endpoint.rpartition(":")[2]
    probe.stop()
    script = block("sh").replace("7514", port) + "\nkill $!\nwait\n"
    environment = bus.environment | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    ran = subprocess.run(["bash", "-c", script], env=environment, cwd=bus.directory, capture_output=True, text=True, timeout=PATIENCE)
    assert ran.returncode == 0, ran.stderr
    assert len(ran.stdout.splitlines()) == 1 and ran.stdout.endswith("hello\n"), ran.stdout + ran.stderr
    assert "INSECURE" not in ran.stderr and "1 bad" not in ran.stderr


def test_the_session(bus, start_collector, tmp_path):
    steps = session()
    assert len(steps) > 5 and steps[0][0] == "logboom collect &"
    collector = start_collector()
    assert same_but_for_the_day(collector.lines[0]) == same_but_for_the_day(steps[0][1][0])
    (tmp_path / "logboom").symlink_to(COMMAND)
    environment = bus.environment | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    for command, shown in steps[1:]:
        ran = subprocess.run(["bash", "-c", command], env=environment, cwd=bus.directory, capture_output=True, text=True,
                             timeout=PATIENCE)
        assert ran.returncode == 0, ran.stderr
        said = [line for line in (ran.stdout + ran.stderr).splitlines()]
        expected = [same_but_for_the_day(line) for line in shown]
        assert sorted(map(same_but_for_the_day, said)) == sorted(expected), command
