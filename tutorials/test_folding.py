"""What is folded on the site, what stands on the folds, and links into them; lines of code as places."""

import json

import pytest

from tutorials.publish import browser, cells, lessons, notebooks, pages

FIRST = """\
# 3. Mix experts

**What you will do.** Mix.

**What you will learn.** Much.

**What you need.** NumPy.

**Equations:** Eq. (8)

[Into the fold](#At-length%3A-every-step), [a line](../croco_np/gate.py#L40), [deep](#deep).
"""
PICTURE = {"output_type": "display_data", "metadata": {}, "data": {"text/html": "<svg width='9' height='9'></svg>"}}
LISTING = {
    "output_type": "execute_result",
    "execution_count": 1,
    "metadata": {},
    "data": {"text/plain": "a", "text/markdown": "[gate](../croco_np/gate.py#L40), $a_n$\n\n````python\nx = 1\n````"},
}


def code(source, *outputs, tags=()):
    return {"cell_type": "code", "source": source, "outputs": list(outputs), "metadata": {"tags": list(tags)}}


def markdown(source):
    return {"cell_type": "markdown", "source": source, "metadata": {}}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site of one small lesson."""
    root = tmp_path_factory.mktemp("repository")
    made = [
        markdown(FIRST),
        code("import numpy as np", tags=["hide-input"]),
        code("draw()", PICTURE, tags=["hide-input"]),
        code("show(f)", LISTING),
        code('def mine(x):\n    raise NotImplementedError\n\n\ngrade("1.1", mine)'),
        markdown("## At length: every step\n\nFirst this.\n\n" + "Then that.\n\n" * 60 + "### Deep\n\nAt last."),
        markdown("## In short\n\nThe end."),
    ]
    for i, cell in enumerate(made):
        cell["id"] = f"cell-{i}"
        if cell["cell_type"] == "code":
            cell["execution_count"] = i
    for name, text in {
        "tutorials/03_mix.ipynb": json.dumps(
            {"cells": made, "metadata": notebooks.METADATA, "nbformat": 4, "nbformat_minor": 5}
        ),
        "tutorials/03_mix.py": "# %% [markdown]\n" + "".join(f"# {line}\n" for line in FIRST.splitlines()),
        "tutorials/index.md": f"# Tutorials\n\n{lessons.BEGIN}\n{lessons.END}\n",
        "tutorials/reference/equations.md": "# Equations\n\n## Eq. (8)\n\nMixed.\n",
        "croco_np/gate.py": "x = 1\n" * 80,
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    count, wrong = pages.build(root / "tutorials", root / "site")
    assert wrong == []
    assert count >= 4
    return root / "site"


@pytest.fixture(scope="module")
def open_page(site):
    """Function address -> the page in a browser."""
    try:
        with browser.serving(site) as base, browser.browsing() as chromium:
            page = chromium.new_page(viewport=browser.PHONE)
            yield lambda address: (page.goto("about:blank") and None) or (page.goto(f"{base}/{address}") and page)
    except browser.Unavailable as why:
        pytest.skip(str(why))


def test_the_site_is_whole(site):
    try:
        assert browser.problems(site) == []
    except browser.Unavailable as why:
        pytest.skip(str(why))


def test_folds_are_closed_and_say_what_is_in_them(open_page):
    page = open_page("03_mix.html")
    assert page.locator("article details[open]").count() == 0
    said = [text.strip().lower() for text in page.locator("article details summary").all_inner_texts()]
    assert [text for text in said if text] == [
        "imports",
        "how the picture is drawn",
        "a hint",
        "a further hint",
        "worked solution",
        "read it at length",
    ]
    assert page.locator("svg[width='9']").is_visible()  # the picture is not folded with its code
    assert not page.get_by_text("First this.").is_visible()
    assert page.get_by_text("The end.").is_visible()


def test_a_click_opens_a_fold_without_a_script(site, open_page):
    page = open_page("03_mix.html")
    with browser.serving(site) as base:
        plain = page.context.browser.new_page(java_script_enabled=False)
        plain.goto(f"{base}/03_mix.html")
        plain.get_by_text("Read it at length").click()
        assert plain.get_by_text("First this.").is_visible()
        plain.close()


def wait_to_see(page, place):
    """Wait until a place is inside the window: pages scroll smoothly."""
    inside = f"(y => 0 <= y && y < innerHeight)(document.getElementById('{place}').getBoundingClientRect().top)"
    page.wait_for_function(inside, timeout=5000)


@pytest.mark.parametrize("place", ["at-length-every-step", "deep"])
def test_a_link_into_a_fold_opens_it(open_page, place):
    page = open_page(f"03_mix.html#{place}")
    page.get_by_text("First this." if place != "deep" else "At last.").wait_for(state="visible", timeout=5000)
    wait_to_see(page, place)
    page = open_page("03_mix.html")
    page.get_by_role("link", name="deep" if place == "deep" else "Into the fold", exact=True).click()
    page.get_by_text("First this." if place != "deep" else "At last.").wait_for(state="visible", timeout=5000)


def test_the_same_link_opens_a_fold_again_that_was_closed_by_hand(open_page):
    page = open_page("03_mix.html")
    link, inside = page.get_by_role("link", name="Into the fold", exact=True), page.get_by_text("First this.")
    link.click()
    inside.wait_for(state="visible", timeout=5000)
    page.get_by_text("Read it at length").click()
    inside.wait_for(state="hidden", timeout=5000)
    link.click()
    inside.wait_for(state="visible", timeout=5000)


def test_a_link_to_a_line_leads_to_it(open_page):
    for name in ("a line", "gate"):
        page = open_page("03_mix.html")
        page.get_by_role("link", name=name, exact=True).click()
        page.wait_for_url("**/source/croco_np/gate.py.html#L40")
        assert page.evaluate("document.getElementById('L40').matches(':target')")
        wait_to_see(page, "L40")


def test_an_equation_leads_to_its_formula(open_page):
    page = open_page("03_mix.html")
    page.get_by_role("link", name="Eq. (8)").first.click()
    page.wait_for_url("**/reference/equations.html#eq-8")


@pytest.mark.parametrize(
    ("source", "outputs", "said"),
    [
        ("import numpy as np\nx = 1", [], cells.IMPORTS),
        ("from a import b", [], cells.IMPORTS),
        ("%matplotlib inline\nx = 1", [], cells.CODE),
        ("import a", [PICTURE], cells.PICTURE),
    ],
)
def test_what_stands_on_a_fold(source, outputs, said):
    assert cells.prompt(code(source, *outputs)) == said
