"""The grade book: right answers pass, wrong ones get their hint, and nothing else passes, whatever it does."""

import csv
import io
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from croco_np.errors import InputError
from croco_np.teaching import grading, magics
from croco_np.teaching.grades import book, handed_in, marking, own, wire
from croco_np.teaching.grades.__main__ import main
from croco_np.teaching.grades.answering import Limits, exception
from croco_np.teaching.grades.marking import mark

LIMITS = Limits(seconds=20)
IMPORTS = "import numpy as np\nfrom croco_np.teaching import grade\n"
RIGHT = "def answer(g, dg):\n    return g * (dg - (g * dg).sum(axis=1, keepdims=True))\n"
WRONG = "def answer(g, dg):\n    return g * dg\n"
CALL = 'grade("3.1", answer)\n'

TRICKS = {
    "a grader of its own": "def grade(number, answer):\n    print('Exercise 3.1: right.')\n" + WRONG + CALL,
    "prints right": "print('Exercise 3.1: right.')\n" + WRONG + CALL,
    "replaces the verdict": (
        "import croco_np.teaching.grading as g\ng.verdict = lambda *a: (True, 'right')\n" + WRONG + CALL
    ),
    "replaces the comparison": (
        "import croco_np.teaching.compare as c, numpy\nc.same = lambda *a, **k: True\n"
        "numpy.array_equal = numpy.allclose = lambda *a, **k: True\n" + WRONG + CALL
    ),
    "an array that is equal to all": (
        "class Yes(np.ndarray):\n    def __eq__(self, other): return True\n    __le__ = __eq__\n"
        "def answer(g, dg):\n    return np.zeros(g.shape).view(Yes)\n" + CALL
    ),
    "a frame that runs code": (
        "class Run:\n    def __reduce__(self): return (print, ('owned',))\ndef answer(g, dg):\n    return Run()\n"
        + CALL
    ),
    "leaves in an answer": "import os\ndef answer(g, dg):\n    os._exit(0)\n" + CALL,
    "leaves before it": "import os\nos._exit(0)\n" + WRONG + CALL,
    "stops before it": "raise SystemExit(0)\n" + WRONG + CALL,
    "stops in it": "def answer(g, dg):\n    raise SystemExit(0)\n" + CALL,
    "ends a loop of the checker": "def answer(g, dg):\n    raise StopIteration\n" + CALL,
    "forges replies": (
        "import os, pickle, struct\nfor fd in range(3, 20):\n    try:\n"
        "        data = pickle.dumps(('value', True))\n        os.write(fd, struct.pack('>Q', len(data)) + data)\n"
        "    except OSError:\n        pass\n" + WRONG + CALL
    ),
    "the worked solution, by another way": (
        "def answer(g, dg):\n    from croco_np.teaching import grading\n"
        "    return grading.solutions.every()['3.1'].answer(g, dg)\n" + CALL
    ),
    "the worked solution from its file": (
        "def answer(g, dg):\n    from croco_np.teaching.solutions import lesson03\n"
        "    return lesson03.softmax_backward(g, dg)\n" + CALL
    ),
    "the checks": (
        "def answer(g, dg):\n    from croco_np.teaching.exercises import lesson03\n"
        "    return lesson03.softmax_backward(g, dg)\n" + CALL
    ),
}


def cells(*texts):
    return [IMPORTS, *texts]


def notebook(path, *texts):
    path.parent.mkdir(parents=True, exist_ok=True)
    made = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": text} for text in cells(*texts)]
    path.write_text(json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return path


def test_a_right_answer():
    assert mark(cells(RIGHT + CALL), "3.1", LIMITS) == ("right", "")


def test_a_wrong_answer_gets_its_hint():
    given = mark(cells(WRONG + CALL), "3.1", LIMITS)
    assert given.mark == "not yet"
    assert "a logit is also in the sum below all shares" in given.hint


@pytest.mark.parametrize(
    "text",
    [
        "def answer(g, dg):\n    raise NotImplementedError\n" + CALL,
        "answer = ...\n" + CALL,
        "answer = None\n" + CALL,
        "",
    ],
)
def test_an_open_answer(text):
    assert mark(cells(text), "3.1", LIMITS).mark == "open"


def test_an_answer_that_is_a_value():
    assert mark(cells('grade("2.4", 2)'), "2.4", LIMITS).mark == "right"
    assert mark(cells('grade("2.4", 3)'), "2.4", LIMITS).mark == "not yet"


def test_an_answer_that_writes_where_it_is_asked_to():
    text = (
        "def add_mine(sums, slots, d, worker, n_workers):\n    for i in range(len(slots)):\n"
        "        if slots[i] % n_workers == worker:\n            sums[slots[i]] += d[i]\n"
        'grade("9.2", add_mine)\n'
    )
    assert mark(cells(text), "9.2", LIMITS) == ("right", "")


def test_an_answer_that_writes_into_what_it_is_given():
    text = RIGHT.replace("return", "right =") + "    dg *= 2\n    return right\n"
    given = mark(cells(text + CALL), "3.1", LIMITS)
    assert given.mark == "not yet"
    assert "writes into its argument dg" in given.hint


def test_an_answer_that_needs_the_model_and_its_cache():
    text = "def answer(model, c, d):\n    return model.backward(c, d)\n"
    assert mark(cells(text + 'grade("5.1", answer)'), "5.1", LIMITS) == ("right", "")


def test_a_cell_may_ask_for_the_solution_as_well():
    assert mark(cells(RIGHT + 'solution("3.1", answer)\n' + CALL), "3.1", LIMITS) == ("right", "")


def test_what_stands_above_and_is_needed_runs():
    above = "%matplotlib inline\ndef mean(g, dg):\n    return (g * dg).sum(axis=1, keepdims=True)\n"
    text = "def answer(g, dg):\n    return g * (dg - mean(g, dg))\n" + CALL
    assert mark(cells(above, "1 / 0", text), "3.1", LIMITS) == ("right", "")


def test_an_error_above_the_answer_is_told():
    given = mark(cells("answer = undefined\n" + CALL), "3.1", LIMITS)
    assert given.mark == "failed"
    assert "NameError: name 'undefined' is not defined" in given.hint
    assert mark(cells("def answer(:\n" + CALL), "3.1", LIMITS).mark == "failed"


@pytest.mark.parametrize("name", TRICKS)
def test_no_trick_passes(name, capfd):
    given = mark(cells(TRICKS[name]), "3.1", LIMITS)
    assert given.mark in ("not yet", "failed"), given
    assert given.hint
    assert capfd.readouterr() == ("", "")


def test_time_and_memory_end():
    endless = mark(cells("def answer(g, dg):\n    while True: pass\n" + CALL), "3.1", Limits(seconds=2))
    assert endless == ("time", "not done after 2 s")
    before = mark(cells("while True: pass\n" + RIGHT + CALL), "3.1", Limits(seconds=2))
    assert before.mark == "time"
    huge = "def answer(g, dg):\n    return np.ones((100_000, 100_000))\n"
    given = mark(cells(huge + CALL), "3.1", LIMITS)
    assert given.mark in ("not yet", "failed")
    assert "emory" in given.hint


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("open(PLACE, 'w').write('x')", "files are not written"),
        ("import os; os.remove(PLACE)", "files are not changed"),
        ("import os; os.rename(PLACE, PLACE + '2')", "files are not changed"),
        ("import shutil; shutil.rmtree(os.path.dirname(PLACE))", "not"),
        ("open(PLACE).read()", "notebooks of the class are not read"),
        ("import subprocess; subprocess.run(['true'])", "is not allowed"),
        ("import os; os.system('true')", "is not allowed"),
        ("import os; os.fork()", "is not allowed"),
        ("import os; os.kill(os.getppid(), 9)", "is not allowed"),
        ("import socket; socket.create_connection(('127.0.0.1', 9))", "is not allowed"),
        ("import ctypes; ctypes.CDLL(None).system(b'true')", "is not allowed"),
    ],
)
def test_what_is_held_back(line, said, tmp_path):
    place = tmp_path / "someone" / "03_else.ipynb"
    place.parent.mkdir()
    place.write_text("theirs")
    text = f"PLACE = {str(place)!r}\ndef answer(g, dg):\n    import os\n    {line}\n    return g\n"
    given = mark(cells(text + CALL), "3.1", LIMITS, [tmp_path])
    assert given.mark == "not yet"
    assert "PermissionError" in given.hint
    assert said in given.hint
    assert place.read_text() == "theirs"
    assert [path.name for path in tmp_path.rglob("*")] == ["someone", "03_else.ipynb"]


def test_it_finds_a_clean_environment(monkeypatch):
    monkeypatch.setenv("CROCO_NP_SECRET", "of the teacher")
    text = "import os\ndef answer(g, dg):\n    raise ValueError(sorted(os.environ))\n"
    given = mark(cells(text + CALL), "3.1", LIMITS)
    assert "OPENBLAS_NUM_THREADS" in given.hint
    assert "SECRET" not in given.hint


def test_what_comes_back_is_data_only():
    for thing in (np.arange(6.0).reshape(2, 3), {"a": [1, None, "x"]}, (np.float64(2), slice(1, 2))):
        assert repr(wire.decoded(wire.pickle.dumps(thing))) == repr(thing)
    for thing in (print, subprocess.Popen, Path("x"), wire.Undecodable(), wire.HEAD):
        with pytest.raises((wire.Undecodable, TypeError)):
            wire.decoded(wire.pickle.dumps(thing) if thing is not wire.HEAD else b"nonsense")
    assert type(exception("StopIteration", "x")) is not StopIteration
    assert isinstance(exception("NotImplementedError", ""), NotImplementedError)


@pytest.fixture
def folder(tmp_path):
    """A class: ada is right in a notebook and wrong in another, bob's file is none, eve has not begun."""
    notebook(tmp_path / "ada" / "learning" / "03_mix.ipynb", WRONG + CALL)
    notebook(tmp_path / "ada" / "learning" / "03_mix (new).ipynb", RIGHT + CALL)
    notebook(tmp_path / "ada" / ".ipynb_checkpoints" / "03_mix.ipynb", RIGHT + CALL)
    (tmp_path / "bob").mkdir()
    (tmp_path / "bob" / "03_mix.ipynb").write_text("my dog ate it")
    notebook(tmp_path / "=eve()" / "mine.ipynb", "answer = ...\n" + CALL)
    return tmp_path


def test_a_class(folder, tmp_path_factory, capsys):
    out = tmp_path_factory.mktemp("out") / "grades.csv"
    assert main([str(folder), "--out", str(out), "--seconds", "20"]) == 0
    with open(out, newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert [tuple(row.values())[:4] for row in table] == [
        ("'=eve()", "3", "3.1", "open"),
        ("ada", "3", "3.1", "right"),
        ("ada", "3", "3.2", "open"),
        ("ada", "3", "3.3", "open"),
        ("bob", "3", "", "failed"),
    ]
    assert "not a notebook" in table[-1]["hint"]
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].split() == ["student", "3", "right"]
    assert "ada        1/3     1/3" in printed
    assert printed[-1] == f"5 rows: {out}"


def test_a_folder_of_one_student(folder):
    assert {one.student for one in handed_in.handed_in([folder / "ada" / "learning"])} == {"learning"}
    assert [one.student for one in handed_in.handed_in([folder])] == ["=eve()", "ada", "ada", "bob"]


def test_a_file_of_exercises_that_fails(folder, tmp_path_factory, capsys):
    own = tmp_path_factory.mktemp("own") / "own.py"
    for text, said in (
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ('from croco_np.teaching import exercise\nexercise("3.1", "again")(print)', "exercise 3.1 exists already"),
    ):
        own.write_text(text)
        assert main([str(folder), "--exercises", str(own)]) == 2
        assert said in capsys.readouterr().err
    assert main([str(folder), "--exercises", str(own.with_name("none.py"))]) == 2
    assert "no such file" in capsys.readouterr().err


def test_bad_input_is_one_line(tmp_path, capsys):
    assert main([str(tmp_path / "none")]) == 2
    assert main([str(tmp_path)]) == 2
    assert main([str(tmp_path), "--seconds", "0"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert "no such folder" in lines[0]
    assert "no notebook there" in lines[1]
    with pytest.raises(InputError):
        handed_in.handed_in([tmp_path])


@pytest.mark.parametrize("text", ["{}", "[]", '{"nbformat": 4, "cells": [1]}', '{"nbformat": 3, "worksheets": []}', ""])
def test_odd_files_are_rows(tmp_path, text):
    path = tmp_path / "ada" / "07_see.ipynb"
    path.parent.mkdir()
    path.write_text(text)
    ((row,),) = book.rows(handed_in.handed_in([tmp_path]), LIMITS)
    assert row[:4] == ("ada", "7", "", "failed")
    assert "not a notebook" in row.hint


def test_the_command_runs_from_anywhere(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    done = subprocess.run(
        [sys.executable, "-m", "croco_np.teaching.grades", str(folder / "bob"), "--out", "g.csv"],
        cwd=elsewhere,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (elsewhere / "g.csv").read_text().startswith("student,lesson,exercise,mark,hint\n")


ABOVE = "W = np.zeros(3)\n"
ONE = "def answer(g, dg):\n    return W[0] * g * (dg - (g * dg).sum(axis=1, keepdims=True))\n"
BY_HELPER = "def answer(g, dg):\n    return g * (dg - mean(g, dg))\n"
HELPER = "def mean(g, dg):\n    return (g * dg).sum(axis=1, keepdims=True)\n"

RIGHT_IN_A_NOTEBOOK = {
    "help below a helper": ["np.sum?\n" + HELPER, BY_HELPER + CALL],
    "help in the cell": [RIGHT + "np.sum?\nanswer?\n" + CALL],
    "a shell's output": ["files = !ls\n" + HELPER, BY_HELPER + CALL],
    "a magic's output": [RIGHT + "t = %timeit -o 1\nprint(t.best)\n" + CALL],
    "a magic inside the answer": [RIGHT.replace("    return", "    %timeit 1\n    return") + CALL],
    "a timed statement": ["%time W = np.ones(3)\n", ONE + CALL],
    "a timed cell": ["%%time\n" + RIGHT + CALL],
    "await": ["import asyncio\nawait asyncio.sleep(0.01)\n" + RIGHT + CALL],
    "a line that begins with %": [RIGHT + "n = (7\n  % 4)\nassert n == 3\n" + CALL],
    "a magic and a line that begins with %": ["%precision 3\n" + RIGHT + "n = (7\n  % 4)\nassert n == 3\n" + CALL],
    "a global that is counted": [
        "calls = 0\n",
        RIGHT.replace("    return", "    global calls\n    calls += 1\n    return") + CALL,
    ],
    "a function that sets up": [
        "cfg = {}\ndef setup(c):\n    c['axis'] = 1\n",
        "setup(cfg)\n",
        RIGHT.replace("axis=1", "axis=cfg['axis']") + CALL,
    ],
    "a function of NumPy that writes": [ABOVE + "np.copyto(W, 1)\n", ONE + CALL],
    "a view": [ABOVE + "V = W[:]\nV[:] = 1\n", ONE + CALL],
    "a cell above that fails": [ABOVE + "np.copyto(W, 1)\n", "1 / 0\n", ONE + CALL],
    "keywords": [RIGHT + 'grade(number="3.1", answer=answer)\n'],
    "keywords, turned round": [RIGHT + 'grade(answer=answer, number="3.1")\n'],
    "a number with a name": [RIGHT + 'n = "3.1"\ngrade(n, answer)\n'],
    "a loop": [RIGHT + 'for n in ["3.1"]:\n    grade(n, answer)\n'],
    "a comment and a text below": [RIGHT + CALL, "# grade(\"3.1\", None)\ns = '''\ngrade(\"3.1\", None)\n'''\n"],
    "an import that may fail": ["try:\n    import numba\n    W = [1]\nexcept ImportError:\n    W = [1]\n", ONE + CALL],
    "annotations": ["from __future__ import annotations\n", RIGHT.replace("g, dg)", "g: Array, dg: Array)") + CALL],
}


# what only IPython's own rewriting reads; where it is absent, such a line is left out, and its value with it
BY_IPYTHON = {"a magic's output", "a magic and a line that begins with %"}


@pytest.mark.parametrize("name", RIGHT_IN_A_NOTEBOOK)
def test_what_is_right_in_a_notebook_is_right_here(name):
    if name in BY_IPYTHON:
        pytest.importorskip("IPython", reason="pip install -e '.[tutorials]'")
    assert mark(cells(*RIGHT_IN_A_NOTEBOOK[name]), "3.1", LIMITS) == ("right", "")


def test_without_ipython_most_of_it_is_read_as_well(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython.core.inputtransformer2", None)
    magics.plain.cache_clear()
    for cell in ("np.sum?\na = 1", "files = !ls\na = 1", "t = %timeit -o 1\na = 1", "%%time\na = 1", "!ls\na = 1"):
        assert "a = 1" in magics.plain(cell)
        assert magics.parsed(magics.plain(cell)) is not None, cell
    magics.plain.cache_clear()


def test_all_cells_run_only_where_a_slice_may_lack_something(monkeypatch):
    jobs = []
    monkeypatch.setattr(
        marking, "_mark", lambda number, job, *_: jobs.append(job["whole"]) or marking.Mark("not yet", "")
    )
    mark(cells(WRONG + CALL), "3.1", LIMITS)
    assert jobs == [False]
    mark(cells(ABOVE, ONE + CALL), "3.1", LIMITS)
    assert jobs == [False, False, True]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("return (g.sum(1) + np.ones(3))[:, None]", "in the line 'return (g.sum(1) + np.ones(3))[:, None]'"),
        ("raise KeyError('ax')", "It stops with KeyError: 'ax', in the line"),
        ("raise SystemExit", "It stops with SystemExit, in the line 'raise SystemExit'."),
        ("return inner(g)", "in the line 'return 1 / 0'"),
    ],
)
def test_the_line_of_the_answer_is_quoted(line, said):
    given = mark(cells(f"def inner(g):\n    return 1 / 0\ndef answer(g, dg):\n    {line}\n" + CALL), "3.1", LIMITS)
    assert given.mark == "not yet"
    assert said in given.hint
    assert "raise exception" not in given.hint


class Made:
    """Pickled as a call of what it is given."""

    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


def twice(depth):
    """A list that has 2^depth parts, and takes `depth` lists."""
    made = [0]
    for _ in range(depth):
        made = [made, made]
    return made


def in_itself():
    made: list = []
    made.append(made)
    return made


@pytest.mark.parametrize(
    "thing",
    [
        range(10**8),
        Made(set, (range(2 * 10**7),)),
        Made(bytearray, (2 * 10**9,)),
        Made(np.ndarray, ((10**9,),)),
        Made(np.dtype, ("S1000000000",)),
        [{} for _ in range(10**6)],
        [np.zeros(10**5)] * 100,
        ["x" * 10**5] * 100,
        twice(40),
        in_itself(),
        np.zeros(10**6),
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_what_comes_back_is_small(thing):
    data = wire.pickle.dumps(thing, protocol=5)
    started, peak = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(wire.Undecodable):
        wire.decoded(wire.received(io.BytesIO(wire.HEAD.pack(len(data)) + data)))
    assert time.monotonic() - started < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 500 * 1024  # KiB


def test_what_exercises_ask_for_comes_back_whole():
    for thing in (
        {1, 2},
        frozenset({3}),
        bytearray(b"x"),
        range(3),
        np.asfortranarray(np.eye(3)),
        np.array(["ab"]),
        1j,
    ):
        assert repr(wire.decoded(wire.pickle.dumps(thing, protocol=5))) == repr(thing)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("import sqlite3; sqlite3.connect(PLACE + '.db')", "sqlite3.connect is not allowed"),
        ("import sqlite3; sqlite3.connect('file:' + PLACE, uri=True)", "sqlite3.connect is not allowed"),
        ("import sqlite3; sqlite3.connect(':memory:').execute(f'attach {PLACE!r} as x')", "is not allowed"),
        ("import resource; resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (9999, 9999))", "is not allowed"),
        ("import sys; raise ValueError(sys.modules.get('_dbm', 'open'))", "ValueError: None"),
        ("os.pidfd_open(os.getppid())", "has no attribute 'pidfd_open'"),
    ],
)
def test_what_goes_round_the_files_is_held_back(line, said, tmp_path):
    place = tmp_path / "x"
    text = f"PLACE = {str(place)!r}\ndef answer(g, dg):\n    import os\n    {line}\n    return g\n"
    given = mark(cells(text + CALL), "3.1", LIMITS)
    assert given.mark == "not yet"
    assert said in given.hint
    assert not list(tmp_path.iterdir())


def test_a_relative_folder_is_closed_as_well(tmp_path, monkeypatch):
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "theirs").write_text("x")
    monkeypatch.chdir(tmp_path)
    text = RIGHT.replace("    return", f"    open({str(tmp_path / 'class' / 'theirs')!r}).read()\n    return")
    given = mark(cells(text + CALL), "3.1", LIMITS, [Path("class")])
    assert given.mark == "not yet"
    assert "notebooks of the class are not read" in given.hint


def table(out):
    with open(out, newline="", encoding="utf-8") as file:
        return [tuple(row.values()) for row in csv.DictReader(file)]


def test_names_of_folders_that_are_no_text(tmp_path, capsys):
    folder, out = tmp_path / "class", tmp_path / "out.csv"
    for name in (b"caf\xe9", b"new\nline", b"\x1b[31mred"):
        try:
            notebook(folder / os.fsdecode(name) / "mine.ipynb", 'grade("2.4", 2)')
        except OSError:
            pytest.skip("this file system has no such names")
    assert main([str(folder), "--out", str(out), "--seconds", "20"]) == 0
    names = [r"\x1b[31mred", r"caf\xe9", r"new\nline"]
    assert [row[:4] for row in table(out)] == [(name, "2", "2.4", "right") for name in names]
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:4]] == names


def test_rows_are_kept_when_the_run_ends_early(folder, tmp_path, monkeypatch, capsys):
    out, calls = tmp_path / "kept.csv", []

    def marked(*_):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return marking.Mark("right", "")

    monkeypatch.setattr(book, "mark", marked)
    assert main([str(folder), "--out", str(out)]) == 130
    assert [row[:4] for row in table(out)] == [("'=eve()", "3", "3.1", "right"), ("ada", "3", "3.1", "right")]
    assert "2 rows so far" in capsys.readouterr().err


def test_a_stray_notebook_does_not_make_a_class_one_student(tmp_path, capsys):
    for name in ("ada/03_a.ipynb", "bob/learning/03_a.ipynb", "03_template.ipynb"):
        notebook(tmp_path / name, CALL)
    (tmp_path / "eve").mkdir()
    assert [one.student for one in handed_in.handed_in([tmp_path])] == ["ada", "bob", "eve"]
    assert "taken for a class; not marked, as it lies in no student's folder: 03_template" in capsys.readouterr().err


def test_a_student_s_folder_with_a_folder_of_notebooks_is_marked_whole(tmp_path, capsys):
    paths = [notebook(tmp_path / "ada" / name, CALL) for name in ("03_a.ipynb", "learning/03_b.ipynb")]
    assert handed_in.handed_in([tmp_path / "ada"]) == [("ada", path) for path in paths]
    assert "taken for one student's" in capsys.readouterr().err


def test_two_students_of_one_name_stay_two(tmp_path, capsys):
    for group in "ab":
        notebook(tmp_path / group / "anna" / "03_a.ipynb", CALL)
    found = handed_in.handed_in([tmp_path / "a", tmp_path / "b", tmp_path / "a"])
    assert [one.student for one in found] == ["a/anna", "b/anna"]
    assert "2 students have this name" in capsys.readouterr().err


def test_a_student_without_notebooks_and_one_without_exercises_have_rows(tmp_path):
    notebook(tmp_path / "ada" / "mine.ipynb", "1 + 1")
    (tmp_path / "eve").mkdir()
    *_, rows = book.rows(handed_in.handed_in([tmp_path]), LIMITS)
    assert rows == [
        ("ada", "", "", "open", "mine.ipynb: it grades no exercise"),
        ("eve", "", "", "open", "no notebook in the folder"),
    ]
    assert [line.split() for line in book.summary(rows).splitlines()[1:]] == [["ada", "-"], ["eve", "-"]]


def test_files_that_cannot_be_read_are_rows(tmp_path, monkeypatch):
    (tmp_path / "ada" / "04_x.ipynb").mkdir(parents=True)
    os.mkfifo(tmp_path / "ada" / "05_x.ipynb")
    (tmp_path / "ada" / "06_x.ipynb").symlink_to("nowhere")
    unreadable = notebook(tmp_path / "ada" / "07_x.ipynb", "")

    def read(path):
        assert path == unreadable
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(book.nb, "read", read)
    *_, rows = book.rows(handed_in.handed_in([tmp_path]), LIMITS)
    assert [row[:4] for row in rows] == [("ada", str(n), "", "failed") for n in (4, 5, 6, 7)]
    assert [row.hint.partition(":")[0] for row in rows] == [f"0{n}_x.ipynb" for n in (4, 5, 6, 7)]


def test_cells_that_only_a_compiler_refuses_end_nothing():
    odd = ["def f(x):\n    global x\n", "return 1\n", "a = " + "(" * 1000 + ")" * 1000, "s = '\ud800'"]
    assert mark(cells(*odd, RIGHT + CALL), "3.1", LIMITS) == ("right", "")
    for text in odd:
        assert mark(cells(text + "\n" + RIGHT + CALL), "3.1", LIMITS).mark in ("failed", "right", "open")


OWN = """import numpy as np
from croco_np.teaching import exercise
HELP = 3
def helper(x): return HELP * x
@exercise("11.1", "double(x)")
def double(answer):
    return None if answer(2) == SECRET + 4 else "no"
SECRET = 0
exercise("11.2", "two")(lambda answer: None if answer == 2 else "no")
"""


def test_exercises_of_a_teacher_s_own(tmp_path, monkeypatch, capsys):
    file, folder, out = tmp_path / "my_exercises.py", tmp_path / "class", tmp_path / "out.csv"
    file.write_text(OWN)
    double = 'def f(x): return 2 * x\ngrade("11.1", f)\n'
    notebook(folder / "above" / "own.ipynb", "import my_exercises", double)
    notebook(folder / "in" / "own.ipynb", "import my_exercises\n" + double)
    notebook(folder / "star" / "own.ipynb", "from my_exercises import *\n" + double)
    notebook(
        folder / "names" / "own.ipynb", "from my_exercises import HELP, double\n" + double.replace("2", "(HELP - 1)")
    )
    notebook(folder / "reads" / "own.ipynb", f"open({str(file)!r}).read()\n" + double)
    notebook(folder / "calls" / "own.ipynb", "import my_exercises\nmy_exercises.double(0)\n" + double)

    assert main([str(folder), "--out", str(out)]) == 0
    assert {row[2:] for row in table(out)} == {("11.1", "failed", book.UNKNOWN)}
    assert "exercise 11.1: there is no such exercise; if it is one of your own" in capsys.readouterr().err

    monkeypatch.setattr("croco_np.teaching.grading.EXERCISES", dict(book.EXERCISES))
    monkeypatch.setattr(book, "EXERCISES", grading.EXERCISES)
    assert main([str(folder), "--exercises", str(file), "--out", str(out), "--seconds", "20"]) == 0
    right = ("11", "11.1", "right", "")
    given = {row[0]: row[1:] for row in table(out)}
    assert {name for name in given if given[name] == right} == {"above", "in", "names", "star"}
    assert "PermissionError" in given["reads"][3]
    assert "'NoneType' object is not callable" in given["calls"][3]


def test_a_module_without_its_checks():
    text = own.without_checks(OWN)
    assert "SECRET + 4" not in text
    assert "11." not in text
    names: dict = {}
    exec(text, names)
    assert (names["helper"](2), names["double"]) == (6, None)
