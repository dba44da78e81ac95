"""Every equation of the paper with its formula, class, test by hand and lesson, one click each.

    python -m tutorials.publish.equations

writes them, with the numbers of their lines, into the README's table, tutorials/reference/equations.md, and the first
cell of each lesson, between marks. A test fails as long as a link is not where its target is.
"""

import ast
import importlib
import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from croco_np.teaching import notebook as nb
from croco_np.teaching.source import listing

from . import lessons, notebooks

ROOT = Path(__file__).parents[2]
PAGE = "tutorials/reference/equations.md"
BEGIN, END = "<!-- links: written by python -m tutorials.publish.equations -->", "<!-- end of links -->"
BLOCK = re.compile(rf"{re.escape(BEGIN)}\n.*?{re.escape(END)}", re.DOTALL)
IN_LESSON = re.compile(rf"#\n# {re.escape(BEGIN)}\n(?:#.*\n)*?# {re.escape(END)}\n")
NAMED = re.compile(r"^# \*\*Equations:\*\* (?:.+\n)(?:# .+\n)*", re.MULTILINE)


class Equation(NamedTuple):
    """An equation of the paper, and where this repository has it.

    name    as the paper numbers it
    says    in a few words
    latex   the formula, in the letters of this library
    code    the class or function, below croco_np
    test    file::function, below tests
    lesson  number of the tutorial that derives it
    topic   a word in the heading of its section there; by default the first section that names the equation is taken
    """

    name: str
    says: str
    latex: str
    code: str
    test: str
    lesson: int
    topic: str = ""

    @property
    def kind(self):
        """What its test is called in a link."""
        return "test by hand" if "by_hand" in self.test else "test"

    @property
    def place(self):
        """Its heading in equations.md, as a fragment."""
        return re.sub(r"[^\w -]", "", self.name.lower()).replace(" ", "-")


BY_HAND = "layers/test_by_hand.py"
EQUATIONS = (
    Equation(
        "Eq. (1)",
        "diversity index of all-forward models",
        r"\mathrm{DI} = \frac{\text{rows in conflict with a large and a small } \lVert o_m \rVert}"
        r"{\text{rows in conflict}}",
        "diagnostics.diversity_index",
        "test_diagnostics.py::test_all_forward_index_by_hand",
        7,
    ),
    Equation(
        "Eq. (2)",
        "diversity index of specific-forward models",
        r"\mathrm{DI}_{st} = \frac{\text{rows in conflict with a large } \lVert o_s \rVert"
        r"\text{ and a small } \lVert o_t \rVert \text{, or the reverse}}{\text{rows in conflict}}",
        "diagnostics.diversity_index",
        "test_diagnostics.py::test_specific_forward_index_by_hand",
        7,
    ),
    Equation(
        "Eq. (3)",
        "M embedding tables a field, side by side",
        r"x_m = [E_1^m[\mathrm{id}_1], \ldots, E_F^m[\mathrm{id}_F]], \qquad m = 1, \ldots, M",
        "layers.Embeddings",
        f"{BY_HAND}::test_eq3_by_hand",
        2,
    ),
    Equation(
        "Eq. (4)",
        "M experts, ReLU at the end",
        r"o_m = \mathrm{MLP}_m(x_m)",
        "layers.Experts",
        f"{BY_HAND}::test_eq4_by_hand",
        5,
    ),
    Equation(
        "Eq. (5)",
        "a tower for each domain",
        r"p = \mathrm{sigmoid}(\mathrm{tower}_s(h))",
        "layers.Tower",
        f"{BY_HAND}::test_eq5_by_hand",
        1,
    ),
    Equation(
        "Eq. (6)",
        "CovLoss: covariance between experts",
        r"L_{Cov} = \frac{1}{K^2} \sum_{p > q} \sum_{ij} \big| (\tilde O_p^T \tilde O_q)_{ij} \big|,"
        r" \qquad \tilde O_p = O_p - \text{its column means}",
        "losses.covariance",
        f"{BY_HAND}::test_eq6_by_hand",
        4,
    ),
    Equation(
        "Eq. (7)",
        "the training objective (by default every row counts alike, 1/B for 1/N_s)",
        r"L = \sum_s \frac{1}{N_s} \sum_{i \in s} \mathrm{BCE}_i + \alpha \, L_{Cov}",
        "objective.Objective",
        f"{BY_HAND}::test_eq7_by_hand",
        5,
    ),
    Equation(
        "Eq. (8)",
        "experts mixed dimension by dimension",
        r"h_k = \sum_m g_{mk} \, o_{mk}",
        "layers.ElementGate",
        f"{BY_HAND}::test_eq8_mixes_each_dimension_by_itself",
        3,
        "PEG",
    ),
    Equation(
        "Eq. (9)",
        "prior embedding of user, item and domain",
        r"e = [E_u, E_v, E_s]",
        "layers.Embeddings",
        f"{BY_HAND}::test_eq9_prior_is_a_table_for_each_of_user_item_and_domain",
        2,
    ),
    Equation(
        "Eq. (10)",
        "prior-informed gate, scalar (PG)",
        r"a = e \, W_s, \qquad g_m = \frac{\exp a_m}{\sum_n \exp a_n}",
        "layers.ScalarGate",
        f"{BY_HAND}::test_eq10_by_hand",
        3,
        "PG",
    ),
    Equation(
        "Eq. (10)",
        "prior-informed gate, element-wise (PEG)",
        r"a = e \, W_s, \qquad g_{mk} = \frac{\exp a_{mk}}{\sum_n \exp a_{nk}}",
        "layers.ElementGate",
        f"{BY_HAND}::test_eq10_peg_backward",
        3,
        "PEG",
    ),
    Equation(
        "Fig. 3",
        "the whole model",
        r"z = \mathrm{tower}_s \Big( \sum_m g_m(e) * \mathrm{MLP}_m(x_m) \Big)",
        "models.Crocodile",
        "test_golden.py::test_objectives_and_gradients",
        5,
    ),
)


def code(one):
    """The address of an equation's class or function, from the root of the repository."""
    module, name = f"croco_np.{one.code}".rsplit(".", 1)
    found = listing(getattr(importlib.import_module(module), name))
    return f"{found.path}#L{found.line}"


def check(one):
    """The address of an equation's test; LookupError if it is not there."""
    file, name = one.test.split("::")
    for node in ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return f"tests/{file}#L{node.lineno}"
    raise LookupError(f"tests/{file}: no {name}")


def lesson(one):
    """The address of the section of a lesson that has an equation."""
    path = next((ROOT / "tutorials").glob(f"{one.lesson:02d}_*.py"))
    return f"tutorials/{path.stem}.ipynb{anchor(path.read_text(encoding='utf-8'), one)}"


def anchor(text, one):
    """The section of a lesson's source that has an equation, as a fragment; empty if only the first cell names it."""
    parts = re.split(r"^# ##+ (.+)\n", text, flags=re.MULTILINE)[1:]
    sections = list(zip(parts[::2], parts[1::2], strict=True))
    named = re.compile(rf"{re.escape(one.name)}|Eqs\. [\d, ()and]*\({one.name[5:-1]}\)")
    wanted = (
        [heading for heading, _ in sections if one.topic and re.search(rf"\b{one.topic}\b", heading)]
        or [heading for heading, _ in sections if named.search(heading)]
        or [heading for heading, body in sections if named.search(body)]
    )
    return f"#{quote(wanted[0].replace('`', '').replace(' ', '-'), safe='')}" if wanted else ""


def readme():
    """The README's table of equations."""
    rows = ["| equation | what it says | code | test | tutorial |", "|---|---|---|---|---|"]
    rows += [
        f"| [{one.name}]({PAGE}#{one.place}) | {one.says} | [`{one.code}`]({code(one)}) "
        f"| [`{one.test.partition('::')[2]}`]({check(one)}) | [{one.lesson}]({lesson(one)}) |"
        for one in EQUATIONS
    ]
    return "\n".join(rows)


def page():
    """All equations, each with its formula and its three links: the text of equations.md between its marks."""
    parts, seen = [], set()
    for one in EQUATIONS:
        heading = [] if one.name in seen else [f"## {one.name}"]
        seen.add(one.name)
        links = f"[`{one.code}`](../../{code(one)}) · [{one.kind}](../../{check(one)}) · {_to_lesson(one)}"
        parts += [*heading, f"{one.says[0].upper()}{one.says[1:]}:", f"$$ {one.latex} $$", links]
    return "\n\n".join(parts) + "\n"


def _to_lesson(one):
    return f"[lesson {one.lesson}]({lesson(one).replace('tutorials/', '../', 1)})"


def first_cell(text):
    """The links of the equations that a lesson's first cell names, in Markdown; empty if it names none."""
    line = NAMED.search(text)
    named = re.findall(r"Eq\. \(\d+\)|Fig\. \d+", line[0]) if line else []
    return "\n".join(_item(one, anchor(text, one)) for one in EQUATIONS if one.name in named)


def _item(one, here):
    return (
        f"- [{one.name}](reference/equations.md#{one.place}):\n"
        f"  [`{one.code.rpartition('.')[2]}`](../{code(one)}), [{one.kind}](../{check(one)})"
        + (f",\n  [in this lesson]({here})" if here else "")
    )


def linked(text):
    """The source of a lesson with the links of its equations under the line that names them."""
    text = IN_LESSON.sub("", text)
    if not (links := first_cell(text)):
        return text
    block = "".join(f"# {line}\n" for line in (BEGIN, *links.splitlines(), END))
    return NAMED.sub(lambda named: f"{named[0]}#\n{block}", text, count=1)


def wanted():
    """{file: the text it should have}, for all files that links are written to."""
    texts = {ROOT / name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", PAGE)}
    for (path, text), block in zip(texts.items(), (readme(), page()), strict=True):
        if not BLOCK.search(text):
            raise LookupError(f"{path.name}: it needs the lines {BEGIN} and {END}")
        texts[path] = BLOCK.sub(lambda _, block=block: f"{BEGIN}\n{block}\n{END}", text)
    return texts | {path: linked(path.read_text(encoding="utf-8")) for path in lessons.sources(ROOT / "tutorials")}


def fill():
    """Write the links where they are not as they should be -> names of the files that changed."""
    changed = []
    for path, text in wanted().items():
        if path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            changed.append(path.relative_to(ROOT).as_posix())
    for path in lessons.sources(ROOT / "tutorials"):  # a first cell has no outputs, so its notebook need not be run
        notebook = path.with_suffix(".ipynb")
        stored = notebooks.load(notebook)
        if stored.cells[0].source != (first := lessons.first_cell(path).rstrip()):
            as_built, stored.cells[0].source = nb.is_as_built(stored), first
            if as_built:
                stored.metadata[nb.OURS]["built"] = nb.digest(stored)
            notebooks.save(stored, notebook)
            changed.append(notebook.relative_to(ROOT).as_posix())
    return changed


if __name__ == "__main__":
    print("\n".join(fill()) or "all links are where they should be")
