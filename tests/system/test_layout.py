"""The source tree is laid out as docs/architecture.md says: arrows point one way."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]


def allowed():
    """{directory of src: those it may include}, from the arrows of the page."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    arrows = re.findall(r"^    (\w+) → (.+)$", page.split("## Who may know what")[1].split("## Bounds")[0], re.M)
    return {name: set(re.findall(r"\b(?!nothing)\w+", others)) for name, others in arrows}


def test_no_include_goes_against_the_arrows():
    arrows = allowed()
    modules = {path.name for path in (ROOT / "src").iterdir() if path.is_dir()}
    assert set(arrows) == modules, "every directory of src/ has its line"
    wrong = []
    seen = {name: set() for name in modules}
    for file in sorted((ROOT / "src").rglob("*.[ch]pp")):
        module = file.relative_to(ROOT / "src").parts[0]
        for other in re.findall(r'^\s*#\s*include\s*"(\w+)/', file.read_text(), re.M):
            seen[module].add(other)
            if other != module and other not in arrows[module]:
                wrong.append(f"{file.relative_to(ROOT)} includes {other}/")
    assert not wrong
    # The command runs a collector through the public header only.
    unused = {name: arrows[name] - seen[name] for name in modules if arrows[name] - seen[name]}
    assert unused == {"cli": {"collector"}}, "arrows that nothing needs"


def test_the_arrows_have_no_circle():
    arrows = allowed()
    done = set()
    while len(done) < len(arrows):
        free = {name for name, others in arrows.items() if name not in done and others <= done}
        assert free, f"a circle among {set(arrows) - done}"
        done |= free


def test_public_headers_include_public_headers_only():
    for header in (ROOT / "include").rglob("*.hpp"):
        quoted = re.findall(r'^\s*#\s*include\s*"(.+)"', header.read_text(), re.M)
        assert not quoted, f"{header.name} includes {quoted}"
