"""Many runs: the same task over each of them, in one process or in several; under `analysis`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from wganlint.errors import InputError
from wganlint.read.watch import Watch, watching

if TYPE_CHECKING:  # what several processes need is imported where they are used: most calls have one run
    from concurrent.futures import Future, ProcessPoolExecutor

WORTH = 64 << 20  # bytes from which on further processes are started unasked: starting one costs as much as some 20 MB
BATCHES = 8  # parts of the work a process: small enough that all end together
LOOK = 0.2  # seconds between two looks at how far the processes are

T = TypeVar("T")
R = TypeVar("R")
Shared = Any  # an array of two counters, files and bytes, in shared memory


def processes(jobs: int | None, items: int, size: int) -> int:
    """Return how many processes to use: as many as asked for, else several only where there is work for them."""
    if jobs is None:
        jobs = _cores() if size >= WORTH else 1
    return max(1, min(jobs, items))


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def spread(
    task: Callable[[T], R], items: Sequence[T], sizes: Sequence[int], *, jobs: int | None, watch: Watch | None
) -> list[R]:
    """Return what `task` gives for each item, in the order of the items, however many processes work.

    `sizes` are the bytes behind each item. The task and what it takes and gives must be picklable where `jobs` may
    be more than one.

    Raises:
        Exception: the first error, in the order of the items, that the task raised.
    """
    count = processes(jobs, len(items), sum(sizes))
    if count == 1:
        with watching(watch):
            return [task(item) for item in items]
    from concurrent.futures.process import BrokenProcessPool

    with _pool(count, watch is not None) as (pool, counters):
        batches = _batches(sizes, count * BATCHES)
        futures = {pool.submit(_batch, task, items[first:stop]): first for first, stop in batches}
        _follow(list(futures), watch, counters)
        done = sorted(futures, key=lambda future: futures[future])
        failed = [future for future in done if not future.cancelled() and future.exception() is not None]
        if failed:
            error = failed[0].exception()
            if isinstance(error, BrokenProcessPool):
                raise InputError("a process that read runs was ended from outside", hint="Try again with --jobs 1.")
            assert error is not None
            raise error
        return [result for future in done for result in future.result()]


@contextmanager
def _pool(count: int, counting: bool) -> Iterator[tuple[ProcessPoolExecutor, Shared]]:
    """Yield processes and the counters that they share; whatever ends the work ends them."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context: Any = multiprocessing.get_context(method)
    if method == "forkserver":  # the costly imports are done once
        context.set_forkserver_preload(["wganlint.analysis"])
    counters = context.Array("Q", 2) if counting else None
    before = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(count, mp_context=context, initializer=_start, initargs=(counters,))
    try:
        yield pool, counters
        pool.shutdown()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in set(multiprocessing.active_children()) - before:
            process.terminate()
        raise


def _batches(sizes: Sequence[int], count: int) -> list[tuple[int, int]]:
    """Cut the items into at most about `count` stretches of like size; the largest is begun first."""
    most = max(sum(sizes) / count, 1)
    stretches: list[tuple[int, int, int]] = []
    first, filled = 0, 0
    for at, size in enumerate(sizes):
        filled += size
        if filled >= most or at == len(sizes) - 1:
            stretches.append((filled, first, at + 1))
            first, filled = at + 1, 0
    return [(first, stop) for _, first, stop in sorted(stretches, key=lambda one: (-one[0], one[1]))]


def _follow(futures: Sequence[Future[Any]], watch: Watch | None, counters: Shared) -> None:
    """Wait until all are done or one has failed, and tell the watch how far they are."""
    from concurrent.futures import FIRST_EXCEPTION, wait

    pending = set(futures)
    files = size = 0
    while pending:
        done, pending = wait(pending, timeout=LOOK if watch else None, return_when=FIRST_EXCEPTION)
        if watch is not None:
            now_files, now_size = counters[:]
            for _ in range(now_files - files):
                watch.reading("")
            watch.took(now_size - size)
            files, size = now_files, now_size
        if any(future.exception() for future in done):
            for future in pending:
                future.cancel()
            return


# -- in the process that works

_COUNTERS: Shared = None


class _Counting:
    """The watch of a process that works: counts in shared memory."""

    def plan(self, doing: str, files: int, size: int) -> None:
        pass

    def reading(self, name: str) -> None:
        with _COUNTERS.get_lock():
            _COUNTERS[0] += 1

    def took(self, count: int) -> None:
        with _COUNTERS.get_lock():
            _COUNTERS[1] += count


def _start(counters: Shared) -> None:
    global _COUNTERS
    import signal

    _COUNTERS = counters
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))  # Ctrl-C reaches all; the first process tells of it


def _batch(task: Callable[[T], R], items: Sequence[T]) -> list[R]:
    with watching(_Counting() if _COUNTERS is not None else None):
        return [task(item) for item in items]
