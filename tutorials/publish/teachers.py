"""The lists of tutorials/reference/teachers.md that follow from the lessons: what each needs and leaves; the bugs."""

import re

from croco_np.errors import InputError
from croco_np.teaching import notebook as nb

from . import lessons
from .minutes import minutes

NAMES = ("lessons", "bugs")
REPORTED = re.compile(r"^(\w+): (.+?)  +(?:complex step|central differences)\b.*WRONG$", re.MULTILINE)
BRANCH = re.compile(r"^(\w+): (\S+) +([1-9]\d*) of \d+\b", re.MULTILINE)  # of a report with a line a branch
MANY = 5  # leaves from which on they are told by their parts


def with_lists(text, folder):
    """The text of teachers.md with both lists as they should be."""
    lists = {"lessons": _lessons(folder), "bugs": bugs_table(folder)}
    for name in NAMES:
        begin, end = f"<!-- {name}: written by python -m tutorials.publish -->", f"<!-- end of {name} -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise InputError(f"teachers.md: it needs the lines {begin} and {end}, between which a list goes")
        text = f"{before}{begin}\n{lists[name]}\n{end}{after}"
    return text


def _lessons(folder):
    """A paragraph for each lesson."""
    return "\n\n".join(_paragraph(path) for path in lessons.sources(folder))


def _paragraph(path):
    one = lessons.lesson(path)
    numbers = nb.exercises(nb.read(path.with_suffix(".ipynb")))
    asked = f"exercises {numbers[0]} to {numbers[-1]}" if len(numbers) > 1 else f"exercise {''.join(numbers)}"
    head = f"**{one.number}. [{one.title}](../{path.stem}.ipynb)** ({minutes(path):.0f} minutes; {asked})."
    return f"{head} *Needs:* {_from_here(one.need)} *Leaves:* {_from_here(one.learn)}"


def _from_here(text):
    """A text of a lesson with its links as they are one folder below."""
    return re.sub(r"\]\((?!http|#)([^)]+)\)", r"](../\1)", text)


def bugs_table(folder):
    """The planted bugs as a table: what is wrong, and in which leaves the checker sees it."""
    rows = ["| lesson | bug | the wrong line | wrong leaves |", "|---|---|---|---|"]
    for path in lessons.sources(folder):
        number = lessons.lesson(path).number
        for name, line, leaves in bugs(nb.read(path.with_suffix(".ipynb"))):
            said = f"`{line}`".replace("|", r"\|") if line else "for the class to find"
            rows.append(f"| [{number}](../{path.stem}.ipynb) | `{name}` | {said} | {_told(leaves)} |")
    return "\n".join(rows)


def bugs(notebook):
    """(name, the wrong line with its comment, what the checker reports) of each planted bug, in order.

    What it reports is {leaf: 1}, or, where a report has a line a branch, {branch: how many leaves of it}.
    """
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    text = "\n\n\n".join(cell["source"] for cell in code)
    found = {}
    for cell in code:
        if "planted-bug" in cell["metadata"].get("tags", ()):
            for reported, leaf in REPORTED.findall(nb.said(cell)):
                found.setdefault(_name(reported, cell["source"]), {})[leaf] = 1
            for reported, branch, wrong in BRANCH.findall(nb.said(cell)):
                found.setdefault(_name(reported, cell["source"]), {})[branch] = int(wrong)
    return [(name, _wrong_line(name, text), leaves) for name, leaves in found.items()]


def _name(reported, source):
    """The class of the bug: the one reported, or, where that is the training step around it, the one defined here."""
    defined = re.findall(r"^class (\w+)", source, re.MULTILINE)
    return defined[0] if reported == "Training" and defined else reported


def _wrong_line(name, text):
    """The line with a comment `# wrong: ...` in a class; "" where there is none, because students are to find it."""
    body = re.search(rf"^class {name}\b.*?(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)
    said = re.search(r"^ *(\S.*?)  # wrong: (.+)$", body[0], re.MULTILINE) if body else None
    return f"{said[1]}  # {said[2].strip()}" if said else ""


def _told(leaves):
    """The names of leaves; of many, how many in which part."""
    total = sum(leaves.values())
    if total == len(leaves) <= MANY:
        return ", ".join(f"`{leaf}`" for leaf in leaves)
    parts = {}
    for leaf, wrong in leaves.items():
        part = leaf.partition(".")[0]
        parts[part] = parts.get(part, 0) + wrong
    return f"{total} leaves: {', '.join(f'`{part}` {wrong}' for part, wrong in parts.items())}"
