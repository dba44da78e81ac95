"""Source code of the library, shown in a tutorial."""

import inspect
import textwrap
from typing import Any


class Source:
    """Lines of Python that a notebook sets as code, and everything else prints."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text

    def _repr_markdown_(self):
        return f"```python\n{self.text}\n```"


def show(*objects: Any, docstring: bool = False) -> Source:
    """The source of functions, methods, classes or kernels, each under the name of its file -> `Source`.

    docstring  keep docstrings; without them only what runs is left, which is what stands next to a derivation
    """
    return Source("\n\n".join(_lines(thing, docstring) for thing in objects))


def _lines(thing, docstring):
    thing = getattr(thing, "fget", None) or getattr(thing, "reference", thing)  # of a property, of a kernel
    text = textwrap.dedent(inspect.getsource(thing)).rstrip()
    doc = thing.__doc__
    if doc and not docstring:
        head, mark, rest = text.partition('"""')
        text = head.rstrip() + rest.partition('"""')[2] if mark else text
    return f"# {thing.__module__.replace('.', '/')}.py\n{text}"
