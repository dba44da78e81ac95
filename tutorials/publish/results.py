"""Tables of committed results inside the pages: between two marks, a page holds what the CSV files say.

    <!-- results/kuairand/table2, All domains -->
    | system | AUC | ...
    <!-- end -->

The first mark names a folder of results, as `python -m croco_np.experiments` writes it, and a section of its
results.md; "All domains 2" is the second table of that section.
"""

import re
from functools import cache
from pathlib import Path

from croco_np.experiments.catalogue import EXPERIMENTS
from croco_np.experiments.page import lead, markdown, markdown_table, read_frames
from croco_np.report import Section, Table

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "tutorials/reference/results.md")
BLOCK = re.compile(r"(<!-- (results/[\w./-]+), ([^>]+?) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


@cache
def sections(folder: str) -> tuple[Section, ...]:
    """The sections of a folder of results, made from its CSV files."""
    results = read_frames(ROOT / folder)
    return tuple(EXPERIMENTS[results.about["experiment"]].present(results))


def page(folder: str) -> str:
    """What results.md of a folder has to say."""
    about = read_frames(ROOT / folder).about
    return markdown(EXPERIMENTS[about["experiment"]].title, lead(about), sections(folder))


def table(folder: str, name: str) -> Table:
    """The table that a mark names; LookupError if there is none."""
    of = sections(folder)
    title, number = name, "1"
    if name not in {section.title for section in of} and name.rpartition(" ")[2].isdigit():
        title, _, number = name.rpartition(" ")
    found = [section for section in of if section.title == title]
    if not found:
        raise LookupError(f"{folder}: no section {title!r}; there are {[s.title for s in of]}")
    return found[0].tables[int(number) - 1]


def filled(text: str) -> str:
    """A page with all its blocks made anew."""
    return BLOCK.sub(lambda block: f"{block[1]}{markdown_table(table(block[2], block[3]))}\n{block[5]}", text)


def fill() -> list[str]:
    """Rewrite the pages whose blocks are out of date, and results.md of each folder -> names of those that changed."""
    changed = []
    wanted = {ROOT / name: filled((ROOT / name).read_text(encoding="utf-8")) for name in PAGES}
    wanted |= {about.parent / "results.md": page(str(about.parent.relative_to(ROOT))) for about in folders()}
    for path, text in wanted.items():
        if path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            changed.append(str(path.relative_to(ROOT)))
    return changed


def folders() -> list[Path]:
    """about.json of every folder of committed results."""
    return sorted((ROOT / "results").glob("**/about.json"))


if __name__ == "__main__":
    print("\n".join(fill()) or "all results are as their CSV files say")
