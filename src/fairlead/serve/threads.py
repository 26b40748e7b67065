"""Threads for functions that may block, and that must not keep the process when it ends.

The standard pool is waited for when the interpreter ends, so that one tool that hangs would hold up every shutdown;
here threads are daemons, and nobody waits. A ThreadPoolExecutor by name alone: event loops take no other.
"""

import asyncio
import os
import queue
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")
_Work = queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None]


class Threads(ThreadPoolExecutor):
    """At most `most` threads, made as they are needed. Safe from any thread."""

    def __init__(self, most: int, name: str):
        super().__init__(most, name)
        self._most = most
        self._name = name
        self._waiting: _Work = queue.SimpleQueue()
        self._free = threading.Semaphore(0)
        self._lock = threading.Lock()
        self._made = 0
        self._over = False
        weakref.finalize(self, self._waiting.put, None)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> "Future[T]":
        """Run `fn` in a thread. Raises RuntimeError after `shutdown`."""
        future: Future[T] = Future()
        with self._lock:
            if self._over:
                raise RuntimeError("these threads were shut down")
            self._waiting.put((future, lambda: fn(*args, **kwargs)))
            if not self._free.acquire(blocking=False) and self._made < self._most:
                self._made += 1
                arguments = (self._waiting, self._free)
                threading.Thread(target=_work, args=arguments, name=f"{self._name}-{self._made}", daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more. Returns at once, also where waiting is asked for: what blocks is left behind."""
        with self._lock:
            self._over = True
        while cancel_futures:
            try:
                work = self._waiting.get_nowait()
            except queue.Empty:
                break
            if work is not None:
                work[0].cancel()
        self._waiting.put(None)


def _work(waiting: _Work, free: threading.Semaphore) -> None:
    while (work := waiting.get()) is not None:
        future, act = work
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(act())
            except BaseException as fault:  # noqa: BLE001 - whoever awaits is told, as with the standard pool
                future.set_exception(fault)
        del work, future, act
        free.release()
    waiting.put(None)  # For the next thread.


def lend(loop: asyncio.AbstractEventLoop) -> None:
    """Let `asyncio.to_thread` and the like use such threads on this loop, or its end would wait for them."""
    loop.set_default_executor(Threads(min(32, (os.cpu_count() or 1) + 4), "fairlead-loop"))
