"""Says at the end of a run how large the house is, so that growth is seen before a limit is hit."""

import pytest

from tests.house import rules


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    sizes = {source.path: len(source.text.splitlines()) for source in rules.sources()}
    if sizes:
        longest = max(sizes, key=lambda path: sizes[path])
        mean = sum(sizes.values()) / len(sizes)
        terminalreporter.write_line(
            f"house: {len(sizes)} files, {sum(sizes.values())} lines, {mean:.0f} to a file; "
            f"the longest is {longest} with {sizes[longest]} of {rules.FILE_LINES}"
        )
