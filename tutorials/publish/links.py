"""Links between files of the repository -> links between pages of the site.

A tutorial or Markdown file is a page under its own name; another file of the repository gets a page with its text, a
folder a page with its files, each made when something links to it. So every link leads to a page.
"""

import os
import re
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from .listing import numbered, raw

LINK = re.compile(
    r"(?P<fence>^(?P<marks>`{3,}|~{3,})[^\n]*\n.*?^(?P=marks))"
    r"|(?P<code>(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`))"
    r"|(?P<formula>\$\$.+?\$\$|\$[^$\n]+\$)"
    r"|(?<=\])\((?P<target>[^()\s]+)\)",
    re.MULTILINE | re.DOTALL,
)
PICTURES = {".png", ".svg", ".jpg", ".jpeg", ".gif"}
SOURCE = "source"


def _place(goal, fragment):
    """What a fragment is called on the page of a file; "" for none, None for a line that the file does not have."""
    if goal.suffix == ".md":
        return fragment
    if goal.suffix == ".ipynb":
        return slug(fragment)
    line = re.match(r"L(\d+)", fragment)
    if line is None or goal.is_dir():
        return ""
    return line[0] if int(line[1]) <= len(goal.read_text(encoding="utf-8").splitlines()) else None


def slug(heading):
    """The place of a heading on its page: Jupyter names it by the heading with dashes, the site as GitHub does."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


class Links:
    """The links of a site built from `root`/tutorials.

    root     the repository
    folder   its tutorials
    wanted   files of the repository that have to become pages or pictures, in the order they were asked for
    broken   "where: what", a line for each link that leads nowhere
    """

    def __init__(self, folder):
        self.folder = Path(os.path.abspath(folder))  # symbolic links stay what they are
        self.root = self.folder.parent
        self.wanted, self.broken = {}, []

    def page(self, file):
        """Where the page of a file of the repository lies, below the source folder of the site."""
        file = Path(file)
        if file.parent == self.folder and file.suffix in {".ipynb", ".py"} and file.name[:2].isdigit():
            return PurePosixPath(file.stem + ".ipynb")
        if file.is_relative_to(self.folder) and file.suffix in PICTURES | {".md"}:
            return PurePosixPath(file.relative_to(self.folder).as_posix())
        inside = PurePosixPath(SOURCE, *file.relative_to(self.root).parts)
        if file.is_dir():
            return inside / "index.md"
        return inside if file.suffix in PICTURES | {".md"} else inside.with_name(inside.name + ".md")

    def rewritten(self, text, file, where):
        """Markdown of a file of the repository with its links turned to pages; `where` names it in `broken`."""
        start = self.page(file).parent

        def turn(match):
            if match["target"] is None:
                return match[0]
            path, mark, fragment = match["target"].partition("#")
            if re.match(r"[a-z][a-z0-9+.-]*:", path):
                return match[0]
            if not path:
                return f"(#{_place(Path(file), unquote(fragment))})"
            goal = Path(os.path.abspath(Path(file).parent / unquote(path)))
            if not goal.exists() or not goal.is_relative_to(self.root):
                self.broken.append(f"{where}: the link ({match['target']}) leads nowhere")
                return "()"  # it is told of here
            self.wanted.setdefault(goal)
            place = _place(goal, unquote(fragment))
            if place is None:
                self.broken.append(f"{where}: the link ({match['target']}) leads past the end of the file")
            return f"({os.path.relpath(self.page(goal), start)}{mark if place else ''}{place or ''})"

        return LINK.sub(turn, text)

    def text(self, file):
        """The page of a file of the repository that is no notebook: Markdown."""
        name = file.relative_to(self.root).as_posix()
        if file.is_dir():
            files = [f for f in sorted(file.iterdir()) if not f.name.startswith((".", "__pycache__"))]
            listed = "\n".join(f"- [`{f.name}`]({f.name})" for f in files if f.is_file())
            return self.rewritten(f"# `{name}`\n\n{listed}\n", file / "index.md", name)
        text = file.read_text(encoding="utf-8")
        if file.suffix == ".md":
            return self.rewritten(text, file, name)
        return f"# `{name}`\n\n{raw(numbered(text, 'python' if file.suffix == '.py' else 'text'))}"
