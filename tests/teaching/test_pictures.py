"""Pictures that step: what changes between settings is all that differs, and the graph is that of the model."""

import json
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from croco_np.layers import Linear
from croco_np.teaching import catches
from croco_np.teaching.pictures import Control, Drawing, Scene, chart, crocodile_steps, grid, you_are_here
from croco_np.teaching.pictures.example import example
from croco_np.teaching.pictures.grids import brief
from croco_np.teaching.pictures.lesson01 import weight_gradient
from croco_np.teaching.pictures.trace import listening, reads
from croco_np.tree import flatten


def moves(scene):
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', scene._repr_html_())[1])


def still(scene):
    return ET.fromstring(scene.still.svg())


def at(scene, frame):
    """The elements of a scene at a setting, as scene.js makes them: (tag, attributes, text) each."""
    elements = list(still(scene).iter())
    for place, attribute, values, which in moves(scene)["changes"]:
        if attribute == "":
            elements[place].text = values[which[frame]]
        elif values[which[frame]] == "":
            elements[place].attrib.pop(attribute, None)
        else:
            elements[place].set(attribute, values[which[frame]])
    return [(e.tag, dict(e.attrib), e.text or "") for e in elements]


def test_the_changes_turn_the_still_into_every_setting():
    def draw(i, j):
        drawing = Drawing(50)
        drawing.circle(10 * i, 20, 5, "fill blue", hidden=j == 1)
        drawing.text(3, 4, f"{i}{j}")
        return drawing

    scene = Scene("dots", [Control("i", "abc", 1), Control("j", "xy")], draw, lambda i, j: f"{i} and {j}")
    for frame in range(6):
        i, j = divmod(frame, 2)
        assert at(scene, frame) == [(e.tag, dict(e.attrib), e.text or "") for e in draw(i, j).root.iter()]
    assert moves(scene)["said"] == ["0 and 0", "0 and 1", "1 and 0", "1 and 1", "2 and 0", "2 and 1"]
    assert "1 and 0</figcaption>" in scene._repr_html_()  # the still's


def test_drawings_of_different_elements_are_refused():
    def draw(i):
        drawing = Drawing(50)
        if i:
            drawing.circle(1, 1, 1)
        return drawing

    with pytest.raises(ValueError, match="element 1 of the drawings"):
        Scene("", [Control("i", "ab")], draw, str)


def test_texts_are_escaped():
    scene = Scene("<a & b>", [Control("i", ["</script>", "y"])], lambda i: Drawing(5), lambda i: "<b>")
    text = scene._repr_html_()
    assert "&lt;a &amp; b&gt;" in text
    assert "&lt;b&gt;</figcaption>" in text
    assert moves(scene)["controls"][0]["values"] == ["</script>", "y"]


def test_every_number_of_dW_lights_what_it_is_made_of():
    x, dy = np.array([[1.0, 2, 0], [0, 1, 3]]), np.array([[1.0, -2], [0, 1]])
    scene = weight_gradient(x, dy)
    assert len(scene.said) == 6
    assert scene.said[5].startswith("dW[2, 1] = 0 \u00b7 -2 + 3 \u00b7 1 = 3")
    lit = [attributes for tag, attributes, _ in at(scene, 5) if "lit" in attributes.get("class", "").split()]
    assert len(lit) == 1 + 2 + 2


def test_who_reads_what_is_found_from_the_arrays():
    model, _, params, batch = example()
    heard, forward, _ = listening(model)
    heard.forward(params, batch)
    assert reads(forward) == {
        "embeddings": [],
        "experts": ["embeddings"],
        "prior": [],
        "gates": ["prior", "experts"],
        "towers": ["gates"],
    }


def test_the_graph_holds_the_leaves_of_the_model_and_steps_through_each_call():
    scene = crocodile_steps()
    leaves = {e.get("data-leaf") for e in still(scene).iter()} - {None}
    assert leaves == set(flatten(example()[2]))
    assert len(scene.said) == 12
    assert [said.split(",")[0] for said in scene.said] == ["forward"] * 6 + ["backward"] * 6
    names = [re.match(r"\w+, (\w+)", said)[1] for said in scene.said]
    assert names[:6] == ["embeddings", "experts", "prior", "gates", "towers", "loss"]
    assert names[6:] == ["loss", "towers", "gates", "prior", "experts", "embeddings"]


def test_the_numbers_of_a_step_are_the_model_s():
    model, _, params, batch = example()
    x = model.embeddings.forward(params["embeddings"], batch.ids)[0]
    texts = [text for tag, _, text in at(crocodile_steps(), 0) if tag == "text"]
    for value in x[0].ravel():
        assert brief(value) in texts


def test_your_place_is_marked():
    marked = [e.get("data-node") for e in still(you_are_here("gates")).iter() if "here" in e.get("class", "").split()]
    assert marked == ["gates"]


class Averaged(Linear):
    def backward(self, c, dy):
        dx, grads = super().backward(c, dy)
        return dx, grads | {"b": grads["b"] / len(dy)}


def test_wrong_leaves_are_red_and_only_these(capsys):
    rng = np.random.default_rng(0)
    layer = Averaged(3, 2)
    graph = catches(layer, layer.init(rng), (rng.standard_normal((4, 3)),), leaves={"b"})
    red = {e.get("data-leaf") for e in still(graph).iter() if "red" in e.get("class", "").split()}
    assert red == {"b"}
    assert {e.get("data-leaf") for e in still(graph).iter()} - {None} == {"W", "b", "input 0"}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0"),
        (-3, "\N{MINUS SIGN}3"),
        (0.126, "0.13"),
        (12.34, "12.3"),
        (1234.5, "1e3"),
        (-4e-5, "\N{MINUS SIGN}4e\N{MINUS SIGN}5"),
    ],
)
def test_numbers_fit_their_cells(value, said):
    assert brief(value) == said


def test_cells_have_the_sign_s_colour():
    drawing = Drawing(50)
    grid(drawing, 0, 10, np.array([[1.0, -2]]), "a")
    classes = [e.get("class").split()[1] for e in drawing.root if e.tag == "rect"]
    assert classes == ["orange", "blue"]


def test_a_chart_keeps_its_text_and_takes_the_page_s_colours():
    with chart("a line", 2) as picture:
        picture.axes().semilogy([1, 2], [1e-3, 10])
    text = picture._repr_html_()
    assert ">1e-05<" in text or ">0.001<" in text
    assert "var(--blue)" in text
    assert 'aria-label="a line"' in text
