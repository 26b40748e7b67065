"""What no text of the repository holds: a path of one machine, a registry's address, a secret."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.house.source import ROOT, Fault

# Pieces are joined here so that this file does not hold what it looks for.
_PLACEHOLDERS = "you|me|user|name|USER"
MACHINE_PATHS = re.compile(
    "|".join(
        (
            rf"(?<![\w.~-])/ho{''}me/(?!(?:{_PLACEHOLDERS})\b)[\w.-]+",
            r"(?<![\w.~/-])/ro" + r"ot/[\w.-]+",
            rf"(?<![\w.~-])/Us{''}ers/(?!(?:{_PLACEHOLDERS})\b)[\w.-]+",
            rf"(?i:\b[a-z]:\\{{1,2}}us{''}ers\\{{1,2}})(?!(?:{_PLACEHOLDERS})\b)[\w.-]+",
        )
    )
)
REGISTRIES = re.compile(
    r"(?i)\b(?:"
    + "|".join(
        re.escape(".".join(parts))
        for parts in (
            ("py" + "pi", "org"),
            ("python" + "hosted", "org"),
            ("py" + "pi", "python", "org"),
            ("registry", "npm" + "js", "org"),
            ("registry", "yarn" + "pkg", "com"),
            ("npm" + "mirror", "com"),
            ("conda", "ana" + "conda", "org"),
            ("crates" + "", "io"),
            ("proxy", "go" + "lang", "org"),
            ("deb", "deb" + "ian", "org"),
        )
    )
    + r")\b"
)
SECRETS = re.compile(
    "|".join(
        (
            r"-----BEGIN [A-Z ]*PRIV" + r"ATE KEY-----",
            r"\bAK" + r"IA[0-9A-Z]{16}\b",
            r"\bgh[pousr]_" + r"[A-Za-z0-9]{36}",
            r"\bgithub_" + r"pat_[A-Za-z0-9_]{40}",
            r"\bglpat-" + r"[A-Za-z0-9_-]{20}",
            r"\bxox[abprs]-" + r"[A-Za-z0-9-]{20}",
            r"\bsk-" + r"[A-Za-z0-9_-]{32}",
            r"\beyJ" + r"[\w-]{16,}\.eyJ[\w-]{16,}\.[\w-]{16,}",
        )
    )
)


def text_faults(path: str, text: str, *, checkout: Path = ROOT) -> Iterator[Fault]:
    """Traces of the machine that the text was written on, addresses of registries, secrets."""
    own = re.compile(rf"(?<![\w.~)}}-]){re.escape(str(checkout))}(?![\w-])") if len(checkout.parts) > 2 else None
    kinds = ((MACHINE_PATHS, "a path of one machine"), (REGISTRIES, "a registry's address"), (SECRETS, "a secret"))
    for number, line in enumerate(text.splitlines(), start=1):
        for pattern, what in (*kinds, *([(own, "the path of this checkout")] if own else [])):
            if found := pattern.search(line):
                # Not the secret itself: what a test prints is kept in logs.
                yield Fault(path, number, f"{what}: {found[0][:12]}…")


def pin_faults(path: str, text: str) -> Iterator[Fault]:
    """Lines of a constraints file that are more, or less, than a name and its one version."""
    for number, line in enumerate(text.splitlines(), start=1):
        if line and not line.startswith("#") and not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+", line):
            yield Fault(path, number, f"no plain name==version: {line[:40]}")
