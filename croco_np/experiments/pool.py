"""Runs side by side in processes: what is missing is made, what fails is reported, and the others go on."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import wait as wait_for
from pathlib import Path
from typing import NamedTuple

from ..command.interrupts import stop_if_asked, uninterrupted
from ..command.streams import one_line
from ..errors import InputError, in_flags
from .run import Run
from .store import Store

POOLS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
SECONDS_BETWEEN_LOOKS, SECONDS_BETWEEN_LINES = 0.5, 10.0
MADE, ELSEWHERE = "made", "elsewhere"


class Outcome(NamedTuple):
    """What became of a grid of runs.

    records  {key: record} of all runs that have one now
    failed   {key: (title, what went wrong)} of those that have none
    """

    records: dict[str, dict]
    failed: dict[str, tuple[str, str]]


def make(runs: Sequence[Run], store: Store, jobs: int, what: str, say: Callable[[str], None] = print) -> Outcome:
    """Make the runs that the store does not have, `jobs` at a time -> `Outcome`.

    A run has as many threads as its config says (one, in experiments), so results do not depend on `jobs`. A run that
    another process is making at the moment is waited for. Ctrl-C ends the runs under way; those that are done are kept.
    """
    wanted = {run.key: run for run in runs}
    missing = {key: run for key, run in wanted.items() if _record(run, store) is None}
    failed: dict[str, tuple[str, str]] = {}
    if not missing:
        say(f"{what}: all {len(wanted):,} runs are there")
    else:
        there = f", {len(wanted) - len(missing):,} are there" if len(missing) < len(wanted) else ""
        say(f"{what}: {len(missing):,} runs to make{there}; {min(jobs, len(missing))} at a time")
        progress = _Progress(len(missing), what, say)
        for run, wrong in _made(list(missing.values()), store, jobs):
            if wrong:
                failed[run.key] = run.title, wrong
                say(f"{what}: {run.title} failed: {wrong}")
            progress.one_more(len(failed))
        progress.close()
    found = {key: _record(run, store) for key, run in wanted.items()}
    return Outcome({key: record for key, record in found.items() if record is not None}, failed)


def _record(run: Run, store: Store) -> dict | None:
    """The record of a run, if the store has one of these very settings."""
    record = store.record(run.key)
    return record if record is not None and run.is_of(record) else None


def _made(runs: list[Run], store: Store, jobs: int) -> Iterator[tuple[Run, str]]:
    """Yield each run when it has a record, or with what went wrong. Long ones should come first in the list."""
    jobs = min(jobs, len(runs))  # no process is started for nothing
    waiting, elsewhere = list(reversed(runs)), list[Run]()
    under_way: dict[Future, Run] = {}
    pool = _pool(jobs, runs)
    try:
        while waiting or under_way or elsewhere:
            lost = _submit(pool, waiting, under_way, jobs, store)
            done, _ = wait(under_way, SECONDS_BETWEEN_LOOKS, FIRST_COMPLETED)
            stop_if_asked()
            for future in done:
                run = under_way.pop(future)
                try:
                    status, wrong = future.result()
                except BrokenProcessPool:
                    lost.append(run)
                    continue
                if status == ELSEWHERE:
                    elsewhere.append(run)
                else:
                    yield run, wrong
            if lost:
                lost += under_way.values()
                under_way.clear()
                if jobs == 1:  # it was alone, so its process is the one that died
                    yield lost.pop(), "its process was ended from outside (out of memory?)"
                waiting += reversed(lost)
                _end(pool)
                jobs = 1  # which of several killed the pool cannot be told; from here on it can
                pool = _pool(jobs, runs)
            if elsewhere and not under_way and not waiting:
                time.sleep(SECONDS_BETWEEN_LOOKS)
                waiting, elsewhere = elsewhere, []
    finally:
        _end(pool)


def _submit(pool, waiting, under_way, jobs, store):
    """Give the pool as many runs as it has processes -> those that it could not take, because one of them has died."""
    while waiting and len(under_way) < jobs:
        run = waiting.pop()
        try:
            under_way[pool.submit(_work, run, str(store.folder))] = run
        except BrokenProcessPool:
            return [run]
    return []


def _pool(jobs, runs):
    """Worker processes that import the package anew, with pools of as many threads as a run asks for."""
    threads = max(run.config.threads for run in runs) or 1
    with _environment(dict.fromkeys(POOLS, str(threads))):
        pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), initializer=_prepare)
        with _deaf_children(), uninterrupted:  # one that got half of its orders would say so
            started = [pool.submit(os.getpid) for _ in range(jobs)]  # all start now, in this environment
    try:
        for ready in started:
            ready.result()
    except BaseException:
        _end(pool)
        raise
    return pool


@contextmanager
def _deaf_children():
    """Processes started in this block do not hear Ctrl-C, not even while they import; ours comes at its end."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if os.name == "posix" else None
    try:
        yield
    finally:
        if before is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _environment(settings):
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _prepare():
    """Make a worker fast, leave Ctrl-C to the parent, and end with it."""
    from ..machine.tuning import tune

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    tune()


def _end_with_the_parent():
    """In a worker: wait until the parent is gone, also by a kill that it could not hear, and end.

    An idle worker would otherwise wait for work for ever: its queue stays open as long as any worker lives.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for([parent.sentinel])
        os._exit(1)  # files are replaced whole, and locks end with their process


def _work(run, folder):
    """In a worker: make one run unless another process does -> (status, what went wrong)."""
    from ..kernels.pools import set_threads
    from .run import carry_out

    store = Store(Path(folder))
    try:
        with store.held(run.key) as ours:
            if not ours:
                return ELSEWHERE, ""
            if _record(run, store) is None:
                set_threads(run.config.threads or 1)
                store.put(run.key, *carry_out(run))
        return MADE, ""
    except InputError as error:
        return MADE, in_flags(error)
    except Exception as error:  # of one run of many: it is reported, and the others go on
        return MADE, f"{type(error).__name__}: {one_line(error)}"


def _end(pool):
    """End the workers, also in the middle of a run: what it would have given is made by the next command."""
    workers = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for worker in workers:
        worker.terminate()


class _Progress:
    """How many runs are done, and how long the rest will take: a bar on a terminal, else a line now and then."""

    def __init__(self, total, what, say):
        self.total, self.what, self.say = total, what, say
        self.done, self.started, self.last = 0, time.monotonic(), time.monotonic()
        self.bar = None
        if sys.stderr is not None and sys.stderr.isatty():
            from tqdm import tqdm

            self.bar = tqdm(total=total, desc=what, unit="run", leave=False, dynamic_ncols=True)

    def one_more(self, failed):
        self.done += 1
        if self.bar:
            self.bar.update()
            return
        now = time.monotonic()
        if now - self.last >= SECONDS_BETWEEN_LINES or self.done == self.total:
            self.last, taken = now, now - self.started
            left = taken / self.done * (self.total - self.done)
            also = f", {failed} failed" if failed else ""
            self.say(f"{self.what}: {self.done:,} of {self.total:,} runs{also}, {span(taken)}, {span(left)} left")

    def close(self):
        if self.bar:
            self.bar.close()


def span(seconds: float) -> str:
    """A length of time to read: "45 s", "12 min", "3.2 h"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
