"""How long a tutorial takes to read, counted from what is on its page: `python -m tutorials.publish.minutes`.

A reader is given 180 words a minute, 45 seconds for a displayed formula ($$ ... $$, all its lines together), and 5
seconds for a line of code that is visible: of a cell, or of a listing that `show` prints; blank lines are free. A
formula inside a sentence counts as the words it is written with. Not counted: the time an exercise takes (its text is),
printed results, and what is folded on the site, which is the code of cells tagged `hide-input`, every section whose
heading begins "At length:", derivations under a listing, and links that are generated.
"""

import json
import re
from pathlib import Path
from typing import NamedTuple

WORDS, FORMULA, LINE = 1 / 180, 45 / 60, 5 / 60  # minutes each
AT_LENGTH = "At length:"
FORMULAS = re.compile(r"\$\$.+?\$\$", re.DOTALL)
GENERATED = re.compile(r"<!-- (.+?): written by .*?<!-- end of \1 -->|<details.*?</details>|<!--.*?-->", re.DOTALL)
HEADING = re.compile(r"^(#+) +(.+)$", re.MULTILINE)
LISTING = re.compile(r"^(?P<marks>`{3,})\w*\n(?P<code>.*?)^(?P=marks)$", re.MULTILINE | re.DOTALL)


class Measure(NamedTuple):
    """What is counted on the page of a tutorial."""

    words: int = 0
    formulas: int = 0
    lines: int = 0
    pictures: int = 0
    movable: int = 0
    before: int = 0  # words before the first picture; all words where there is none

    @property
    def minutes(self):
        return self.words * WORDS + self.formulas * FORMULA + self.lines * LINE


def minutes(path):
    """Minutes to read tutorials/NN_name.py, by the rates above, as a float."""
    return measure(path).minutes


def words_before_first_picture(path):
    """How many words a reader of tutorials/NN_name.py meets before there is something to look at."""
    return measure(path).before


def measure(path):
    """What is on the page of tutorials/NN_name.py -> Measure. Listings and pictures are those of its notebook."""
    words = formulas = lines = pictures = movable = 0
    before = None
    folded = 0  # the level of the heading "At length:" that we stand under
    for kind, text, tags, outputs in cells(path):
        if kind == "markdown":
            for level, part in _sections(GENERATED.sub("", text)):
                if level and not (folded and level > folded):
                    folded = level if _title(part).startswith(AT_LENGTH) else 0
                if folded:
                    continue
                if "![" in part and before is None:
                    before = words + len(_words(part.partition("![")[0]))
                pictures += part.count("![")
                formulas += len(FORMULAS.findall(part))
                words += len(_words(part))
        elif not folded:
            lines += 0 if "hide-input" in tags else _lines(text)
            lines += sum(_lines(code) for output in outputs for code in _listings(output))
            new = sum(map(_is_picture, outputs))
            pictures, before = pictures + new, words if new and before is None else before
            movable += sum('class="scene"' in html and "application/json" in html for html in map(_html, outputs))
    return Measure(words, formulas, lines, pictures, movable, words if before is None else before)


def cells(path):
    """(kind, text, tags, outputs) of each cell, from the notebook; from the source where it is not built yet."""
    notebook = Path(path).with_suffix(".ipynb")
    stored = json.loads(notebook.read_text(encoding="utf-8")) if notebook.exists() else {}
    if not stored.get("cells"):
        return list(_percent(Path(path).read_text(encoding="utf-8")))
    return [
        (cell["cell_type"], "".join(cell["source"]), cell["metadata"].get("tags", []), cell.get("outputs", []))
        for cell in stored["cells"]
    ]


def _percent(text):
    """The cells of a percent file, which have no outputs."""
    for head, body in re.findall(r"^# %%(.*)\n((?:(?!# %%).*\n?)*)", text, re.MULTILINE):
        if "[markdown]" in head:
            yield "markdown", re.sub(r"^# ?", "", body, flags=re.MULTILINE), [], []
        else:
            yield "code", body, re.findall(r'"([\w-]+)"', head), []


def _sections(text):
    """(level of its heading or 0, text) for each part of a cell of Markdown."""
    starts = [match.start() for match in HEADING.finditer(text)]
    for start, end in zip([0, *starts], [*starts, len(text)], strict=True):
        if part := text[start:end]:
            match = HEADING.match(part)
            yield (len(match[1]) if match else 0), part


def _title(part):
    return HEADING.match(part)[2]


def _words(text):
    """Words of Markdown; a link counts as its text, a displayed formula is counted elsewhere."""
    text = re.sub(r"\]\([^()\s]+\)", "]", FORMULAS.sub("", text))
    return [word for word in text.split() if re.search(r"\w", word)]


def _lines(code):
    return sum(bool(line.strip()) for line in code.splitlines())


def _listings(output):
    """The code that an output shows, unfolded."""
    return [found["code"] for found in LISTING.finditer(GENERATED.sub("", _shown(output, "text/markdown")))]


def _shown(output, kind):
    return "".join(output.get("data", {}).get(kind, ""))


def _html(output):
    return _shown(output, "text/html")


def _is_picture(output):
    return any(kind.startswith("image/") for kind in output.get("data", {})) or "<svg" in _html(output)


def table(paths):
    """A line for each of some tutorials, and the sum of their minutes."""
    head = f"{'':>2}  minutes  words  formulas  code lines  pictures  movable  words before the first picture"
    measures = {path.name[:2]: measure(path) for path in paths}
    rows = [
        f"{name}  {m.minutes:7.0f}  {m.words:5}  {m.formulas:8}  {m.lines:10}"
        f"  {m.pictures:8}  {m.movable:7}  {m.before:5}"
        for name, m in measures.items()
    ]
    return "\n".join([head, *rows, f"    {sum(m.minutes for m in measures.values()):7.0f}"])


if __name__ == "__main__":
    print(table(sorted(Path(__file__).parents[1].glob("[0-9][0-9]_*.py"))))
