"""The site, built from the stored notebooks and opened page by page in a browser."""

import re

import pytest
from conftest import FOLDER

from croco_np.errors import InputError
from tutorials.publish import browser, lessons, pages
from tutorials.publish.mathml import mathml

PAGE = """<!doctype html><meta charset="utf-8"><title>page</title><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width"><body style="margin: 0">"""
BROKEN = {
    "picture": ('<img src="missing.png" alt="none">', "the picture missing.png does not show"),
    "link": ('<a href="missing.html">there</a>', "the link to missing.html leads nowhere"),
    "place": ('<a href="#nowhere">there</a>', "leads to no place on that page"),
    "script": ("<script>throw new Error('ouch')</script>", "script: ouch"),
    "console": ("<script>console.error('ouch')</script>", "console: ouch"),
    "network": ('<script src="http://127.0.0.1:9/x.js"></script>', "asks for http://127.0.0.1:9/x.js"),
    "refused": ('<script src="http://127.0.0.1:9/x.js"></script>', "x.js failed, net::ERR_"),
    "formula": ('<math alttext="x" style="display: none"><mi>x</mi></math>', "the formula x does not show"),
    "width": ('<div style="width: 700px">wide</div>', "scrolls sideways on a phone, 700 px"),
    "cut": (
        '<div style="overflow: hidden"><table style="width: 700px"><td>wide</table></div>',
        "cut off on a phone: <table",
    ),
}


def problems(site):
    """What the browser finds; the test is skipped, and says why, where there is no browser."""
    try:
        return browser.problems(site)
    except browser.Unavailable as why:
        pytest.skip(str(why))


def test_every_page_is_whole(site):
    names = browser.names(site)
    assert {"index.html", *(f"{path.stem}.html" for path in lessons.sources(FOLDER))} <= set(names)
    references = {f"reference/{path.stem}.html" for path in (FOLDER / "reference").glob("*.md")}
    assert "reference/choices.html" in references
    assert references <= set(names)
    assert problems(site) == []


def test_all_text_can_be_read(site):
    """At 1440 and 390 px, light and dark, in formulas and pictures, too."""
    names = ["index.html", "reference/equations.html", *(f"{path.stem}.html" for path in lessons.sources(FOLDER))]
    try:
        assert browser.small_text(site, names) == []
    except browser.Unavailable as why:
        pytest.skip(str(why))


@pytest.mark.parametrize(
    ("body", "size"),
    [
        ('<p style="font-size: 10px">small</p>', 10),
        ('<p style="font-size: 16px">a<sub style="font-size: 60%">b</sub></p>', 9.6),
        ('<svg viewBox="0 0 400 40" width="200"><text y="20" font-size="16">half</text></svg>', 8),
        ('<details><summary>more</summary><p style="font-size: 10px">small</p></details>', 10),
        ("<style>@media (prefers-color-scheme: dark) {p {font-size: 10px}}</style><p>small</p>", 10),
        ("<style>@media (max-width: 500px) {p {font-size: 10px}}</style><p>small</p>", 10),
        ('<p style="font-size: 11px">enough</p><p style="font-size: 2px; display: none">hidden</p>', None),
        ('<svg viewBox="0 0 40 40" width="80"><text y="20" font-size="6">doubled</text></svg>', None),
    ],
)
def test_small_text_is_found(tmp_path, body, size):
    (tmp_path / "index.html").write_text(PAGE + body)
    try:
        lines = browser.small_text(tmp_path, ["index.html"])
    except browser.Unavailable as why:
        pytest.skip(str(why))
    assert bool(lines) == (size is not None)
    assert all(f"text of {size} px" in line for line in lines)


def test_reference_pages_are_in_the_table_of_contents(tmp_path):
    for name, text in {
        "tutorials/index.md": f"# Tutorials\n\n{lessons.BEGIN}\n{lessons.END}\n",
        "tutorials/reference/speed.md": "# Speed\n\n[code](../../gate.py), [read](../../README.md)\n",
        "gate.py": "",
        "README.md": "# Read\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    copies = tmp_path / "copies"
    assert pages.gather(tmp_path / "tutorials", copies) == []
    assert ":caption: Reference\n\nreference/speed\n```\n" in (copies / "index.md").read_text()
    page = (copies / "reference" / "speed.md").read_text()
    assert page == "# Speed\n\n[code](../source/gate.py.md), [read](../source/README.md)\n"
    assert (copies / "source" / "README.md").read_text() == f"{pages.ORPHAN}# Read\n"  # in no table of contents


def test_formulas_are_mathml_and_need_no_script(site):
    text = "".join(path.read_text(encoding="utf-8") for path in site.glob("*.html"))
    assert text.count("<math ") > 100
    assert not re.search(r"<script[^>]*(mathjax|https?:)", text, re.IGNORECASE)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_page_is_found(tmp_path, name):
    body, said = BROKEN[name]
    (tmp_path / "index.html").write_text(PAGE + body)
    assert any(said in line for line in problems(tmp_path)), problems(tmp_path)


def test_a_whole_page_is_not_found_broken(tmp_path):
    body = '<h1 id="top">Whole</h1><a href="#top">up</a><math><mi>x</mi></math><pre style="overflow-x: auto">'
    (tmp_path / "index.html").write_text(f"{PAGE}{body}{'wide ' * 200}</pre>")
    assert problems(tmp_path) == []


def test_a_folder_of_something_else_is_not_replaced(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="holds something that is not a site"):
        pages.build(FOLDER, tmp_path)
    assert (tmp_path / "thesis.txt").exists()


@pytest.mark.parametrize(
    ("latex", "parts"),
    [
        (r"\frac{a}{b}", ["<mfrac>", 'alttext="\\frac{a}{b}"']),
        (r"\begin{aligned} a &= b \\ c &= d \end{aligned}", ["<mtable", 'columnalign="right"']),
        (r"\Big\langle a, b \Big\rangle", ["⟨", "⟩"]),
        (r"a < b", ["&#x0003C;", 'alttext="a &lt; b"']),
        (r"\varphi(\mathrm{i} s)", ['<mi mathvariant="normal">i</mi><mspace width="0.15em"/><mi>s</mi>']),
        (r"\mathrm{MLP}_m + n_{eff}", ["<mi>MLP</mi>", "<mi>eff</mi>"]),
        (r"do_{gates} + x_{own\_id}", ["<mi>gates</mi>", "<mi>own&#x0005F;id</mi>"]),
        (r"x_{ikl} + y_{ij}", ["<mi>i</mi><mi>k</mi><mi>l</mi>", "<mi>i</mi><mi>j</mi>"]),
        (r"f'(x)", ['<mrow><mi>f</mi><mo class="prime" lspace="0" rspace="0">&#x02032;</mo></mrow>']),
    ],
)
def test_formulas(latex, parts):
    text = mathml(latex, display=True)
    assert [part for part in parts if part not in text] == []


@pytest.mark.parametrize(
    ("latex", "said"),
    [(r"\nosuch{x}", r"\nosuch"), (r"\begin{gathered} a \\ b \end{gathered}", "environment"), (r"\frac{a", "brace")],
)
def test_a_formula_that_cannot_be_set_says_why(latex, said):
    with pytest.raises(ValueError) as error:  # noqa: PT011  # what it says is compared below
        mathml(latex, display=False)
    assert said in str(error.value)
