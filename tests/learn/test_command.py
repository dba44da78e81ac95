"""python -m croco_np.learn: what it refuses, in one line, and what it copies."""

import importlib.util

import pytest

from croco_np.errors import InputError
from croco_np.learn import __main__ as command
from croco_np.learn import desk, drawing, lab, lessons


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
    real = importlib.util.find_spec
    monkeypatch.setattr(lab, "find_spec", lambda name: None if name == "jupyterlab" else real(name))
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


def test_the_desk_has_all_that_lessons_link_to(tmp_path):
    root = lessons.repository()
    folder = tmp_path / "anywhere" / "deep"
    folder.mkdir(parents=True)
    with desk.desk(root, folder) as place:
        assert (place / "croco_np" / "layers" / "gate.py").is_file()  # learning/../croco_np, as a browser takes it
        assert {"croco_np", "tests", "tutorials", "README.md", "learning"} <= {path.name for path in place.iterdir()}
        assert (place / "learning").resolve() == folder.resolve()
    assert not place.exists()
    assert folder.is_dir()
    assert (root / "croco_np").is_dir()


def test_where_links_cannot_be_made(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError("a required privilege is not held")

    monkeypatch.setattr(desk.Path, "symlink_to", refuse)
    with pytest.raises(InputError, match="symbolic links cannot be made here"), desk.desk(tmp_path, tmp_path):
        pass
