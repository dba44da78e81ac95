"""Links between files of the repository -> links between pages of the site.

A tutorial or Markdown file is a page under its own name; another file of the repository gets a page with its text, a
folder a page with its files, each made when something links to it. So every link leads to a page.
"""

import os
import re
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

LINK = re.compile(
    r"(?P<fence>^(?P<marks>`{3,}|~{3,})[^\n]*\n.*?^(?P=marks))"
    r"|(?P<code>(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`))"
    r"|(?P<formula>\$\$.+?\$\$|\$[^$\n]+\$)"
    r"|(?<=\])\((?P<target>[^()\s]+)\)",
    re.MULTILINE | re.DOTALL,
)
PICTURES = {".png", ".svg", ".jpg", ".jpeg", ".gif"}
SOURCE = "source"


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
            if not path or re.match(r"[a-z][a-z0-9+.-]*:", path):
                return match[0]
            goal = Path(os.path.abspath(Path(file).parent / unquote(path)))
            if not goal.exists() or not goal.is_relative_to(self.root):
                self.broken.append(f"{where}: the link ({match['target']}) leads nowhere")
                return "()"  # it is told of here
            self.wanted.setdefault(goal)
            keep = mark + fragment if goal.suffix in {".md", ".ipynb"} else ""
            return f"({os.path.relpath(self.page(goal), start)}{keep})"

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
        marks = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 3)
        language = "python" if file.suffix == ".py" else "text"
        return f"# `{name}`\n\n{marks}{{code-block}} {language}\n:linenos:\n\n{text}\n{marks}\n"
