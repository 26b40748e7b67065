"""The virtual environments of the measured servers: made once, kept until their pins change.

The project's own environment is the one that runs the benchmark; every other is built under
`bench/.envs/` from `bench/requirements/`. It refuses to install anything into an environment it
did not make.
"""

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.errors import MissingError

_HERE = Path(__file__).resolve().parent
_INSTALL_SECONDS = 900.0
_STAMP = ".pins"


@dataclass(frozen=True)
class Environment:
    """Where a server's packages live. Without `pinned` it is the environment running now."""

    name: str
    pinned: bool = True

    @property
    def requirements(self) -> Path:
        """The file of exact pins."""
        return _HERE / "requirements" / f"{self.name}.txt"

    @property
    def scripts(self) -> Path:
        """The folder of its interpreter and console scripts."""
        if self.pinned:
            return _HERE / ".envs" / self.name / "bin"
        return Path(sys.executable).parent

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.scripts / "python"


PROJECT = Environment("fairlead", pinned=False)
ECHO = Environment("echo")
SDK = Environment("sdk")
FASTMCP = Environment("fastmcp")


def ensure(environment: Environment) -> None:
    """Make the environment, or leave it as it is where its pins are those of its file.

    Raises MissingError with the installer's last line where it cannot be made.
    """
    if not environment.pinned:
        return
    home = environment.scripts.parent
    stamp = home / _STAMP
    wanted = _fingerprint(environment.requirements)
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    shutil.rmtree(home, ignore_errors=True)
    sys.stderr.write(f"bench: making the environment {environment.name}\n")
    _run([sys.executable, "-m", "venv", str(home)])
    _run(
        [str(environment.python), "-m", "pip", "install", "--quiet"]
        + ["--disable-pip-version-check", "--no-input", "-r", str(environment.requirements)]
    )
    _run([str(environment.python), "-m", "compileall", "-q", str(home / "lib")], check=False)
    stamp.write_text(wanted)


def versions(environment: Environment, packages: tuple[str, ...]) -> dict[str, str]:
    """The installed versions of these packages; the absent ones are left out."""
    ask = (
        "import sys, importlib.metadata as m\n"
        "for name in sys.argv[1:]:\n"
        "    try: print(name, m.version(name))\n"
        "    except m.PackageNotFoundError: pass\n"
    )
    output = _run([str(environment.python), "-c", ask, *packages])
    return dict(line.split(" ", 1) for line in output.splitlines())


def _fingerprint(requirements: Path) -> str:
    try:
        pins = requirements.read_bytes()
    except OSError as error:
        raise MissingError(f"no pins: {requirements.name}: {error.strerror}") from error
    return hashlib.sha256(pins + sys.version.encode()).hexdigest()


def _run(command: list[str], *, check: bool = True) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=check)
    except subprocess.CalledProcessError as error:
        last = (error.stderr or error.stdout or "").strip().splitlines()[-1:]
        raise MissingError(f"{command[2]} failed: {' '.join(last)}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MissingError(f"{command[2]} failed: {error}") from error
    return done.stdout
