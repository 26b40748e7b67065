"""The command as people meet it: its help, its version, and one line for what is wrong."""

import pytest

from fairlead import __version__
from fairlead.cli import main
from tests.serve.harbour import ROOT, child


def wrong(capsys, *words: str) -> tuple[int, str]:
    """The exit code and the one line for arguments that cannot be served."""
    code = main(words)
    told = capsys.readouterr()
    assert not told.out
    assert told.err.startswith("fairlead: ") and told.err.count("\n") == 1, told.err
    return code, told.err


def test_the_version_is_told(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"fairlead {__version__}\n"


@pytest.mark.parametrize(("words", "told"), [(["--help"], "serve"), (["serve", "--help"], "--allow-origin")])
def test_help_fits_on_a_screen_or_two(capsys, monkeypatch, words, told):
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 0
    shown = capsys.readouterr().out
    assert told in shown and len(shown.splitlines()) <= 80
    assert "%" not in shown.replace("100%", "")


@pytest.mark.parametrize("words", [[], ["sail"], ["serve"], ["serve", "x.py", "--transport", "pigeon"], ["--nonsense"]])
def test_a_command_that_is_none_is_refused_with_its_usage(capsys, words):
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 1
    assert "usage: fairlead" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--port", "many"),
        ("--port", "70000"),
        ("--port", "-1"),
        ("--frame-bytes", "10"),
        ("--in-flight", "0"),
        ("--drain-seconds", "-1"),
        ("--call-timeout", "soon"),
    ],
)
def test_a_value_that_does_not_fit_is_told_with_its_flag(capsys, flag, value):
    code, told = wrong(capsys, "serve", str(ROOT / "examples/quickstart.py"), f"{flag}={value}")
    assert code == 1
    assert flag in told and repr(value) in told


def test_a_log_level_that_is_none_is_told_with_those_there_are(capsys):
    code, told = wrong(capsys, "serve", str(ROOT / "examples/quickstart.py"), "--log-level", "loud")
    assert code == 1 and "'loud'" in told and "debug, info, warning, error" in told


def test_a_host_beyond_this_machine_needs_a_word_more(capsys):
    for host in ("0.0.0.0", "::", "192.0.2.1"):
        code, told = wrong(capsys, "serve", str(ROOT / "examples/quickstart.py"), "--host", host)
        assert code == 1 and host in told and "--insecure" in told


def test_an_address_that_this_machine_has_not_is_told_and_the_exit_code_is_4(capsys):
    words = ("serve", str(ROOT / "examples/quickstart.py"), "--insecure", "--port", "0", "--host")
    for host in ("192.0.2.1", "no such host"):
        code, told = wrong(capsys, *words, host)
        assert code == 4 and f"Cannot listen on {host}:0" in told


def test_a_source_that_is_not_there_is_one_line(capsys):
    code, told = wrong(capsys, "serve", "no_such_file.py")
    assert code == 1 and "no_such_file.py" in told


@pytest.mark.parametrize("words", [("--version",), ("serve", "--help")])
def test_the_module_can_be_run(run, words):
    async def talk():
        async with child(*words) as running:
            assert b"fairlead" in await running.rest()
            assert await running.ends() == 0

    run(talk())
