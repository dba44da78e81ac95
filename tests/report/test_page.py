"""A page of results: what is written, that it is escaped, and that a browser shows it whole and without a network."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from croco_np.canvas import BLUE, GREY
from croco_np.errors import InputError
from croco_np.report import Cell, Figure, Page, Section, Table, pictures
from croco_np.report.svg import INK, drawing, with_own_ids

NAMESPACES = ("http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink")
PAPER = "https://arxiv.org/abs/2405.12706"
NASTY = "<script>alert('x')</script> & \"$\\frac{$\""


def small_page(**changes):
    """A page of two domains, two experts and numbers that fit on a blackboard."""
    table = Table(
        "Measures",
        ["domain", "rows", "AUC"],
        [
            ["b", 10, 0.5],
            ["a", 9, 0.75],
            ["c", 100, Cell(None, note="one class")],
            ["all", 119, Cell(0.6, "0.6 ± 0.1")],
        ],
        ["", ",d", ".4f"],
        foot=1,
    )
    wide = Table("Wide", [f"column {i}" for i in range(20)], [list(range(20))])
    figures = [
        Figure("Gates", pictures.gates({"a": [0.25, 0.75], "b": [0.5, 0.5]})),
        Figure("Curves", pictures.curves({"a": [1.0, 2.0], "b": [1.0, None]}, [1, 2], "epoch", "loss (nats)")),
        Figure("Domains", pictures.auc_by_domain({"a": {"auc": 0.75, "rows": 9, "positives": 4}})),
        Figure("Map", pictures.matrix(np.array([[1.0, 0.5], [0.5, np.nan]]), 2, "|correlation|")),
    ]
    parts = {"title": "A run", "lead": "What it shows.", "sections": [Section("One", "Text.", [table, wide], figures)]}
    parts |= {"command": "python -m croco_np.train " + 9 * "--some-flag 1 ", "config": {"seed": 0, "loss": "auto"}}
    return Page(**(parts | {"notes": ["Fingerprint " + 64 * "f"], "headline": [("AUC", "0.7500")]} | changes))


class Reader(HTMLParser):
    """Tags with their attributes, and the text between them."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)


def test_numbers_are_shown_in_the_format_of_their_column():
    words = [w.strip() for w in Reader(small_page().html()).words]
    assert {"0.7500", "100", "0.6 ± 0.1", "–", "Fingerprint " + 64 * "f", "seed"} <= set(words)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.float32("nan")])
def test_what_is_not_finite_is_undefined(value):
    shown = Table("t", ["x"], [[value]], ".2f").shown()[0][0]
    assert (shown["text"], shown["key"]) == ("–", "")


def test_a_table_has_a_cell_for_each_column():
    with pytest.raises(ValueError, match="a row has 1 cells, the head has 2"):
        Table("t", ["a", "b"], [[1]])
    with pytest.raises(ValueError, match="1 forms for 2 columns"):
        Table("t", ["a", "b"], [[1, 2]], [""])


def test_texts_are_escaped_wherever_they_stand():
    """Titles, captions, heads, cells, settings; and labels inside of pictures, which are no mathematics either."""
    picture = Figure(NASTY, pictures.bars({NASTY: 1.0}, NASTY))
    table = Table(NASTY, [NASTY, NASTY], [[NASTY, Cell(1.0, NASTY, NASTY)]])
    section = Section(NASTY, NASTY, [table], [picture])
    page = Page(NASTY, NASTY, [section] * 3, NASTY, {NASTY: NASTY}, [NASTY], [(NASTY, NASTY)])
    reader, plain = Reader(page.html()), Reader(small_page().html())
    assert sum(tag == "script" for tag, _ in reader.tags) == sum(tag == "script" for tag, _ in plain.tags) == 1
    head = 2 + 1 + 2 + 3  # title and h1, lead, headline, the list of sections
    each = 2 + 1 + 2 + 1 + 4  # h2 and text, caption of the figure, its two labels, caption of the table, its cells
    assert "".join(reader.words).count(NASTY) == head + 3 * each + 4  # command, a setting, a note


def test_nothing_is_loaded_from_elsewhere():
    """No address but the names of SVG and one link to the paper; what the page refers to is inside of it."""
    html = small_page().html()
    found = re.findall(r"(?:https?:)?//[\w.-]+\.[^\s\"'<>]+", html)
    assert set(found) == {*NAMESPACES, PAPER}
    reader = Reader(html)
    targets = [a[key] for _, a in reader.tags for key in ("src", "href", "xlink:href") if key in a]
    assert {t for t in targets if not t.startswith(("#", "data:"))} == {PAPER}
    assert all(inside.startswith("#") for inside in re.findall(r"url\(([^)]*)\)", html))
    assert "@import" not in html


def test_ids_are_unique_and_every_reference_has_its_own():
    page = small_page()
    one = page.sections[0].figures[0]
    tags = Reader(small_page(sections=[Section("Twice", (), (), [one, one])]).html()).tags
    ids = [a["id"] for _, a in tags if "id" in a]
    assert len(ids) == len(set(ids))
    clips = [a["clip-path"] for _, a in tags if "clip-path" in a]
    uses = [a["xlink:href"] for _, a in tags if a.get("xlink:href", "").startswith("#")]
    assert clips
    assert uses
    assert {u.removeprefix("#") for u in uses} | {c.removeprefix("url(#").removesuffix(")") for c in clips} <= set(ids)
    assert with_own_ids('<a id="x"/><b clip-path="url(#x)"/>', "f1-") == '<a id="f1-x"/><b clip-path="url(#f1-x)"/>'


def test_pictures_are_the_same_each_time_and_take_the_colours_of_the_page():
    def draw():
        with drawing(3, 2) as new:
            new.figure.subplots().plot([1, 2], [3, 4], "o-", color=BLUE, label="line")
        return new.svg

    svg = draw()
    assert svg == draw()
    assert "var(--blue)" in svg
    assert not any(colour.lower() in svg.lower() for colour in (INK, BLUE, GREY, "<metadata", "DOCTYPE"))


def test_a_page_is_written_whole_or_not_at_all(tmp_path):
    small_page().write(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == small_page().html()
    with pytest.raises(InputError, match="cannot write"):
        small_page().write(tmp_path / "nowhere" / "page.html")
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]


@pytest.fixture(scope="module")
def chromium():
    """A headless Chromium; the tests are skipped, and say why, where there is none."""
    from tutorials.publish import browser

    try:
        with browser.browsing() as running:
            yield running
    except (browser.Unavailable, InputError) as why:
        pytest.skip(str(why))


@pytest.fixture
def opened(chromium, tmp_path):
    """Function (page, **context) -> the page in a tab that notes what it complains of and asks for."""
    contexts = []

    def open_page(page, **how):
        page.write(tmp_path / "page.html")
        contexts.append(chromium.new_context(**how))
        tab = contexts[-1].new_page()
        tab.said = []
        tab.on("console", lambda m: tab.said.append(m.text))
        tab.on("pageerror", lambda error: tab.said.append(str(error)))
        tab.on("request", lambda r: r.url.startswith(("file:", "data:")) or tab.said.append(r.url))
        tab.goto((tmp_path / "page.html").as_uri(), wait_until="load")
        return tab

    yield open_page
    for context in contexts:
        context.close()


def column(tab, index):
    return tab.evaluate(f"[...document.querySelector('table').rows].slice(1).map(r => r.cells[{index}].innerText)")


def test_a_click_sorts_and_a_second_one_turns_round(opened):
    tab = opened(small_page())
    head = tab.locator("table").first.locator("thead th")
    assert column(tab, 0) == ["b", "a", "c", "all"]
    head.nth(1).locator("button").click()
    assert column(tab, 1) == ["100", "10", "9", "119"]  # as numbers, and the total stays at the bottom
    assert head.nth(1).get_attribute("aria-sort") == "descending"
    head.nth(1).locator("button").click()
    assert column(tab, 1) == ["9", "10", "100", "119"]
    head.nth(0).locator("button").focus()
    tab.keyboard.press("Enter")
    assert column(tab, 0) == ["a", "b", "c", "all"]
    assert [head.nth(i).get_attribute("aria-sort") for i in range(3)] == ["ascending", None, None]
    for _ in range(2):  # what is undefined is last, either way
        head.nth(2).locator("button").click()
        assert column(tab, 2)[2] == "–"
    assert tab.said == []


def test_a_wide_picture_stays_readable_on_a_phone(opened):
    """It scrolls in its box, and the page does not; a narrow one is shrunk as far as it must."""
    with drawing(12, 3) as wide:
        wide.figure.subplots().set_xlabel("a word")
    with drawing(7, 3) as narrow:
        narrow.figure.subplots()
    figures = [Figure("Wide.", wide.svg), Figure("Narrow.", narrow.svg)]
    tab = opened(Page("Title", "Lead.", [Section("Pictures", "", (), figures)]), viewport={"width": 390, "height": 844})
    widths = tab.evaluate("[...document.querySelectorAll('svg')].map(s => s.getBoundingClientRect().width)")
    assert widths[0] > 600
    assert widths[1] <= 390
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390


def test_it_fits_a_phone(opened):
    tab = opened(small_page(), viewport={"width": 390, "height": 844})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    boxes = tab.evaluate("[...document.querySelectorAll('.table')].map(b => [b.scrollWidth, b.clientWidth])")
    assert boxes[1][0] > boxes[1][1]  # the wide table scrolls in its box
    assert all(width <= 390 for width in tab.evaluate("[...document.querySelectorAll('svg')].map(s => s.clientWidth)"))
    assert tab.said == []


LUMINANCE = """element => {
  const of = colour => colour.match(/[0-9.]+/g).slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  let behind = element;
  while (['rgba(0, 0, 0, 0)', ''].includes(getComputedStyle(behind).backgroundColor)) behind = behind.parentElement;
  const style = getComputedStyle(element);
  const ink = element.namespaceURI.endsWith('svg') ? style.fill : style.color;
  return [of(ink), of(getComputedStyle(behind).backgroundColor)];
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_what_is_behind_it(opened, scheme):
    """The contrast of WCAG 2.1: 4.5 for text, in pictures 3; on the coloured cells of gates the cell is behind it."""
    page = small_page()
    page = small_page(sections=[Section("One", "Text.", page.sections[0].tables, page.sections[0].figures[1:])])
    tab = opened(page, color_scheme=scheme)
    for what, least in (("h1, p, a, td, th, figcaption, dt, dd, code", 4.5), ("svg text", 3)):
        for element in tab.query_selector_all(what):
            light, dark = sorted(element.evaluate(LUMINANCE), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= least, (what, element.inner_html())
    paper = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", paper))) < 384) == (scheme == "dark")
