"""Pictures that move, in a real browser: every control of every picture is moved, by hand and by keyboard."""

import numpy as np
import pytest
from conftest import FOLDER

from croco_np.layers import Linear
from croco_np.teaching.pictures import Control, Drawing, Scene, crocodile_steps, leaf_graph, you_are_here
from croco_np.teaching.pictures.lesson10 import broken_pass
from tutorials.publish import browser

SCRIPT = FOLDER / "publish" / "static" / "scene.js"
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>scenes</title><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width"><body>{body}<script>{script}</script>"""


def three_dots():
    def draw(place, colour, spot):
        drawing = Drawing(60)
        drawing.circle(20 + 40 * place, 20, 8, ["fill blue", "fill orange"][colour])
        for i in range(2):
            drawing.rect(
                20 + 50 * i, 35, 30, 20, "box lit" if spot == i else "box", goes={"spot": i}, title=f"spot {i}"
            )
        drawing.text(200, 20, "right" if place == 2 else "left")
        return drawing

    controls = [
        Control("place", ["0", "1", "2"], kind="steps"),
        Control("colour", ["blue", "orange"], kind="choice"),
        Control("spot", ["a", "b"], kind="point"),
    ]
    return Scene("a dot and two spots", controls, draw, lambda i, j, k: f"dot at {i}, colour {j}, spot {k}")


@pytest.fixture
def opened(chromium, tmp_path):
    """open(*scenes) -> a page from a local file, without a network, that has noted each error."""
    pages = []

    def open_page(*scenes, script=True, **options):
        file = tmp_path / "scenes.html"
        body = "".join(scene._repr_html_() for scene in scenes)
        text = SCRIPT.read_text(encoding="utf-8") if script else ""
        file.write_text(PAGE.format(body=body, script=text), encoding="utf-8")
        page = chromium.new_context(java_script_enabled=script, **options).new_page()
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: message.type == "error" and errors.append(message.text))
        page.goto(file.as_uri())
        pages.append((page, errors))
        return page

    yield open_page
    for page, errors in pages:
        page.context.close()
        assert errors == []


def said(page):
    return page.locator("figcaption").first.inner_text()


def test_a_picture_steps_forward_and_back_and_plays(opened):
    page = opened(three_dots())
    assert said(page) == "dot at 0, colour 0, spot 0"
    page.get_by_label("place: one step on").click()
    page.get_by_label("place: one step on").click()
    page.get_by_label("place: one step on").click()  # there is no more
    assert said(page) == "dot at 2, colour 0, spot 0"
    assert page.locator("circle").get_attribute("cx") == "100"
    assert page.locator("svg text").text_content() == "right"
    page.get_by_label("place: one step back").click()
    assert said(page) == "dot at 1, colour 0, spot 0"
    page.get_by_text("play").click()
    page.get_by_text("pause").wait_for()
    page.get_by_text("play").wait_for()  # it has come to the end
    assert said(page) == "dot at 2, colour 0, spot 0"


def test_choices_and_things_to_point_at(opened):
    page = opened(three_dots())
    page.get_by_role("button", name="orange").click()
    assert page.get_by_role("button", name="orange").get_attribute("aria-pressed") == "true"
    assert page.locator("circle").get_attribute("class") == "fill orange"
    page.get_by_role("button", name="spot 1").hover()
    assert said(page) == "dot at 0, colour 1, spot 1"


def test_a_guess_is_clicked_and_pointing_gives_nothing_away(opened):
    page = opened(broken_pass("10.2"))
    right = page.get_by_role("button", name="dy to du")
    right.hover()
    right.focus()
    assert said(page).startswith("Left, the forward")
    page.get_by_role("button", name="du to dW").click()
    assert said(page).startswith("Not yet. du to dW leads to W only")
    right.press("Enter")
    assert said(page).startswith("Right: dy to du.")
    assert page.locator("[data-node].wrong:visible").count() == 3


def test_the_keyboard_reaches_all_and_a_screen_reader_hears_it(opened):
    page = opened(three_dots())
    page.get_by_role("slider", name="place").press("ArrowRight")
    assert said(page).startswith("dot at 1")
    assert page.get_by_role("slider", name="place").get_attribute("aria-valuetext") == "1"
    page.get_by_role("button", name="spot 1").focus()
    assert said(page).endswith("spot 1")
    assert page.locator("svg").get_attribute("aria-label") == "a dot and two spots"
    assert page.locator("figcaption").get_attribute("aria-live") == "polite"


def test_the_graph_steps_up_and_down_and_opens_its_lines(opened):
    page = opened(crocodile_steps())
    on, back = page.get_by_label("step: one step on"), page.get_by_label("step: one step back")
    names = []
    for _ in range(12):
        names.append(page.locator("[data-node].now").get_attribute("data-node"))
        on.click()
    up = ["embeddings", "experts", "prior", "gates", "towers", "loss"]
    assert names == [*up, "loss", "towers", "gates", "prior", "experts", "embeddings"]
    for _ in range(12):
        back.click()
    assert page.locator("[data-node].now").get_attribute("data-node") == "embeddings"
    page.locator('[data-node="gates"]').click()
    assert page.locator("details[open]").count() == 1
    assert "def backward" in page.locator("details[open]").inner_text()
    page.locator('[data-node="towers"]').press("Enter")
    assert page.locator("details[open]").get_attribute("data-name") == "towers"


def test_a_box_that_opens_nothing_is_no_button(opened):
    page = opened(
        leaf_graph(Linear(3, 2), Linear(3, 2).init(np.random.default_rng(0)), (np.ones((4, 3)),), wrong={"b"})
    )
    assert page.locator("[data-node]").count() == 2
    assert page.locator("svg [role=button]").count() == 0


def test_without_javascript_there_is_a_still(opened):
    page = opened(you_are_here("gates"), three_dots(), script=False)
    assert page.locator("svg").count() == 2
    assert page.locator("input, button").count() == 0
    assert said(page).startswith("You are here: gates.")
    assert page.locator("summary").first.inner_text().startswith("embeddings")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_all_of_it_in_letters_of_11_pixels_and_more(opened, scheme):
    page = opened(crocodile_steps(), viewport=browser.PHONE, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    smallest = """Math.min(...[...document.querySelectorAll('svg text')].map(
        e => parseFloat(getComputedStyle(e).fontSize) * e.getScreenCTM().a))"""
    assert page.evaluate(smallest) >= 11
