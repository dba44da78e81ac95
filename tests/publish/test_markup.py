"""Two pictures that show the same, and two that do not."""

import pytest

from tutorials.publish.markup import first_difference
from tutorials.publish.outputs import differences, same_text

SVG = """<svg viewBox="0 0 10 10"><g id="{name}"><path d="M{x},2 L3.5 4" clip-path="url(#{name})"/>
<text>{said}</text></g></svg>"""


def svg(x="1.25", name="a1", said="loss 0.6931"):
    return SVG.format(x=x, name=name, said=said)


@pytest.mark.parametrize(
    "other",
    [
        svg(),
        svg(x="1.2500001"),
        svg(x="1.29"),
        svg(name="b7"),
        svg(said="loss 0.6932"),
        svg().replace("<g", "\n  <g"),
        svg().replace(",2 L", " 2 L"),
    ],
)
def test_the_same(other):
    assert first_difference(svg(), other, same_text) is None


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (svg(x="1.5"), "<path d="),
        (svg().replace("L3.5", "C3.5"), "<path d="),
        (svg(said="loss 0.6941"), "loss 0.6931"),
        (svg(said="gain 0.6931"), "gain"),
        (svg().replace("path", "line"), "<path> and <line>"),
        (svg().replace('viewBox="0 0 10 10"', ""), "<svg> with"),
        (svg().replace("<text>", '<text class="big">'), "<text> with"),
        (svg() + "<p>more</p>", "parts of markup"),
        ("", "parts of markup"),
    ],
)
def test_not_the_same(other, said):
    assert said in first_difference(svg(), other, same_text)


@pytest.mark.parametrize("kind", ["text/html", "image/svg+xml"])
def test_outputs_compare_pictures_by_what_they_show(kind):
    def notebook(picture):
        output = {"output_type": "display_data", "data": {kind: picture, "text/plain": "picture"}}
        return {"cells": [{"cell_type": "code", "metadata": {}, "outputs": [output]}]}

    assert differences(notebook(svg()), notebook(svg(x="1.26", name="z"))) == []
    assert differences(notebook(svg()), notebook(svg(x="7")))
