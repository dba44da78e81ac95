"""Build the tutorials: run tutorials/NN_name.py to notebooks with outputs, and set these as a site of HTML pages."""

import sys
import time
from pathlib import Path

from croco_np.command import Parser, status
from croco_np.errors import InputError
from croco_np.storage.files import replacing
from croco_np.teaching.pictures.course import course_file

from . import browser, lessons, notebooks, pages, teachers


def run(argv):
    """The command; returns the exit status."""
    parser = Parser(prog="python -m tutorials.publish", description=__doc__, allow_abbrev=False)
    parser.add_argument("--only", type=int, nargs="+", metavar="N", help="run these tutorials only")
    parser.add_argument("--notebooks-only", action="store_true", help="no site")
    parser.add_argument(
        "--pages-only", action="store_true", help="run nothing: the site of the notebooks that are there"
    )
    parser.add_argument(
        "--replace", action="store_true", help="also replace notebooks in which somebody worked: what was done is lost"
    )
    parser.add_argument("--out", default="site", metavar="DIR", help="where the site goes (default: site)")
    parser.add_argument(
        "--screenshots", metavar="DIR", help="also picture pages in Chromium: 1440 and 390 px, light and dark"
    )
    parser.add_argument(
        "--tutorials", default="tutorials", metavar="DIR", help="where the .py are (default: tutorials)"
    )
    args = parser.parse_args(argv)

    folder = Path(args.tutorials)
    sources = lessons.sources(folder)
    if not sources:
        raise InputError(
            f"--tutorials {folder}: no file NN_name.py there; run this in the repository, or name the folder"
        )
    wrong = 0 if args.pages_only else write_notebooks(chosen(sources, args.only), args.replace)
    if not wrong:
        write_tables(folder, sources)
    if not wrong and not args.notebooks_only:
        wrong = write_pages(folder, args.out, args.screenshots)
    return 2 if wrong else 0


def chosen(sources, only):
    """The tutorials with the numbers `only`, or all."""
    by_number = {int(path.name[:2]): path for path in sources}
    if unknown := [n for n in only or () if n not in by_number]:
        raise InputError(f"--only {unknown[0]}: there is no such tutorial; there are {', '.join(map(str, by_number))}")
    return [path for n, path in by_number.items() if only is None or n in only]


def write_notebooks(sources, replace):
    """Run tutorials one after another, so that what they measure is not each other -> how many failed.

    replace  also those in which somebody worked; otherwise such a notebook is left alone, and counts as failed
    """
    wrong = 0
    for i, path in enumerate(sources, 1):
        start = time.monotonic()
        print(f"{i}/{len(sources)} {path.stem} ... ", end="", flush=True)
        built = path.with_suffix(".ipynb")
        if not replace and (why := notebooks.why_left(built)):
            failed(f"{built}: {why}")
            wrong += 1
            continue
        try:
            new = notebooks.renew(notebooks.execute(path), built)
            print(f"{time.monotonic() - start:.0f} s{'' if new else ', as it was'}")
        except InputError as error:
            failed(error)
            wrong += 1
    return wrong


def write_tables(folder, sources):
    """Renew what the pages say of the lessons, by their notebooks, where that is anything new."""
    for path in sources:
        if path.with_suffix(".ipynb").exists():
            notebooks.load(path.with_suffix(".ipynb"))  # InputError if it is none
    index, teaching = folder / "index.md", folder / "reference" / "teachers.md"
    renew(index, lessons.with_table(read(index), folder))
    if (course := folder / "images" / "course.svg").exists():
        renew(course, course_file())
    if teaching.exists():
        renew(teaching, teachers.with_lists(read(teaching), folder))


def renew(path, text):
    """Write a page, if it says anything new."""
    if read(path) != text:
        with replacing(path, encoding="utf-8") as file:
            file.write(text)


def write_pages(folder, out, screenshots):
    """Build the site, and picture it if asked -> how much is wrong with it."""
    start = time.monotonic()
    print("site ... ", end="", flush=True)
    count, wrong = pages.build(folder, out)
    if wrong:
        failed(*wrong)
        return len(wrong)
    print(f"{count} pages, {time.monotonic() - start:.0f} s: {Path(out, 'index.html')}")
    if screenshots:
        print(f"{browser.picture(out, screenshots)} pictures in {screenshots}")
    return 0


def failed(*errors):
    """End the line of what was being done, and say why, a line each."""
    print("failed", flush=True)
    for error in errors:
        print(f"error: {error}", file=sys.stderr)


def read(page):
    """The text of tutorials/index.md, or of another page with tables."""
    try:
        return page.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{page}: not there; it introduces the tutorials and holds their table") from None


def main(argv=None):
    return status(run, argv)


if __name__ == "__main__":
    sys.exit(main())
