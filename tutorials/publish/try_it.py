"""Exercises that are done on the page: what a page holds for them, and the package as the browser loads it.

Under each exercise cell stands an element that the script `static/try_it.js` fills with a button; without the script it
stays hidden, and a sentence says what is missing. The code cells of the lesson stand at its end, once: the browser
slices them to what an answer uses.
"""

import base64
import io
import json
import re
import zipfile
from pathlib import Path

import croco_np
from croco_np.teaching.slices import graded

NUMBER = re.compile(r"\d+\.\d+")  # of an exercise; tutorial 10 has an example of another kind
WORKER = Path(__file__).parent / "static" / "try_it_worker.js"
WHEEL = "croco_np_wheel.js"  # a script, because a page opened from a file may load no other data
OFF = (
    "Without JavaScript this exercise cannot be done on the page, and pictures stand still. "
    "Allow it, or work in the notebook: <code>python -m croco_np.learn</code> opens it."
)
BEGINNING = (1980, 1, 1, 0, 0, 0)  # the date of all files in the wheel: two builds of one version are the same bytes


def offer(notebook: dict) -> None:
    """Put the element for "Try it here" under each exercise cell of a notebook, and the code cells at its end."""
    cells, sources = [], []
    for cell in notebook["cells"]:
        cells.append(cell)
        if cell["cell_type"] == "code":
            sources.append(cell["source"])
            cells += [_element(n, len(sources) - 1) for n in graded(cell["source"])[:1] if NUMBER.fullmatch(n)]
    if len(cells) > len(notebook["cells"]):
        data = json.dumps(sources, ensure_ascii=False).replace("<", "\\u003c")
        cells.append(_raw(f'<script type="application/json" id="try-it-cells">{data}</script>', "cells"))
    notebook["cells"] = cells


def _element(number, at):
    text = f'<div class="try-it" data-exercise="{number}" data-cell="{at}" hidden></div>'
    text += f'<noscript><p class="try-it-off">{OFF}</p></noscript>'
    return _raw(text, number.replace(".", "-"))


def _raw(text, name):
    """A cell of Markdown that is HTML."""
    from nbformat.v4 import new_markdown_cell

    return new_markdown_cell(text, id=f"try-it-{name}")


def wheel() -> str:
    """The wheel of croco_np, as a script that sets `crocoNpWheel` to its name and its bytes in base64."""
    name, version = "croco_np", croco_np.__version__
    info = f"{name}-{version}.dist-info"
    files = {f"{name}/{path.relative_to(root)}": path.read_bytes() for root, path in _files()}
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: croco-np\nVersion: {version}\n".encode()
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: croco-np\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"]).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path, data in files.items():
            archive.writestr(zipfile.ZipInfo(path, BEGINNING), data, zipfile.ZIP_DEFLATED)
    text = base64.b64encode(packed.getvalue()).decode()
    return f'var crocoNpWheel = {{ name: "{name}-{version}-py3-none-any.whl", base64: "{text}" }};\n'


def _files():
    """The files of the package that is running, in order, and its folder."""
    root = Path(croco_np.__file__).parent
    files = (path for path in sorted(root.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
    return ((root, path) for path in files)
