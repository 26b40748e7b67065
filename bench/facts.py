"""What has to be known of the machine and the packages to read the figures.

It refuses to name the machine, its paths or its users.
"""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from bench.environments import Environment, versions
from bench.errors import MissingError

_PACKAGES = ("uvicorn", "uvloop", "httptools", "websockets", "msgspec", "mcp", "fastmcp", "pydantic")
_SAME_SERVER = ("uvicorn", "uvloop", "httptools", "websockets", "msgspec")


def machine() -> list[tuple[str, str]]:
    """Name and value of each fact."""
    processor = _field("/proc/cpuinfo", "model name") or platform.machine()
    memory = int((_field("/proc/meminfo", "MemTotal") or "0").split()[0]) / 1048576
    return [
        ("date", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")),
        ("processor", f"{processor}, {len(os.sched_getaffinity(0))} cores usable"),
        ("memory", f"{memory:.0f} GiB"),
        ("system", f"{platform.system()} {platform.release()}"),
        ("Python", f"{platform.python_implementation()} {platform.python_version()}"),
        ("load before the run", f"{os.getloadavg()[0]:.2f}"),
    ]


def packages(environments: list[Environment]) -> list[tuple[str, str]]:
    """Name of each environment, and the packages in it that bear on its speed."""
    rows, found = [], {}
    for environment in environments:
        try:
            found[environment.name] = versions(environment, _PACKAGES)
        except MissingError as error:
            rows.append((environment.name, str(error)))
            continue
        rows.append((environment.name, ", ".join(f"{name} {is_}" for name, is_ in found[environment.name].items())))
    rows.extend(_differences(found))
    return rows


def _differences(found: dict[str, dict[str, str]]) -> list[tuple[str, str]]:
    # The echo is Fairlead's floor only on the same server.
    echo, ours = found.get("echo"), found.get("fairlead")
    if echo is None or ours is None:
        return []
    different = [name for name in _SAME_SERVER if echo.get(name) != ours.get(name)]
    return [("warning", f"echo and fairlead differ in {', '.join(different)}")] if different else []


def _field(path: str, name: str) -> str | None:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), None)
