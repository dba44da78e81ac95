"""What the cells of a notebook become on the site: links turned, code folded, help under each exercise."""

import ast
import re

from croco_np.teaching import solution
from croco_np.teaching.solutions import every

from . import mentions
from .equations import BLOCK, PAGE

EXERCISE = re.compile(r'^grade\("(\d+\.\d+)"', re.MULTILINE)
STYLE = re.compile(r'(<figure class="scene"[^>]*>)<style>.*?</style>', re.DOTALL)  # once for the page is enough
IMPORTS, PICTURE, CODE = "imports", "how the picture is drawn", "code"


def turned(notebook, links, path):
    """Turn the cells of a notebook into those of its page, in place; `links` notes what leads nowhere."""
    _picture_first(notebook["cells"])
    cells, seen = [], set()
    equations = (links.root / PAGE).exists()  # not where somebody builds lessons of their own
    for i, cell in enumerate(notebook["cells"]):
        where = f"tutorials/{path.name}, cell {i}"
        cells.append(cell)
        if cell["cell_type"] == "markdown":
            text = mentions.linked(cell["source"], seen) if equations else cell["source"]
            cell["source"] = links.rewritten(text, path, where)
            continue
        for output in cell["outputs"]:
            if shown := output.get("data", {}).get("text/markdown"):
                output["data"]["text/markdown"] = links.rewritten(shown, path, where)
            if shown := output.get("data", {}).get("text/html"):
                output["data"]["text/html"] = STYLE.sub(r"\1", shown)
        cell["metadata"]["mystnb"] = _settings(cell, notebook["cells"][i + 1 : i + 2])
        for number in EXERCISE.findall(cell["source"]):
            if text := folded_help(number):
                cells.append(_markdown(links.rewritten(text, path, where), f"help-{number.replace('.', '-')}"))
    notebook["cells"] = cells


def _picture_first(cells):
    """Move the links of a lesson's equations behind its first picture, which a phone shows sooner so."""
    links = BLOCK.search(cells[0]["source"])
    at = next((i for i, cell in enumerate(cells) if cell["cell_type"] == "code" and _has_picture(cell)), None)
    if links and at is not None:
        cells[0]["source"] = cells[0]["source"].replace(links[0], "")
        cells.insert(at + 1, _markdown(f"**Where the equations are:**\n\n{links[0]}", "links-of-equations"))


def folded_help(number):
    """The second and third hint and the worked solution of an exercise, each behind a click; "" if it has none."""
    solved = every().get(number)
    if solved is None:
        return ""
    second, third = solved.hints
    parts = [("hint", "A hint", second), ("hint", "A further hint", third)]
    parts += [("solution", "Worked solution", solution(number)._repr_markdown_())]
    return "\n\n".join(
        f'<details class="help {kind}">\n<summary>{title}</summary>\n\n{text}\n\n</details>'
        for kind, title, text in parts
    )


def _settings(cell, after):
    """How the page shows a cell of code: what stands on its fold, and what is read out in the place of a picture."""
    settings = {"code_prompt_show": prompt(cell), "code_prompt_hide": prompt(cell)}
    if _has_picture(cell):
        said = after[0]["source"].strip().partition("\n\n")[0] if after and after[0]["cell_type"] == "markdown" else ""
        settings["image"] = {"alt": " ".join(said.replace("*", "").replace("`", "").split()) or "A figure."}
    return settings


def prompt(cell):
    """What stands on the fold of a cell tagged `hide-input`."""
    if _has_picture(cell):
        return PICTURE
    kinds = {type(statement) for statement in ast.parse(_python(cell["source"])).body}
    return IMPORTS if kinds & {ast.Import, ast.ImportFrom} else CODE


def _python(source):
    """A cell without the lines that only Jupyter knows."""
    return re.sub(r"^[%!].*$", "", source, flags=re.MULTILINE)


def _has_picture(cell):
    data = [output.get("data", {}) for output in cell["outputs"]]
    return any(kind.startswith("image/") for kinds in data for kind in kinds) or any(
        "<svg" in kinds.get("text/html", "") for kinds in data
    )


def _markdown(text, name):
    import nbformat

    return nbformat.v4.new_markdown_cell(text, id=name)
