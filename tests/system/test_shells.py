"""Completion and man pages, made from the one definition of the commands: run by the shells and by man themselves."""

import os
import re
import shutil
import subprocess

import pytest

from conftest import COMMAND, PATIENCE

COMMANDS = ["collect", "tail", "query", "send", "run", "recover", "verify", "repair", "level", "status", "doctor", "keygen", "demo", "completion", "man"]


def output(*arguments):
    return subprocess.run([COMMAND, *arguments], check=True, capture_output=True, text=True, timeout=PATIENCE).stdout


def commands_of_the_help():
    return re.findall(r"^  ([a-z-]+)  ", output("--help").split("Subcommands:")[1], re.M)


@pytest.fixture(scope="module")
def bash(tmp_path_factory):
    directory = tmp_path_factory.mktemp("bash")
    (directory / "logs.sqlite").touch()
    (directory / "my logs.sqlite").touch()
    (directory / "sub").mkdir()
    script = directory / ".completion"
    script.write_text(output("completion", "bash"))

    def complete(line):
        """What bash offers at the end of the line, split into words as readline does it."""
        words = re.findall(r"[=:]|[^\s=:]+", line) + ([""] if line.endswith((" ", "=", ":")) else [])
        if line.endswith(("=", ":")):
            words.pop()  # the sign itself is the word before the cursor
        program = f"""
            source {script}
            compopt() {{ :; }}
            COMP_WORDS=({' '.join("'" + word + "'" for word in words)})
            COMP_CWORD={len(words) - 1}
            COMP_LINE='{line}' COMP_POINT={len(line)}
            _logboom logboom
            printf '%s\\n' "${{COMPREPLY[@]}}"
            """
        done = subprocess.run(["bash", "--norc", "-u", "-c", program], cwd=directory, capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0 and done.stderr == "", done.stderr
        return sorted({found for found in done.stdout.splitlines() if found})

    return complete


def test_the_help_has_every_command():
    assert sorted(commands_of_the_help()) == sorted(COMMANDS)


def test_bash_completes_commands_options_and_values(bash):
    assert bash("logboom ") == sorted(COMMANDS)
    assert bash("logboom st") == ["status"]
    assert bash("logboom --v") == ["--version"]
    assert bash("logboom tail --si") == ["--since"]
    assert bash("logboom tail -l w") == ["warning"]
    assert bash("logboom tail --level ") == ["critical", "debug", "error", "info", "trace", "warning"]
    assert bash("logboom tail --color=") == ["always", "auto", "never"]
    assert bash("logboom tail --color=al") == ["always"]
    assert bash("logboom query -o ") == ["csv", "json", "logfmt", "pretty"]
    assert bash("logboom status -o ") == ["json", "pretty"]
    assert bash("logboom collect --db lo") == ["logs.sqlite"]
    assert bash("logboom collect --db m") == ["my logs.sqlite"]
    assert bash("logboom collect --adopt s") == ["sub"]
    assert bash("logboom collect --print=j") == ["json"]
    assert "--python-tcp" in bash("logboom collect --p")
    assert bash("logboom completion ") == ["bash", "fish", "zsh"]
    assert bash("logboom tail i") == ["ipc://"]
    assert "debug" in bash("logboom level ")
    assert bash("logboom tail -n ") == []
    assert "bash" in bash("logboom run -- bas")


def test_every_option_of_the_help_is_completed(bash):
    for command in COMMANDS:
        shown = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", "\n".join(
            line for line in output(command, "--help").splitlines() if line.startswith("  -"))))
        shown = {name for name in shown if name}
        assert shown, command
        offered = set(bash(f"logboom {command} --"))
        first = {re.match(r"  (?:-\w,)?(--[a-z-]+)", line)[1] for line in output(command, "--help").splitlines()
                 if re.match(r"  (?:-\w,)?(--[a-z-]+)", line)}
        assert first and first <= offered, (command, first - offered)


@pytest.mark.parametrize("shell, check", [("bash", ["-n"]), ("zsh", ["-n"]), ("fish", ["--no-execute"])])
def test_the_shell_can_read_its_script(shell, check, tmp_path):
    script = output("completion", shell)
    assert all(f"{command}" in script for command in COMMANDS)
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    file = tmp_path / "script"
    file.write_text(script)
    done = subprocess.run([shell, *check, file], capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_completes(tmp_path):
    def complete(line):
        program = f"{COMMAND} completion fish | source; complete -C '{line}'"
        done = subprocess.run(["fish", "--no-config", "-c", program], capture_output=True, text=True, timeout=PATIENCE,
                              env=os.environ | {"HOME": str(tmp_path), "PATH": f"{os.path.dirname(COMMAND)}:{os.environ['PATH']}"})
        assert done.stderr == "", done.stderr
        return [found.split("\t")[0] for found in done.stdout.splitlines()]

    assert sorted(complete("logboom ")) == sorted(COMMANDS)
    assert "--since" in complete("logboom tail --s")
    assert complete("logboom tail --color=al") == ["--color=always"]
    assert "warning" in complete("logboom tail -l ")


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh_completes(tmp_path):
    """In a shell on a terminal of its own, with the listing of candidates caught by compadd."""
    program = tmp_path / "try.zsh"
    program.write_text(f"""
        fpath=({tmp_path} $fpath)
        autoload -Uz compinit && compinit -u -d {tmp_path}/dump
        whence -w _logboom
        print -r -- ${{_comps[logboom]}}
        """)
    (tmp_path / "_logboom").write_text(output("completion", "zsh"))
    done = subprocess.run(["zsh", "-f", program], capture_output=True, text=True, timeout=PATIENCE)
    assert done.stderr == "" and done.stdout.splitlines() == ["_logboom: function", "_logboom"]


def rendered(page):
    """As man shows it, with every warning of groff an error."""
    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-rLL=100n"], input=page, capture_output=True, text=True, timeout=PATIENCE,
                          env=os.environ | {"GROFF_NO_SGR": "1"})
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return re.sub(r".\x08", "", done.stdout).replace("‐", "-").replace("−", "-")


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
@pytest.mark.parametrize("command", [""] + COMMANDS)
def test_man_pages_are_rendered(command):
    text = rendered(output("man", *([command] if command else [])))
    for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS"):
        assert re.search(rf"^{section}$", text, re.M), (section, text)
    if not command:
        assert all(f"logboom-{name}(1)" in text for name in COMMANDS)
        return
    assert re.search(rf"logboom-{command} - \S", text)
    for name in re.findall(r"^  (?:-\w,)?(--[a-z-]+)", output(command, "--help"), re.M):
        assert name in text, name


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_examples_stand_as_they_are_typed():
    text = rendered(output("man", "tail"))
    assert re.search(r"^ +logboom tail -n solver -w 'residual>1e-3' -o json \| jq \.fields\.step$", text, re.M), text


@pytest.mark.skipif(shutil.which("man") is None, reason="man is not installed")
def test_man_reads_it(tmp_path):
    done = subprocess.run([COMMAND, "man", "--directory", tmp_path / "man1"], capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert sorted(file.name for file in (tmp_path / "man1").iterdir()) == sorted(["logboom.1"] + [f"logboom-{name}.1" for name in COMMANDS])
    done = subprocess.run(["man", "-l", tmp_path / "man1" / "logboom-collect.1"], capture_output=True, text=True, timeout=PATIENCE,
                          env=os.environ | {"MANPAGER": "cat", "MANWIDTH": "100", "LC_ALL": "C.UTF-8"})
    assert done.returncode == 0 and "--until-idle" in done.stdout.replace("‐", "-").replace("−", "-")


def test_a_page_that_is_none_is_refused():
    done = subprocess.run([COMMAND, "man", "nonsense"], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
