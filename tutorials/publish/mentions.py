"""Equations that a lesson's text names become links to their formula: the first time in each section."""

import re

from .equations import EQUATIONS, PAGE

PARTS = re.compile(
    r"(?P<heading>^#+ [^\n]*$)"
    r"|(?P<other>^(?P<marks>`{3,}|~{3,})[^\n]*\n.*?^(?P=marks)|(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`)"  # code
    r"|\$\$.+?\$\$|\$[^$\n]+\$|\[[^\]]*\]\([^)\s]*\)|<!--.*?-->)"  # formulas, links, comments
    rf"|(?P<name>{'|'.join(sorted({re.escape(one.name) for one in EQUATIONS}))})",
    re.MULTILINE | re.DOTALL,
)
PLACES = {one.name: f"{PAGE.removeprefix('tutorials/')}#{one.place}" for one in EQUATIONS}


def linked(text: str, seen: set[str]) -> str:
    """Markdown of a tutorial with links at the equations it names; `seen` are those that its section named so far."""

    def turn(match):
        if match["heading"]:
            seen.clear()
        name = match["name"]
        if name is None or name in seen:
            return match[0]
        seen.add(name)
        return f"[{name}]({PLACES[name]})"

    return PARTS.sub(turn, text)
