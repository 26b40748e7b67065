"""Keeps the load generator's own memory from costing more than the calls it makes.

With its stock settings glibc hands the pages of each large answer back to the kernel and faults
them in again for the next: a megabyte then costs the client six times what reading it does. Only
this process is set so; it refuses to touch a server's allocator.
"""

import ctypes
from contextlib import suppress

# mallopt(3)
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3


def keep_memory() -> None:
    """Tell the allocator to keep freed memory. Does nothing where there is no `mallopt`."""
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, 32 << 20)
        mallopt(_M_TRIM_THRESHOLD, 512 << 20)
