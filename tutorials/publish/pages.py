"""Notebooks, index and the files they link to -> HTML. Sphinx reads a folder of copies, so nothing is written here."""

import io
import re
import shutil
import tempfile
import warnings
from pathlib import Path

from croco_np import __version__
from croco_np.errors import InputError
from croco_np.teaching.pictures.course import course_figure
from croco_np.teaching.pictures.scene import STYLE

from . import cells, lessons, look, notebooks, try_it
from .extra import need
from .links import PICTURES, Links
from .listing import raw

COURSE = re.compile(r"!\[[^\]]*\]\(images/course\.svg\)")  # on the site its numbers are links
MARK = ".croco_np_site"  # in a folder that holds a site, and may be replaced by one
# What `Links` tells itself: links that lead nowhere, and lines of a listing, which Sphinx knows nothing of
TOLD = re.compile(r"cross-reference target not found: ''|local id not found in doc .*: 'L\d+'")
ORPHAN = "---\norphan: true\n---\n\n"


def build(folder, out):
    """Write the site of the notebooks in `folder` to `out` -> (number of pages, lines that say what is wrong with it).

    A site that was in `out` is replaced; InputError if `out` holds anything else. If anything is wrong, nothing is
    written.
    """
    need("sphinx", "myst_nb", "furo", "latex2mathml", "nbformat")
    out = Path(out)
    if out.exists() and not (out / MARK).exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"--out {out}: holds something that is not a site; name an empty or new folder")
    with tempfile.TemporaryDirectory() as scratch:
        copies, html = Path(scratch, "copies"), Path(scratch, "html")
        wrong = gather(Path(folder), copies)
        wrong += [_short(line, copies) for line in _sphinx(copies, html, Path(scratch, "doctrees"))]
        if wrong:
            return 0, wrong
        (html / MARK).touch()
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(html, out)
    return len(list(out.rglob("*.html"))), []


def gather(folder, copies):
    """Fill `copies` with all that the site shows -> lines that name links which lead nowhere."""
    links = Links(folder)
    names = [path.stem for path in lessons.sources(folder)]
    (copies / "_static").mkdir(parents=True)
    for name in look.files(".css", ".js", ".svg"):
        shutil.copy(look.STATIC / name, copies / "_static" / name)
    (copies / "_static" / look.SCENE).write_text(STYLE, encoding="utf-8")
    (copies / "_static" / try_it.WHEEL).write_text(try_it.wheel())
    for name in names:
        path = links.folder / f"{name}.ipynb"
        notebook = notebooks.load(path)
        cells.turned(notebook, links, path)
        try_it.offer(notebook)
        notebooks.save(notebook, copies / path.name)

    index = links.folder / "index.md"
    text = links.rewritten(lessons.with_table(index.read_text(encoding="utf-8"), folder), index, "tutorials/index.md")
    address = {int(name[:2]): f"{name}.html" for name in names}
    text = COURSE.sub(lambda _: raw(course_figure(lambda lesson: address.get(lesson, "#"))), text)
    references = sorted((links.folder / "reference").glob("*.md"))
    contents = _contents("Tutorials", names) + _contents("Reference", [f"reference/{path.stem}" for path in references])
    (copies / "index.md").write_text(f"{text}\n{contents}", encoding="utf-8")

    links.wanted |= dict.fromkeys(references)
    done = {index, *(links.folder / f"{name}{suffix}" for name in names for suffix in (".py", ".ipynb"))}
    while todo := [file for file in links.wanted if file not in done]:
        for file in todo:  # a page may link to more of them
            done.add(file)
            page = copies / links.page(file)
            page.parent.mkdir(parents=True, exist_ok=True)
            if file.suffix in PICTURES:
                shutil.copy(file, page)
            else:
                page.write_text(("" if file in references else ORPHAN) + links.text(file), encoding="utf-8")
    return links.broken


def _contents(caption, names):
    """A table of contents in the margin of every page; nothing for no pages."""
    return "\n".join(["```{toctree}", ":hidden:", f":caption: {caption}", "", *names, "```", ""]) if names else ""


def _sphinx(copies, html, doctrees):
    """Run Sphinx -> its warnings, a line each."""
    from sphinx.application import Sphinx
    from sphinx.errors import SphinxError
    from sphinx.util.docutils import docutils_namespace

    said = io.StringIO()
    try:
        with docutils_namespace(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of libraries, at their next versions
            app = Sphinx(copies, None, html, doctrees, "html", look.settings(__version__), io.StringIO(), said)
            app.build()
    except SphinxError as error:
        said.write(f"{type(error).__name__}: {error}\n")
    return [line for line in said.getvalue().splitlines() if line.strip() and not TOLD.search(line)]


def _short(line, copies):
    """A warning of Sphinx without colours and the place of the copies."""
    from sphinx.util.console import strip_colors

    return strip_colors(line).replace(f"{copies.resolve()}/", "").replace("WARNING: ", "")
