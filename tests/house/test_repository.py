"""The repository speaks of Fairlead alone: no machine, no registry, no secret."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house import rules, traces

# What tools put beside the sources, and what no commit holds.
NOT_OURS = {
    ".envs",
    ".git",
    ".hypothesis",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    "__pycache__",
    "build",
    "corpus",
    "crashes",
    "dist",
    "node_modules",
    "out",
}
LARGEST = 2_000_000


def texts() -> Iterator[tuple[str, str]]:
    """Every text file of the tree. What lies in it untracked is read too: it is committed next."""
    for path in sorted(files(rules.ROOT)):
        if path.stat().st_size <= LARGEST:
            raw = path.read_bytes()
            if b"\0" not in raw:
                yield path.relative_to(rules.ROOT).as_posix(), raw.decode("utf-8", "replace")


def files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name in NOT_OURS or path.name.startswith(".venv") or path.is_symlink():
            continue
        if path.is_dir():
            yield from files(path)
        elif path.is_file():
            yield path


def test_no_text_tells_of_a_machine_a_registry_or_a_secret():
    faults = [fault for path, text in texts() for fault in traces.text_faults(path, text)]
    assert not faults, rules.listing(faults)


def test_the_walk_sees_the_tree():
    seen = {path for path, _ in texts()}
    assert {"pyproject.toml", "constraints.txt", ".ci/run", "Makefile", "tests/house/rules.py"} <= seen
    assert not [path for path in seen if path.startswith((".git/", ".venv"))]


@pytest.mark.parametrize(
    "pieces",
    [
        ("see /ho", "me/ann/fairlead"),
        ("cd /ro", "ot/fairlead"),
        ("/Us", "ers/ann/Library"),
        ("C:\\Us", "ers\\ann\\x"),
        ("C:\\\\Us", "ers\\\\ann"),
        ("file:/", "//ho" + "me/ann/fairlead"),
        ("open /srv/", "builds/fairlead/src/x.py"),
        ("--index-url https://py", "pi.org/simple"),
        ("https://files.python", "hosted.org/x"),
        ('"resolved": "https://registry.npm', 'js.org/ws"'),
        ("-----BEGIN RSA PRIV", "ATE KEY-----"),
        ("AK", "IAABCDEFGHIJKLMNOP"),
        ("gh", "p_" + "a" * 36),
        ("sk", "-" + "a" * 40),
        ("Bearer ey", f"J{'a' * 20}.ey" + f"J{'b' * 20}.{'c' * 20}"),
    ],
)
def test_a_trace_is_caught(pieces):
    checkout = Path("/srv", "builds", "fairlead")
    assert len(list(traces.text_faults("a.md", "".join(pieces), checkout=checkout))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "/home/you/tools.py and /Users/you/tools.py",
        "#!/usr/bin/env bash",
        "https://example.com/home/page",
        "the root/ of the tree, ./root/x",
        "/tmp/x",
        "wss://example.com/mcp",
        "task-" + "a" * 40,
        "file:///project",
    ],
)
def test_an_ordinary_text_passes(text):
    assert not list(traces.text_faults("a.md", text))


def test_a_secret_is_not_repeated_by_the_fault():
    secret = "gh" + "p_" + "abcdefghijkl" * 3
    [fault] = traces.text_faults("a.md", secret)
    assert secret not in str(fault)


def test_the_constraints_are_names_and_versions_alone():
    text = (rules.ROOT / "constraints.txt").read_text("utf-8")
    faults = list(traces.pin_faults("constraints.txt", text))
    assert not faults, rules.listing(faults)
    assert "msgspec==" in text


@pytest.mark.parametrize(
    "line",
    [
        "msgspec>=0.20",
        "msgspec",
        "msgspec @ https://example.com/msgspec.whl",
        "-e .",
        "--index-url https://example.com",
        "msgspec==0.20 --hash=sha256:00",
    ],
)
def test_a_constraint_that_is_more_than_a_version_is_caught(line):
    assert len(list(traces.pin_faults("constraints.txt", line))) == 1
