"""The grade book: right answers pass, wrong ones get their hint, and nothing else passes, whatever it does."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from croco_np.errors import InputError
from croco_np.teaching.grades import book, handed_in, wire
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
    endless = mark(cells("def answer(g, dg):\n    while True: pass\n" + CALL), "3.1", Limits(seconds=5))
    assert endless == ("time", "not done after 5 s")
    before = mark(cells("while True: pass\n" + RIGHT + CALL), "3.1", Limits(seconds=5))
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
