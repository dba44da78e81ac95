"""Notebooks as files: their cells, what tells one that was worked in from one as built, and what its exercises say.

Jupyter's own library is not needed to read one: a notebook is JSON.
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..storage.files import replacing
from .slices import graded

OURS = "croco_np"  # the key of our records in a notebook's metadata
NUMBER = re.compile(r"\d+\.\d+")


def read(path: Path | str) -> dict[str, Any]:
    """A notebook of format 4 as nested dicts, each text in one piece; InputError, one line, if it is none."""
    path = Path(path)
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (ValueError, RecursionError) as error:
        said = str(error).partition("\n")[0]
        raise InputError(f"{path}: not a notebook, {said}; open it in a text editor, or take another copy") from None
    cells = notebook.get("cells", []) if isinstance(notebook, dict) else []
    if not cells or is_odd(cells) or notebook.get("nbformat") != 4:
        raise InputError(f"{path}: not a notebook of format 4; open and save it in JupyterLab, or take another copy")
    for cell in cells:
        cell["source"] = joined(cell["source"])
        cell["metadata"] = cell["metadata"] if isinstance(cell.get("metadata"), dict) else {}
        for output in cell.get("outputs", ()):
            if "text" in output:
                output["text"] = joined(output["text"])
            for kind, data in output.get("data", {}).items():
                output["data"][kind] = joined(data)
    notebook["metadata"] = notebook["metadata"] if isinstance(notebook.get("metadata"), dict) else {}
    return notebook


def is_odd(cells: Any) -> bool:
    """Whether what should be a list of cells is none, or holds what is no cell."""
    if not isinstance(cells, list) or not all(isinstance(c, dict) for c in cells):
        return True
    outputs = [c.get("outputs", []) for c in cells]
    if not all(isinstance(o, list) and all(isinstance(x, dict) for x in o) for o in outputs):
        return True
    if not all(isinstance(x.get("data", {}), dict) for o in outputs for x in o):
        return True
    return not all(isinstance(c.get("source"), (str, list)) and isinstance(c.get("cell_type"), str) for c in cells)


def joined(text: Any) -> Any:
    """A text that may be stored as a list of its lines; anything else as it is."""
    if isinstance(text, list) and all(isinstance(line, str) for line in text):
        return "".join(text)
    return text


def record(notebook: Any) -> dict[str, Any]:
    """Our records in the notebook's metadata; {} if there are none."""
    found = notebook["metadata"].get(OURS, {})
    return dict(found) if isinstance(found, dict) else {}


def digest(notebook: Any) -> str:
    """A checksum of what the cells of a notebook ask: their kinds and texts. Running it changes nothing here."""
    return checksum([[cell["cell_type"], cell["source"]] for cell in notebook["cells"]])


def digest_with_outputs(notebook: Any) -> str:
    """A checksum of texts and outputs. Looking at a notebook and saving it changes nothing here; running it may."""
    return checksum([[c["cell_type"], c["source"], outputs(c)] for c in notebook["cells"]])


def outputs(cell: Any) -> list:
    """What the outputs of a cell say, without counters and metadata."""
    kept = ("output_type", "name", "text", "data", "ename", "evalue")
    return [{key: output[key] for key in kept if key in output} for output in cell.get("outputs", ())]


def checksum(thing: Any) -> str:
    """SHA-256 of plain data, as JSON with sorted keys."""
    return hashlib.sha256(json.dumps(thing, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def is_as_built(notebook: Any) -> bool:
    """Whether the cells are those that the builder wrote, by the record that it left; False if there is no record."""
    return record(notebook).get("built") == digest(notebook)


def exercises(notebook: Any) -> list[str]:
    """The numbers of the exercises that a notebook grades, in order."""
    found = [graded(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return list(dict.fromkeys(n for numbers in found for n in numbers if NUMBER.fullmatch(n)))


def solved(notebook: Any) -> set[str]:
    """The exercises whose stored output says "right"."""
    return {
        number
        for cell in notebook["cells"]
        for number in (exercises({"cells": [cell]}) if cell.get("outputs") else ())
        if re.search(rf"Exercise {re.escape(number)}: right\b", said(cell))
    }


def said(cell: Any) -> str:
    """All text in the outputs of a cell."""
    texts = [output.get("text", "") for output in cell.get("outputs", ())]
    texts += [data for output in cell.get("outputs", ()) for data in output.get("data", {}).values()]
    return "\n".join(text for text in texts if isinstance(text, str))


def write(notebook: Any, path: Path | str) -> None:
    """Write a notebook as Jupyter does: texts as lists of lines, one space of indentation. Whole, or not at all."""
    stored = json.loads(json.dumps(notebook))
    for cell in stored["cells"]:
        cell["source"] = cell["source"].splitlines(keepends=True)
        for output in cell.get("outputs", ()):
            if isinstance(output.get("text"), str):
                output["text"] = output["text"].splitlines(keepends=True)
            for kind, data in output.get("data", {}).items():
                if isinstance(data, str):
                    output["data"][kind] = data.splitlines(keepends=True)
    text = json.dumps(stored, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    with replacing(path, encoding="utf-8") as file:
        file.write(text)
