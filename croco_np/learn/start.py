"""The page that JupyterLab opens with: the lessons on a map of the model, minutes of each, and what is done."""

import base64
from pathlib import Path
from typing import NamedTuple

from ..errors import InputError
from ..teaching import notebook as nb
from . import ledger as ledgers
from .drawing import drawing
from .lessons import Lesson

NAMES = ("start.md", "lessons.md", *(f"lessons {i}.md" for i in range(2, 10)))  # the first that is not the learner's
PAGE = """# Ten lessons in backpropagation by hand

{advice}

![The model, and the lesson that teaches each part]({picture})

| | lesson | minutes | exercises | |
|---|---|---|---|---|
{rows}

Minutes are those of reading; exercises take their own. An exercise counts once its stored output says "right": run it,
and save the notebook. {reload}

These notebooks are yours: nothing overwrites one that you changed or ran. If a lesson is improved later, the newer one
is laid beside yours as *(new)*. Start over by deleting a notebook and running the same command again.

Stuck in an exercise? Each further try that is wrong brings a further hint, and `solution("3.1", my_answer)` shows it
worked out beside yours. Pictures are stills here; on the site of the lessons, which
`python -m tutorials.publish --pages-only` makes, they move.
"""


class Done(NamedTuple):
    """Of one lesson: the exercises there are, and those that are right."""

    exercises: tuple[str, ...]
    right: frozenset[str]


def progress(lessons: list[Lesson], folder: Path) -> dict[int, Done]:
    """What is done of each lesson, by all notebooks in `folder`, whatever their names.

    A renamed copy counts, and a newer version beside a copy: the number of an exercise says to which lesson it belongs.
    """
    right = set().union(*(nb.solved(notebook) for path in folder.glob("*.ipynb") if (notebook := _read(path))))
    found = {}
    for lesson in lessons:
        text = _read(lesson.path) or _read(folder / lesson.path.name)
        exercises = tuple(nb.exercises(text)) if text else ()
        found[lesson.number] = Done(exercises, frozenset(right & set(exercises)))
    return found


def _read(path):
    """A notebook; None for one that is half-written, or something else by this name."""
    try:
        return nb.read(path)
    except (InputError, OSError):
        return None


def page(lessons: list[Lesson], done: dict[int, Done]) -> str:
    """The page as Markdown, with the map in it: one file, which cannot be out of step with another."""
    counts = {number: (len(d.right), len(d.exercises)) for number, d in done.items()}
    svg = base64.b64encode(drawing(counts).encode()).decode()
    return PAGE.format(
        advice=_advice(lessons, counts),
        picture=f"data:image/svg+xml;base64,{svg}",
        rows="\n".join(_row(lesson, done[lesson.number]) for lesson in lessons),
        reload="Reload this page in the browser to see it here.",
    )


def _advice(lessons, counts):
    """What comes next: the first lesson that is begun, else the first that is not done."""
    left = [lesson for lesson in lessons if counts[lesson.number][0] < counts[lesson.number][1]]
    if not any(total for _, total in counts.values()):
        return "The lessons cannot be read; `python -m croco_np.learn` says what to do."
    if not left:
        return "All exercises are right. Well done."
    begun = [lesson for lesson in left if counts[lesson.number][0]]
    first = (begun or left)[0]
    return f"{'Go on' if begun else 'Begin'} with [{first.number}. {first.title}](<{first.path.name}>)."


def _row(lesson, done):
    marks = " ".join(f"**{n}** \N{CHECK MARK}" if n in done.right else n for n in done.exercises)
    minutes = "" if lesson.minutes is None else lesson.minutes
    if not done.exercises:
        return f"| {lesson.number} | {lesson.title} | {minutes} | | cannot be read |"
    state = "done" if len(done.right) == len(done.exercises) else f"{len(done.right)} of {len(done.exercises)}"
    return f"| {lesson.number} | [{lesson.title}](<{lesson.path.name}>) | {minutes} | {marks} | {state} |"


def write(lessons: list[Lesson], folder: Path) -> Path:
    """Write the page anew, if it says anything new -> where it is: another name, if start.md is the learner's own."""
    content = page(lessons, progress(lessons, folder)).encode()
    ledger = ledgers.load(folder)
    before = dict(ledger["files"])
    for name in NAMES:
        if ledgers.put(content, name, folder, ledger):
            if ledger["files"] != before:
                ledgers.save(ledger, folder)
            return folder / name
    raise InputError(f"{folder}: {NAMES[0]} to {NAMES[-1]} are all yours; rename one, the page of lessons needs a name")


def times(folder: Path) -> dict[Path, int]:
    """When each notebook in `folder` was saved last: a change here is a reason to write the page anew."""
    found = {}
    for path in folder.glob("*.ipynb"):
        try:
            found[path] = path.stat().st_mtime_ns
        except FileNotFoundError:  # replaced just now
            continue
    return found
