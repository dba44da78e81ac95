"""python -m croco_np.learn: what it refuses, in one line, and what it copies."""

import contextlib
import http.server
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from croco_np.command import interrupts
from croco_np.errors import InputError
from croco_np.learn import __main__ as command
from croco_np.learn import desk, drawing, ending, lab, lessons, running


@pytest.fixture(autouse=True)
def own_signatures(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))


def test_only_copy(tmp_path, capsys):
    assert command.main(["--folder", str(tmp_path / "mine"), "--only-copy"]) == 0
    assert capsys.readouterr().out == f"your notebooks: {tmp_path / 'mine'}\n"
    names = {path.name for path in (tmp_path / "mine").iterdir() if not path.name.startswith(".")}
    assert {"start.md", "reference", "images", "01_differentiate_one_layer.ipynb"} <= names
    assert not [name for name in names if name.endswith(".py")]


def test_all_lessons_have_a_place_on_the_map(tmp_path):
    there = lessons.lessons(lessons.repository())
    assert sorted(part.lesson for part in drawing.PARTS) == [lesson.number for lesson in there]
    assert all(lesson.minutes for lesson in there)
    svg = drawing.drawing({3: (2, 3), 1: (4, 4)})
    assert svg.count("\N{CHECK MARK}") == 1
    assert "2/3" in svg


def test_without_the_extra(monkeypatch, capsys):
    monkeypatch.setattr(lab, "find_spec", lambda name: None if name == "jupyterlab" else "there")
    assert command.main([]) == 2
    assert capsys.readouterr().err == "error: not installed: jupyterlab; run pip install -e '.[tutorials]'\n"


def test_without_the_repository(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(lessons.croco_np, "__file__", str(tmp_path / "site-packages" / "croco_np" / "__init__.py"))
    assert command.main([]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: the lessons are not here: this croco_np was installed without its repository")


@pytest.mark.parametrize("name", ["", "tutorials", "croco_np/layers", "tests"])
def test_folders_of_the_repository_are_refused(name, capsys):
    folder = lessons.repository() / name
    assert command.main(["--folder", str(folder), "--only-copy"]) == 2
    assert "belongs to the repository" in capsys.readouterr().err


def test_a_file_is_no_folder(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert command.main(["--folder", str(tmp_path / "file"), "--only-copy"]) == 2
    assert "is a file; name a folder" in capsys.readouterr().err


def test_a_table_that_names_no_notebook(tmp_path):
    (tmp_path / "tutorials").mkdir()
    (tmp_path / "tutorials" / "index.md").write_text("# Nothing\n")
    with pytest.raises(InputError, match="names no notebook"):
        lessons.lessons(tmp_path)


def test_without_a_table(tmp_path):
    (tmp_path / "tutorials").mkdir()
    with pytest.raises(InputError, match=r"index.md: not there; it has the table of the lessons; run git checkout"):
        lessons.lessons(tmp_path)


def test_a_table_with_marks_of_a_merge(tmp_path):
    (tmp_path / "tutorials").mkdir()
    rows = [f"| {n} | [{title}](0{n}_a.ipynb) | 20 |\n" for n, title in ((3, "Mix"), (3, "Mix it"), (4, "Apart"))]
    text = "<<<<<<< ours\n{}=======\n{}>>>>>>> theirs\n{}\xe9".format(*rows)
    (tmp_path / "tutorials" / "index.md").write_bytes(text.encode("latin-1"))
    assert [(lesson.number, lesson.title) for lesson in lessons.lessons(tmp_path)] == [(3, "Mix"), (4, "Apart")]


def test_a_link_to_nothing_is_no_folder(tmp_path, capsys):
    (tmp_path / "mine").symlink_to(tmp_path / "gone")
    assert command.main(["--folder", str(tmp_path / "mine"), "--only-copy"]) == 2
    assert capsys.readouterr().err.endswith(
        f"mine: is a link to {tmp_path / 'gone'}, which is not there; make that folder\n"
    )


@pytest.mark.parametrize("name", ["", "  "])
def test_an_empty_name_is_no_folder(name, capsys):
    assert command.main(["--folder", name, "--only-copy"]) == 2
    assert capsys.readouterr().err.startswith("error: --folder: its name is empty")


def test_a_start_page_of_the_learner_s_is_told_of(tmp_path, capsys):
    (tmp_path / "start.md").write_bytes(b"caf\xe9")
    assert command.main(["--folder", str(tmp_path), "--only-copy"]) == 0
    assert "start.md is yours, and stays as it is: the page of the lessons is lessons.md\n" in capsys.readouterr().out
    assert (tmp_path / "start.md").read_bytes() == b"caf\xe9"


def test_git_overlooks_a_folder_in_the_repository(tmp_path):
    repository, mine = tmp_path / "repository", tmp_path / "repository" / "mywork"
    mine.mkdir(parents=True)
    subprocess.run(["git", "init", "-q", str(repository)], check=True)
    (mine / "01.ipynb").touch()
    command.hide(mine, repository)
    status = ["git", "-C", str(repository), "status", "--porcelain"]
    assert subprocess.run(status, capture_output=True, check=True).stdout == b""
    (mine / ".gitignore").write_text("mine\n")
    command.hide(mine, repository)
    assert (mine / ".gitignore").read_text() == "mine\n"


def test_a_folder_elsewhere_gets_no_gitignore(tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "repository" / "own" / ".git").mkdir(parents=True)
    for folder in (tmp_path / "own", tmp_path / "repository" / "own"):
        command.hide(folder, tmp_path / "repository")
        assert not (folder / ".gitignore").exists()


@pytest.fixture
def desks(tmp_path, monkeypatch):
    """Desks are made here, and not in the folder for temporary files of this machine."""
    (tmp_path / "desks").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "desks"))
    return tmp_path / "desks"


def test_the_desk_has_all_that_lessons_link_to(tmp_path, desks):
    root = lessons.repository()
    folder = tmp_path / "anywhere" / "deep"
    folder.mkdir(parents=True)
    with desk.desk(root, folder) as (place, settings):
        assert (place / "croco_np" / "layers" / "gate.py").is_file()  # learning/../croco_np, as a browser takes it
        assert {"croco_np", "tests", "tutorials", "README.md", "learning"} <= {path.name for path in place.iterdir()}
        assert (place / "learning").resolve() == folder.resolve()
        assert list(settings.iterdir()) == []
    assert list(desks.iterdir()) == []
    assert list(folder.iterdir()) == []
    assert (root / "croco_np").is_dir()


def litter(place, folder):
    """What a learner may do on the desk: make a notebook and a folder, rename one of our links."""
    (place / "scratch.ipynb").write_text("an hour of work")
    (folder / "scratch.ipynb").write_text("another")
    (place / "notes").mkdir()
    (place / "notes" / "one.txt").write_text("one")
    (place / "croco_np").rename(place / "library")


def is_kept(folder):
    kept = {path.name for path in folder.iterdir()}
    texts = [(folder / name).read_text() for name in ("scratch.ipynb", "scratch (2).ipynb", "notes/one.txt")]
    return kept == {"scratch.ipynb", "scratch (2).ipynb", "notes"} and texts == ["another", "an hour of work", "one"]


def test_what_was_made_on_the_desk_moves_to_the_learner_s_folder(tmp_path, desks):
    told, folder = [], tmp_path / "mine"
    folder.mkdir()
    with desk.desk(lessons.repository(), folder, told.append) as (place, _):
        litter(place, folder)
    assert is_kept(folder)
    assert told[1] == f"scratch.ipynb was made above learning/, and is now {folder / 'scratch (2).ipynb'}"
    assert list(desks.iterdir()) == []


def test_what_cannot_be_moved_stays(tmp_path, desks, monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    told = []
    monkeypatch.setattr(desk.shutil, "move", refuse)
    with desk.desk(lessons.repository(), tmp_path, told.append) as (place, _):
        (place / "scratch.ipynb").write_text("an hour of work")
    assert (place / "scratch.ipynb").read_text() == "an hour of work"
    assert told == [
        f"{place / 'scratch.ipynb'}: cannot be moved to {tmp_path} (No space left on device); "
        "it stays where it is, move it yourself"
    ]


HELD = """
import sys, time
from pathlib import Path
from croco_np.learn import desk
with desk.desk(*map(Path, sys.argv[1:])) as place:
    print(place.root, flush=True)
    time.sleep(60)
"""


def test_the_desk_of_a_killed_process_is_cleared_by_the_next(tmp_path, desks):
    told, folder = [], tmp_path / "mine"
    folder.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", HELD, str(lessons.repository()), str(folder)],
        env=os.environ | {"TMPDIR": str(desks)},
        stdout=subprocess.PIPE,
        text=True,
    )
    litter(Path(process.stdout.readline().strip()), folder)
    desk.rescue(told.append)
    assert told == []  # it is in use
    process.kill()
    process.communicate()
    desk.rescue(told.append)
    assert len(told) == 2
    assert is_kept(folder)
    assert list(desks.iterdir()) == []


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="no SIGHUP here")
def test_a_closed_terminal_is_as_ctrl_c():
    with interrupts.stoppable(), ending.hangup():
        with pytest.raises(interrupts.Stopped):
            os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGHUP)  # the shell sends it as well as the terminal
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_DFL


PARENT = """
import subprocess, sys
from croco_np.learn.ending import with_parent
child = subprocess.Popen(["sleep", "60"], start_new_session=True, preexec_fn=with_parent(), stdout=subprocess.PIPE)
print(child.pid, flush=True)
child.wait()
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")
def test_a_kill_ends_the_child():
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    child = Path("/proc", parent.stdout.readline().strip())
    assert child.exists()
    parent.kill()
    parent.communicate()
    for _ in range(100):
        if not child.exists() or "\nState:\tZ" in (child / "status").read_text():
            return
        time.sleep(0.1)
    os.kill(int(child.name), signal.SIGKILL)
    raise AssertionError("the child runs on")


@pytest.mark.parametrize(
    "text", ["", "[", "{}", "[1]", '["http://127.0.0.1:9/lab?token=1"]', '["file:///"]', '["http://127.0.0.1:x/"]']
)
def test_a_note_of_a_server_that_is_gone(tmp_path, text):
    (tmp_path / running.NAME).write_text(text)
    assert running.address(tmp_path) is None


def test_a_running_server_is_named_and_opened(tmp_path, capsys, monkeypatch):
    opened = []
    monkeypatch.setattr(command.webbrowser, "open", opened.append)
    monkeypatch.setattr(command, "need", lambda: None)
    with played() as address, running.noted(address, tmp_path):
        assert (tmp_path / running.NAME).stat().st_mode & 0o077 == 0  # it holds the token
        assert command.main(["--folder", str(tmp_path)]) == 0
        assert command.main(["--folder", str(tmp_path), "--no-browser"]) == 0
    assert opened == [address]
    out = capsys.readouterr().out
    assert out.count(f"{address}\nJupyterLab runs there already; --another starts a second one\n") == 2
    assert not (tmp_path / running.NAME).exists()


def test_two_servers_are_noted_until_each_ends(tmp_path):
    with played() as first, played() as second:
        with running.noted(first, tmp_path):
            with running.noted(second, tmp_path):
                assert running.address(tmp_path) == first
            assert running.address(tmp_path) == first
        assert running.address(tmp_path) is None


@contextlib.contextmanager
def played():
    """A server that answers as Jupyter does to its token -> the address of a page."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/api/status?token=ours" else 403)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/lab/tree/learning/start.md?token=ours"
        server.shutdown()
        thread.join()


def test_where_links_cannot_be_made(tmp_path, desks, monkeypatch):
    def refuse(*_, **__):
        raise OSError("a required privilege is not held")

    monkeypatch.setattr(desk.Path, "symlink_to", refuse)
    with pytest.raises(InputError, match="symbolic links cannot be made here"), desk.desk(tmp_path, tmp_path):
        pass
    assert list(desks.iterdir()) == []
