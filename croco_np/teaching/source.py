"""Source code of the library, shown in a tutorial, with its place and its derivation."""

import importlib
import inspect
import os
import re
import textwrap
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
FENCE = "`" * 4  # a docstring may hold three of them


class Listing(NamedTuple):
    """A piece of source code and where it stands.

    path  from the folder that holds the package, such as croco_np/layers/mlp.py; None for code from elsewhere
    line  the number of its first line
    """

    path: str | None
    line: int
    text: str

    @property
    def link(self) -> str:
        """Markdown that leads to the line, from a notebook that lies one folder below the repository."""
        return f"[`{self.path}`, line {self.line}](../{self.path}#L{self.line})"


class Source:
    """Lines of Python that a notebook sets as code, and everything else prints.

    text      what is printed
    markdown  what a notebook shows; `text` as code if it is not given
    """

    def __init__(self, text: str, markdown: str = "") -> None:
        self.text, self.markdown = text, markdown or fenced(text)

    def __repr__(self) -> str:
        return self.text

    def _repr_markdown_(self) -> str:
        return self.markdown


def show(*objects: Any, docstring: bool = False) -> Source:
    """The source of functions, methods, classes or kernels, each under a link to its file and line -> `Source`.

    Its docstring, or for a method that of its class, is folded under it: the derivation of the lines that are shown.

    docstring  keep docstrings in the code; without them only what runs is left, which stands next to a derivation
    """
    things = [getattr(thing, "fget", None) or getattr(thing, "reference", thing) for thing in objects]
    listings = [listing(thing, docstring) for thing in things]
    derivations = {} if docstring else dict(entry for thing in things for entry in _documented(thing))
    code = [f"{one.link}\n\n{fenced(one.text)}" if one.path else fenced(one.text) for one in listings]
    return Source(
        "\n\n".join(f"# {one.path}\n{one.text}" if one.path else one.text for one in listings),
        "\n\n".join([*code, *(folded(*entry) for entry in derivations.items())]),
    )


def fenced(text: str, language: str = "python") -> str:
    """A block of code in Markdown."""
    return f"{FENCE}{language}\n{text}\n{FENCE}"


def listing(thing: Any, docstring: bool = True) -> Listing:
    """The source code of a function, method or class; raises what `inspect.getsource` raises if it has none."""
    lines, first = inspect.getsourcelines(thing)
    text = textwrap.dedent("".join(lines)).rstrip()
    if thing.__doc__ and not docstring:
        head, mark, rest = text.partition('"""')
        text = head.rstrip() + rest.partition('"""')[2] if mark else text
    path = os.path.relpath(inspect.getsourcefile(thing) or "", ROOT).replace(os.sep, "/")
    return Listing(None if path.startswith("..") else path, max(first, 1), text)


def folded(name: str, docstring: str) -> str:
    """A docstring behind one click, in Markdown."""
    said = "The derivation of" if re.search(r"\bBackward\b", docstring) else "In words:"
    return f"<details>\n<summary>{said} <code>{name}</code></summary>\n\n{fenced(docstring, 'text')}\n\n</details>"


def _documented(thing):
    """(name, docstring) of a function or class, and of the class that a method belongs to."""
    owner = thing.__qualname__.rpartition(".")[0]
    above = getattr(importlib.import_module(thing.__module__), owner, None) if owner else None
    for one in (thing, above):
        if one is not None and one.__doc__ and not _is_signature(one):
            yield one.__qualname__, inspect.cleandoc(one.__doc__)


def _is_signature(thing):
    """Whether a docstring is what `dataclass` or `NamedTuple` makes up: the name and its fields."""
    return thing.__doc__.startswith(f"{thing.__name__}(")
