"""JupyterLab as python -m croco_np.learn opens it, in a headless browser: the page, its map, links, what is done."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest
from conftest import FOLDER

from croco_np.learn import drawing
from croco_np.teaching import notebook as nb
from tutorials.publish import browser

PATIENCE = 60_000  # ms
PLACE = "some/where/my lessons"
LINK = re.compile(r"\]\((?!http|#)([^)#\s]+)")


def learn(home, *flags):
    """The command in a process of its own, with all that Jupyter and it keep elsewhere below `home`."""
    names = ("JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR")
    (home / "tmp").mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-m", "croco_np.learn", "--no-browser", "--folder", str(home / PLACE), *flags],
        env=os.environ | {name: str(home / name) for name in names} | {"TMPDIR": str(home / "tmp")},
        cwd=FOLDER.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def begun(home, *flags):
    """The command once it serves -> (its process, the learner's folder, address)."""
    process = learn(home, *flags)
    lines = [process.stdout.readline() for _ in range(3)]
    if not lines[1].startswith("http"):
        raise AssertionError((lines, process.communicate()))
    return process, home / PLACE, lines[1].strip()


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    """The command, with a learner's folder far from the repository -> (its process, folder, address)."""
    process, folder, address = begun(tmp_path_factory.mktemp("home"))
    yield process, folder, address
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        process.wait(30)


@pytest.fixture(scope="module")
def tab(started):
    """JupyterLab in a browser, on the page that the command names."""
    try:
        with browser.browsing() as chromium:
            page = chromium.new_page(viewport={"width": 1440, "height": 900})
            page.set_default_timeout(PATIENCE)
            page.goto(started[2])
            page.wait_for_selector(".jp-MarkdownViewer h1")
            yield page
    except browser.Unavailable as why:
        pytest.skip(str(why))


def test_it_opens_on_the_page_with_the_map(tab):
    assert "Ten lessons" in tab.locator(".jp-MarkdownViewer h1").inner_text()
    tab.wait_for_function("document.querySelector('.jp-MarkdownViewer img')?.naturalWidth > 500")
    assert tab.locator(".jp-MarkdownViewer tbody tr").count() == 10
    assert "0 of 4" in tab.locator(".jp-MarkdownViewer tbody tr").first.inner_text()


def test_the_map_can_be_read_in_a_narrow_window(tab):
    sizes = [int(size) for size in re.findall(r"(\d+)px", drawing.STYLE)]
    try:
        tab.set_viewport_size({"width": 900, "height": 900})
        picture = tab.locator(".jp-MarkdownViewer img")
        tab.wait_for_function("document.querySelector('.jp-MarkdownViewer img').clientWidth < 560")
        shown = picture.bounding_box()["width"]
    finally:
        tab.set_viewport_size({"width": 1440, "height": 900})
    assert min(sizes) * shown / drawing.WIDTH >= browser.SMALLEST


def test_the_first_sight_is_the_lessons(tab):
    names = tab.locator(".jp-DirListing-itemName").all_inner_texts()
    assert "01_differentiate_one_layer.ipynb" in names
    assert not [name for name in names if name.endswith(".py")]
    assert len(names) == 13  # ten lessons, the page, and two folders that lessons link to


def test_the_served_root_holds_all_that_is_linked_to(started):
    """Every link of lessons and pages, as Jupyter resolves it: by its text, below the root of the server."""
    _, folder, address = started
    at = urlsplit(address)
    missing, seen = [], set()
    texts = {path.name: path for path in [*folder.glob("*.ipynb"), *(folder / "reference").glob("*.md")]}
    for path in texts.values():
        start = os.path.join("learning", os.path.relpath(path.parent, folder))
        for link in LINK.findall(_markdown(path)):
            goal = os.path.normpath(os.path.join(start, link))
            if goal in seen:
                continue
            seen.add(goal)
            url = f"{at.scheme}://{at.netloc}/api/contents/{goal}?content=0&{at.query}"
            try:
                with urlopen(url):
                    pass
            except OSError as error:
                missing.append((path.name, link, str(error)))
    assert len(seen) > 50
    assert missing == []


def _markdown(path):
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    return "\n".join(c["source"] for c in nb.read(path)["cells"] if c["cell_type"] == "markdown")


def test_a_click_opens_a_lesson_and_a_click_in_it_the_library(tab):
    tab.locator(".jp-MarkdownViewer a", has_text="Mix experts").first.click()
    tab.wait_for_selector(".jp-NotebookPanel .jp-RenderedMarkdown h1")
    tab.locator(".jp-NotebookPanel a[href*='kernels/mix.py']").first.click()
    tab.wait_for_selector(".jp-FileEditor")
    assert any("mix.py" in text for text in tab.locator(".lm-TabBar-tabLabel").all_inner_texts())


def test_looking_leaves_nothing_in_the_repository(started, tab):
    """Jupyter keeps a checkpoint of every file that is opened: the learner's folder has them."""
    for _ in range(100):
        if (started[1] / ".ipynb_checkpoints" / "mix-checkpoint.py").is_file():
            break
        tab.wait_for_timeout(100)
    assert not [path for name in ("croco_np", "tests") for path in (FOLDER.parent / name).rglob(".ipynb_checkpoints")]
    assert (started[1] / ".ipynb_checkpoints" / "mix-checkpoint.py").is_file()


def test_pictures_of_a_copy_show_at_once(tab, started):
    """The copy is signed: Jupyter shows what it does not show of notebooks from elsewhere."""
    at = urlsplit(started[2])
    url = f"{at.scheme}://{at.netloc}/api/contents/learning/03_mix_experts_with_a_gate.ipynb?{at.query}"
    with urlopen(url) as answer:
        cells = json.load(answer)["content"]["cells"]
    assert all(cell["metadata"]["trusted"] for cell in cells if cell["cell_type"] == "code")


def test_what_is_done_shows_once_it_is_saved(tab, started):
    path = started[1] / "03_mix_experts_with_a_gate.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    (cell,) = [c for c in notebook["cells"] if 'grade("3.1"' in "".join(c["source"])]
    cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "Exercise 3.1: right.\n"}]
    path.write_text(json.dumps(notebook), encoding="utf-8")
    page = started[1] / "start.md"
    for _ in range(100):
        if "**3.1** \N{CHECK MARK}" in page.read_text(encoding="utf-8"):
            break
        tab.wait_for_timeout(100)
    tab.goto(started[2])
    tab.wait_for_function("document.querySelector('.jp-MarkdownViewer table')?.innerText.includes('1 of 3')")


def made_at_the_root(address, name):
    """What a click on "Notebook" does where the file browser shows the root: a notebook above learning/."""
    at = urlsplit(address)
    said = json.dumps(
        {"type": "notebook", "content": {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}}
    )
    url = f"{at.scheme}://{at.netloc}/api/contents/{name}?{at.query}"
    with urlopen(Request(url, said.encode(), method="PUT", headers={"Content-Type": "application/json"})) as answer:
        assert answer.status == 201


def is_answered(address):
    try:
        with urlopen(address, timeout=5):
            return True
    except OSError:
        return False


def test_a_second_call_names_the_server_that_runs(started):
    _, folder, address = started
    second = learn(folder.parents[2])
    out, err = second.communicate(timeout=60)
    assert (second.returncode, err) == (0, "")
    assert out.endswith(f"{address}\nJupyterLab runs there already; --another starts a second one\n")


def test_ctrl_c_ends_both(started):
    process, folder, address = started
    made_at_the_root(address, "scratch.ipynb")
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    assert not is_answered(address)
    assert process.stderr.read() == "stopped\n"
    assert process.stdout.read() == f"scratch.ipynb was made above learning/, and is now {folder / 'scratch.ipynb'}\n"
    assert json.loads((folder / "scratch.ipynb").read_text())["nbformat"] == 4
    assert (folder / "start.md").exists()
    assert not list((folder.parents[2] / "tmp").glob("croco_np-*"))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere a kill leaves JupyterLab running")
def test_a_closed_terminal_and_a_kill_end_both(tmp_path):
    process, folder, address = begun(tmp_path)
    made_at_the_root(address, "one.ipynb")
    process.send_signal(signal.SIGHUP)
    assert process.wait(30) == 128 + signal.SIGHUP
    process.communicate()
    assert not is_answered(address)
    assert (folder / "one.ipynb").exists()

    process, _, address = begun(tmp_path)
    made_at_the_root(address, "two.ipynb")
    process.kill()
    process.communicate()
    end = time.monotonic() + 30
    while is_answered(address) and time.monotonic() < end:
        time.sleep(0.2)
    assert not is_answered(address)
    process = learn(tmp_path)  # it finds what the one that was killed left
    assert process.stdout.readline() == f"two.ipynb was made above learning/, and is now {folder / 'two.ipynb'}\n"
    process.terminate()
    process.communicate(timeout=60)
    assert (folder / "two.ipynb").exists()
    assert not list((tmp_path / "tmp").glob("croco_np-*"))
