"""Raw files damaged at random: every one is read as the slow reader reads it, or refused in one line that names a file.

    CROCO_NP_FUZZ_LINES=200000 python -m pytest -s tests/fuzz          that many damaged lines, some minutes

What failed is shown with the number of its case; `CROCO_NP_FUZZ_FIRST=number` begins there.
"""

import os
import random
import shutil
import signal
from collections import Counter
from contextlib import contextmanager

import mutate
import pytest
import slow_aliccp
import slow_kuairand
from slow import RefusedError

from croco_np.datasets import aliccp, csv_files, kuairand, tianchi
from croco_np.errors import InputError

LINES = int(os.environ.get("CROCO_NP_FUZZ_LINES", "800")) // 2  # of each of the two data sets
FIRST = int(os.environ.get("CROCO_NP_FUZZ_FIRST", "0"))
SECONDS = 10  # for one small file; more is a hang
LONGEST = 300  # characters of a message, without the folder
DAY_MS = 86_400_000


def kuairand_files(rng):
    """Three small files of KuaiRand: four users, five videos, six days."""
    log = [slow_kuairand.LOG]
    for i in range(rng.choice([12, 24, 40])):
        day = i % 6
        user, video, tab = rng.randrange(4), rng.randrange(5), rng.choice([0, 1, 2, 4, 6, 3])
        time = 1_651_370_400_000 + day * DAY_MS + i * 1000  # 10 in the morning of 1 May in Beijing
        feedback = [rng.randrange(2), 0, 0, 0, 0, 0, 0, rng.randrange(9000), rng.choice([0, 7000, 9000])]
        log.append([user, video, 20220501 + day, 1000, time, *feedback, 0, 0, 0, 0, tab])
    user = [["user_id", *slow_kuairand.USER]]
    user += [[u, "full_active", 0, -124, rng.randrange(2), '"(0,10]"', 0, '"[1,5)"', "730+",
              *(rng.choice([0, 1, "1.0", ""]) for _ in range(18))] for u in range(4)]  # fmt: skip
    video = [["video_id", *slow_kuairand.VIDEO]]
    video += [[v, 7 + v % 2, "NORMAL", "2022-04-10", "Web", "0.0", 9155697141 + v, "9.0",
               rng.choice(['"3,5"', "3", "", '"a ""b"""', "é"])] for v in range(5)]  # fmt: skip
    names = ("log_standard_4_25_to_5_08_pure.csv", "user_features_pure.csv", "video_features_basic_pure.csv")
    return {name: _csv(rows) for name, rows in zip(names, (log, user, video), strict=True)}


def aliccp_files(rng):
    """Four small files of AliCCP: two domains, four contexts in each split."""
    files = {}
    for split, first in (("train", 1), ("test", 7)):
        common, skeleton = [], []
        for c in range(first, first + 4):
            common.append([f"{c:016x}", _tokens(rng, 101, c, 121, 5, 122, c % 2, 127, 3, "127_14", 9, "109_14", 1)])
        for i in range(1, rng.choice([12, 30, 60])):
            click, converted, domain = rng.randrange(2), rng.random() < 0.1, 9351665 + (rng.random() < 0.4)
            item = rng.randrange(30, 34)
            body = _tokens(rng, 301, domain, 205, item, 206, item % 2, 216, 4, 210, 1, 210, 2, 508, item)
            skeleton.append([i, click, int(converted), f"{rng.randrange(first, first + 4):016x}", body])
        for name, rows in (("common_features", common), ("sample_skeleton", skeleton)):
            counted = [[*row[:-1], row[-1].count("\x02"), row[-1]] for row in rows]
            files[f"{name}_{split}.csv"] = _csv(counted)
    return files


def _tokens(rng, *pairs):
    tokens = []
    for field, number in zip(pairs[::2], pairs[1::2], strict=True):
        if field == 301 or rng.random() < 0.9:
            tokens.append(f"{field}\x02{number}\x03{rng.choice(('1.0', '0.69315', '1e+05', '.5'))}")
    rng.shuffle(tokens)
    return "\x01".join(tokens)


def _csv(rows):
    return "".join(",".join(map(str, row)) + "\n" for row in rows).encode()


@contextmanager
def time_limit(seconds):
    def stop(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def outcome(read, slow_read, files, folder):
    """(what happened, more about it) to the files of one case; good are "as slow" and "refused"."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    try:
        want, why = slow_read(files), ""
    except RefusedError as error:
        want, why = None, str(error)
    try:
        with time_limit(SECONDS):
            splits = read(folder)
            parts = (splits.train, splits.valid, splits.test)
            got = tuple(list(zip(*(column.tolist() for column in part), strict=True)) for part in parts)
    except InputError as error:
        message = str(error).replace(str(folder), "")
        if "\n" in message or len(message) > LONGEST or str(folder) not in str(error) or not message.isprintable():
            return "bad message", message[:LONGEST]
        return ("refused", message) if want is None else ("refused without need", message)
    except TimeoutError:
        return "hang", ""
    except Exception as error:
        return "traceback", repr(error)[:LONGEST]
    if want is None:
        return "read though broken", why
    return ("as slow", "") if got == want else ("other numbers", "")


DATA = {
    "kuairand": (kuairand_files, lambda f: kuairand.read(f, min_count=2), lambda f: slow_kuairand.read(f, 2)),
    "aliccp": (
        aliccp_files,
        lambda f: aliccp.read(f, min_count=2, valid_share=0.3),
        lambda f: slow_aliccp.read(f, 2, 0.3),
    ),
}


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="hangs are found by a signal that this system lacks")
@pytest.mark.parametrize("name", DATA)
def test_damaged_files(name, tmp_path, monkeypatch):
    make, read, slow_read = DATA[name]
    met, failed, lines, case = Counter(), [], 0, FIRST
    while lines < LINES:
        rng = random.Random(f"{name} {case}")
        files = make(rng)
        if case % 50:
            victim = rng.choice(list(files))
            data, n = mutate.damage(rng, files.pop(victim))
            packed = rng.random() < 0.05
            files[victim + ".gz" * packed] = mutate.pack(rng, data) if packed else data
            lines += n
        for module in (csv_files, tianchi):
            monkeypatch.setattr(module, "BLOCK_BYTES", rng.choice([1 << 6, 1 << 10, 1 << 22]))
        what, more = outcome(read, slow_read, files, tmp_path / "case")
        met[what] += 1
        if what not in ("as slow", "refused"):
            failed.append(f"case {case}: {what}: {more}")
        case += 1
    print(f"\n{name}: {lines:,} damaged lines in {case - FIRST:,} cases: {dict(met)}")
    assert not failed, "\n".join([f"{len(failed)} of {case - FIRST} cases:", *failed[:20]])
    assert met["as slow"] > case // 10  # the fuzzer reads, too
    assert met["refused"] > case // 10
