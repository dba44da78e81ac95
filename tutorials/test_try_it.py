"""Exercises on the page: the real runtime in a real browser, with the answers of its CDN played by the test.

No registry has a NumPy for WebAssembly, so with the runtime alone (`npm --prefix tutorials ci`) the tests go up to the
request for NumPy with its hash; then on with a stand-in that no array can be made of, which is enough for the exercises
of tutorial 10: they are graded on whole numbers. CROCO_NP_PYODIDE names a folder with Pyodide's full distribution,
which has NumPy: then any exercise is solved.
"""

import base64
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import FOLDER

from tests.teaching.answers import every
from tutorials.publish import browser, lessons, try_it

RUNTIME = FOLDER / "node_modules" / "pyodide"
FULL = os.environ.get("CROCO_NP_PYODIDE")
TYPES = {".mjs": "text/javascript", ".wasm": "application/wasm", ".json": "application/json"}
CDN = "https://cdn.jsdelivr.net/**"
WAIT = 120_000  # ms
LESSON = "10_teach_it"
NOTEBOOK = "or work in the notebook: python -m croco_np.learn opens it."
SILENT = object()  # an answer that never comes
WATCH = """() => {
  window.seen = [];
  const look = () => seen.push(document.querySelector(".try-it-status")?.textContent);
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""

NUMPY = '''
"""Stands where NumPy would be: whatever is asked of it is this, which is enough to import what never computes."""
import sys

class Anything:
    __path__ = []
    def __call__(self, *args, **kwargs): return self
    def __getattr__(self, name):
        if name.startswith("__"): raise AttributeError(name)
        return self
    __getitem__ = __or__ = __ror__ = __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __call__
    __truediv__ = __rtruediv__ = __pow__ = __neg__ = __matmul__ = __call__
    def __instancecheck__(self, thing): return False
    def __lt__(self, other): return False
    __gt__ = __le__ = __ge__ = __lt__
    def __float__(self): return 1.0
    def __iter__(self): return iter(())
    def __mro_entries__(self, bases): return ()

class WholeNumber(Anything):
    """What `asarray` makes of the line numbers that are answered here."""
    ndim = 0
    dtype = type("dtype", (), {"kind": "i"})

anything = Anything()
def asarray(said): return WholeNumber()
def __getattr__(name):
    if name.startswith("__"): raise AttributeError(name)
    return anything
for name in ("typing", "lib", "random", "linalg"):
    sys.modules[f"numpy.{name}"] = anything
'''

needs_runtime = pytest.mark.skipif(
    not RUNTIME.is_dir(), reason="the runtime is not installed; run npm --prefix tutorials ci"
)
needs_full = pytest.mark.skipif(FULL is None, reason="CROCO_NP_PYODIDE names no folder with Pyodide's distribution")


def sha256(data):
    return "sha256-" + base64.b64encode(hashlib.sha256(data).digest()).decode()


def lock():
    return json.loads((RUNTIME / "pyodide-lock.json").read_text())


class Page:
    """A lesson opened in a browser whose CDN is this test.

    answers  {name of a file: its bytes, None for a connection that fails, or SILENT}; others are those of the runtime
    asked    the addresses that were asked for
    """

    def __init__(self, context, address, answers=(), before=""):
        self.answers, self.asked, self.told, self.unanswered = dict(answers), [], [], []
        self.page = context.new_page()
        self.page.set_default_timeout(WAIT)
        self.page.on("console", lambda message: self.told.append(message.text))
        context.route(CDN, self.answer)
        if before:
            self.page.add_init_script(before)
        self.page.goto(address)

    def answer(self, route):
        url = route.request.url
        self.asked.append(url)
        name = url.rpartition("/")[2]
        found = next((path for path in (RUNTIME / name, Path(FULL or RUNTIME, name)) if path.is_file()), None)
        data = self.answers.get(name, b"" if found is None else found.read_bytes())
        headers = {"access-control-allow-origin": "*", "content-type": TYPES.get(Path(name).suffix, "application/zip")}
        if data is SILENT:
            self.unanswered.append(route)
        elif data is None:
            route.abort()
        else:
            route.fulfill(status=200 if data else 404, headers=headers, body=data)

    def place(self, exercise):
        return self.page.locator(f'.try-it[data-exercise="{exercise}"]')

    def agree(self, exercise):
        self.place(exercise).get_by_role("button", name=f"Try it here: exercise {exercise}").click()
        self.place(exercise).get_by_role("button", name="Load Python").click()

    def status(self, exercise, words):
        """Wait until the line under an editor says this."""
        self.place(exercise).locator(".try-it-status", has_text=words).wait_for()

    def open(self, exercise):
        """Open one more editor, when the reader has agreed already."""
        self.place(exercise).get_by_role("button", name=f"Try it here: exercise {exercise}").click()

    def press(self, exercise, name):
        self.place(exercise).get_by_role("button", name=name, exact=True).click()

    def write(self, exercise, text):
        self.place(exercise).get_by_role("textbox").fill(text)

    def run(self, exercise, text=None):
        """Write an answer, run it, and return what is said of it."""
        place = self.place(exercise)
        if text is not None:
            place.get_by_role("textbox").fill(text)
        place.get_by_role("textbox").press("Control+Enter")
        place.locator(".try-it-output:visible").wait_for()
        return " ".join(place.locator(".try-it-output").inner_text().split())


@pytest.fixture(scope="module")
def address(site):
    with browser.serving(site) as base:
        yield f"{base}/{LESSON}.html"


@pytest.fixture
def opened(chromium):
    """Function -> `Page`; all are closed at the end."""
    pages = []

    def opening(*args, **kwargs):
        pages.append(Page(chromium.new_context(viewport=browser.WIDE), *args, **kwargs))
        return pages[-1]

    yield opening
    for page in pages:
        page.page.context.close()


def test_each_exercise_of_each_lesson_is_offered_and_hidden_without_a_script(site):
    offered = []
    for path in lessons.sources(FOLDER):
        text = (site / f"{path.stem}.html").read_text(encoding="utf-8")
        found = re.findall(r'<div class="try-it" data-exercise="([\d.]+)" data-cell="(\d+)" hidden></div>', text)
        cells = json.loads(re.search(r'id="try-it-cells">(.*?)</script>', text, re.S)[1])
        assert all(f'grade("{number}"' in cells[int(at)] for number, at in found)
        offered += [number for number, _ in found]
    assert sorted(offered) == sorted(every())


def test_the_wheel_is_the_package_and_the_same_in_each_build(tmp_path):
    text = try_it.wheel()
    assert text == try_it.wheel()
    (tmp_path / "package.whl").write_bytes(base64.b64decode(re.search('base64: "(.*)"', text)[1]))
    code = "import sys; sys.path.insert(0, 'package.whl'); import croco_np.teaching as t; print(t.__file__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(os.path.join("package.whl", "croco_np", "teaching"))


@needs_runtime
def test_the_pins_are_those_of_the_runtime(chromium):
    page = chromium.new_page()
    page.add_script_tag(path=try_it.WORKER)
    pins = page.evaluate("tryItPins")
    page.close()
    version = json.loads((FOLDER / "package.json").read_text())["devDependencies"]["pyodide"]
    assert pins["runtime"] == f"https://cdn.jsdelivr.net/npm/pyodide@{version}/"
    assert pins["packages"] == f"https://cdn.jsdelivr.net/pyodide/v{version}/full/"
    assert pins["hashes"] == {name: sha256((RUNTIME / name).read_bytes()) for name in pins["hashes"]}
    assert json.loads((RUNTIME / "package.json").read_text())["version"] == version
    assert pins["patience"] == 30_000


@needs_runtime
@pytest.mark.parametrize("opened_from", ["server", "file"])
def test_python_starts_and_asks_for_numpy_with_its_hash(opened, address, site, opened_from):
    numpy = lock()["packages"]["numpy"]
    page = opened(address if opened_from == "server" else f"file://{site}/{LESSON}.html", {numpy["file_name"]: None})
    page.place("10.1").get_by_role("button").click()
    page.place("10.1").get_by_text("About 10 MB").wait_for()
    assert page.asked == []  # nothing before the reader agrees
    page.page.evaluate(WATCH)
    page.place("10.1").get_by_role("button", name="Load Python").click()
    page.status("10.1", "cannot be reached")
    assert any(re.match(r"Python 3\.14\.\d+ runs\. Loading NumPy", line) for line in page.page.evaluate("seen"))
    url = f"https://cdn.jsdelivr.net/pyodide/v314.0.7/full/{numpy['file_name']}"
    assert page.asked[-1] == url
    assert any(line.endswith(f"{url} {sha256_of_hex(numpy['sha256'])}") for line in page.told)


def sha256_of_hex(digest):
    return "sha256-" + base64.b64encode(bytes.fromhex(digest)).decode()


@needs_runtime
@pytest.mark.parametrize(
    "name", ["pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json"]
)
def test_a_wrong_byte_is_refused(opened, address, name):
    right = (RUNTIME / name).read_bytes()
    page = opened(address, {name: right[:-1] + bytes([right[-1] ^ 1])})
    page.agree("10.1")
    page.status("10.1", "is not the one that this page expects")
    assert any(name in line for line in page.told)


@needs_runtime
def test_a_wrong_byte_of_numpy_is_refused(opened, address):
    page = opened(address, {lock()["packages"]["numpy"]["file_name"]: b"PK no NumPy"})
    page.agree("10.1")
    page.status("10.1", "is not the one that this page expects")


@pytest.mark.parametrize("answer", [None, b""])
def test_a_cdn_that_is_not_there_gets_a_sentence(opened, address, answer):
    page = opened(address, {"pyodide.mjs": answer})
    page.agree("10.1")
    page.status("10.1", "cdn.jsdelivr.net cannot be reached from here")


@pytest.fixture
def silent(opened, address):
    """A page that waits for a CDN which takes connections and never answers, after half a second instead of 30."""
    page = opened(address, {"pyodide.mjs": SILENT})
    page.page.evaluate("tryItPins.patience = 500")
    page.agree("10.1")
    return page


def test_a_cdn_that_never_answers_gets_a_sentence_and_may_still_answer(silent):
    page, place = silent, silent.place("10.1")
    page.status("10.1", "Nothing has come from cdn.jsdelivr.net for 30 seconds")
    page.status("10.1", NOTEBOOK)
    assert place.get_by_role("button", name="Stop").is_enabled()
    page.unanswered[0].abort()
    page.status("10.1", "cannot be reached from here")
    assert place.get_by_role("button", name="Stop").is_disabled()


def test_waiting_for_python_is_stopped_in_any_editor_and_begun_again(silent):
    page = silent
    page.press("10.1", "Run")
    page.open("10.2")
    page.status("10.2", "cdn.jsdelivr.net")  # what the first was told
    page.press("10.2", "Run")
    page.status("10.2", "Exercise 10.1 is still running")
    page.press("10.2", "Stop")
    for exercise in ("10.1", "10.2"):
        page.status(exercise, "Stopped. The next run starts Python anew.")
        assert page.place(exercise).get_by_role("button", name="Stop").is_disabled()
        assert page.place(exercise).get_by_role("button", name="Run").is_enabled()
    page.press("10.2", "Run")
    page.status("10.2", "Nothing has come")
    assert len(page.unanswered) == 2
    page.press("10.2", "Stop")
    page.status("10.2", "Stopped.")
    page.answers["pyodide.mjs"] = None
    page.press("10.1", "Run")
    page.status("10.1", "cannot be reached from here")
    assert not page.place("10.2").get_by_text("cannot be reached").count()


def test_a_site_without_its_wheel_says_so(opened, address):
    page = opened(address)
    page.page.route("**/croco_np_wheel.js", lambda route: route.fulfill(status=404))
    page.agree("10.1")
    page.status("10.1", "croco_np_wheel.js is missing on this site")
    page.status("10.1", NOTEBOOK)
    assert page.asked == []


def test_without_javascript_a_sentence_stands_where_the_button_would(chromium, address):
    page = chromium.new_page(java_script_enabled=False)
    page.goto(address)
    said = page.locator(".try-it-off")
    assert said.count() == page.locator(".try-it").count() > 0
    assert said.first.is_visible()
    assert NOTEBOOK in said.first.inner_text()
    page.close()


def test_on_paper_there_is_nothing_to_press(opened, address):
    page = opened(address).page
    for kind in (".try-it", ".scene .controls"):
        assert page.locator(kind).first.is_visible()
        page.emulate_media(media="print")
        assert not any(place.is_visible() for place in page.locator(kind).all())
        page.emulate_media(media="screen")


@pytest.mark.parametrize("before", ["delete window.WebAssembly", "delete window.Worker"])
def test_an_old_browser_gets_a_sentence(opened, address, before):
    page = opened(address, before=before)
    page.agree("10.1")
    page.status("10.1", "This browser is too old")
    assert page.asked == []


def with_stand_in(opened, address):
    """A page whose NumPy is the stand-in: its hash goes into the lock, and that of the lock into the pins."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("numpy/__init__.py", NUMPY)
        archive.writestr("numpy-0.dist-info/METADATA", "Metadata-Version: 2.1\nName: numpy\nVersion: 0\n")
        archive.writestr("numpy-0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("numpy-0.dist-info/RECORD", "")
    changed = lock()
    numpy = changed["packages"]["numpy"]
    numpy["sha256"] = hashlib.sha256(packed.getvalue()).hexdigest()
    text = json.dumps(changed).encode()
    page = opened(address, {numpy["file_name"]: packed.getvalue(), "pyodide-lock.json": text})
    page.page.evaluate("hash => { tryItPins.hashes['pyodide-lock.json'] = hash }", sha256(text))
    return page


@needs_runtime
def test_an_exercise_is_solved_on_the_page_with_a_stand_in_for_numpy(opened, address):
    right = every()["10.1"].right
    wrong = right % 5 + 1
    page = with_stand_in(opened, address)
    page.agree("10.1")
    page.status("10.1", "Ready.")
    assert page.run("10.1") == "Exercise 10.1 is open: the number of the wrong line"
    assert f"not yet. Line {wrong} " in page.run("10.1", f'line = {wrong}\ngrade("10.1", line)')
    assert page.run("10.1", f'line = {right}\ngrade("10.1", line)').startswith("Exercise 10.1: right.")
    said = page.run("10.1", 'def f():\n    return 1 / 0\nf()\ngrade("10.1", 4)')
    assert "line 2, in f" in said
    assert "ZeroDivisionError: division by zero" in said
    assert "croco_np" not in said
    said = page.run("10.1", f'line = {wrong}\ngrade("10.1", line)\nsolution("10.1", line)')
    assert str(right) in said.partition("not yet")[2]

    place = page.place("10.1")
    place.get_by_role("textbox").fill("while True:\n    pass\n" + 'grade("10.1", 4)')
    place.get_by_role("button", name="Run").click()
    page.status("10.1", "Running")
    assert page.page.evaluate("1 + 1") == 2  # the page does not wait
    place.get_by_role("button", name="Stop").click()
    page.status("10.1", "Stopped.")
    page.page.reload()
    place.get_by_role("button").click()
    place.get_by_role("button", name="Load Python").click()
    assert place.get_by_role("textbox").input_value().startswith("while True:")  # kept


@needs_runtime
def test_each_editor_gets_the_answers_to_its_own_runs(opened, address):
    page = with_stand_in(opened, address)
    page.agree("10.1")
    page.status("10.1", "Ready.")
    slow = "import time\nend = time.time() + 3\nwhile time.time() < end:\n    pass\nprint('slow')\ngrade(\"10.1\", 4)"
    page.write("10.1", slow)
    page.press("10.1", "Run")
    page.status("10.1", "Running")
    page.open("10.2")  # while the first runs
    page.place("10.1").get_by_text("slow\n").wait_for(timeout=30_000)
    page.status("10.2", "Ready.")
    assert "quick Exercise 10.2" in page.run("10.2", "print('quick')\ngrade(\"10.2\", 4)")
    assert "slow" in page.place("10.1").locator(".try-it-output").inner_text()

    page.write("10.2", 'while True:\n    pass\ngrade("10.2", 4)')
    page.press("10.2", "Run")
    page.status("10.2", "Running")
    page.press("10.1", "Run")
    page.status("10.1", "Exercise 10.2 is still running. Wait for it, or press Stop there.")
    page.open("10.3")
    page.press("10.2", "Stop")
    for exercise in ("10.1", "10.2", "10.3"):
        page.status(exercise, "Stopped. The next run starts Python anew.")
    page.press("10.1", "Run")  # Python starts anew, which the third editor did not ask for
    page.status("10.1", "Loading")
    assert page.place("10.3").get_by_text("Stopped.").count() == 1
    page.place("10.1").get_by_text("slow\n").wait_for()


def test_the_editor_by_keyboard(opened, address):
    page = opened(address, {"pyodide.mjs": None})
    page.agree("10.1")
    text = page.place("10.1").get_by_role("textbox", name="Your answer to exercise 10.1")
    text.fill("def f():\nreturn 1")
    text.press("End")
    text.press("Home")
    text.press("Tab")
    assert text.input_value() == "def f():\n    return 1"
    text.press("Shift+Tab")
    assert text.input_value() == "def f():\nreturn 1"
    text.press("Escape")
    text.press("Tab")
    assert page.page.evaluate("document.activeElement.textContent") == "Run"
    assert page.place("10.1").locator("[aria-live=polite]").count() == 1


@needs_full
def test_an_exercise_is_solved_on_the_page(opened, address):
    page = opened(address.replace(LESSON, "03_mix_experts_with_a_gate"))
    page.agree("3.1")
    page.status("3.1", "Ready.")
    stub = 'def f(g, dg):\n    return {}\n\ngrade("3.1", f)'
    assert page.run("3.1", stub.format("g * dg")).startswith("Exercise 3.1: not yet. ")
    right = "g * (dg - (g * dg).sum(axis=1, keepdims=True))"
    assert page.run("3.1", stub.format(right)).startswith("Exercise 3.1: right.")
