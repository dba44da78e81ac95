"""Pictures that step: what changes between settings is all that differs, and the graph is that of the model."""

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from croco_np.gradcheck.cases import SCHEMA, Training, blackboard_sizes, draw_batch
from croco_np.layers import Linear
from croco_np.models import Crocodile
from croco_np.objective import Objective
from croco_np.teaching import catches
from croco_np.teaching.pictures import Control, Drawing, Scene, chart, crocodile_steps, grid, leaf_graph, you_are_here
from croco_np.teaching.pictures.course import course_file, course_map
from croco_np.teaching.pictures.example import example
from croco_np.teaching.pictures.grids import brief
from croco_np.teaching.pictures.lesson01 import weight_gradient
from croco_np.teaching.pictures.trace import listening, reads
from croco_np.tree import flatten, tree_map


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


@pytest.mark.parametrize("cell", [30, 34, 38, 60])
def test_numbers_in_neighbouring_cells_never_touch(cell):
    drawing = Drawing(40)
    grid(drawing, 0, 0, np.array([[-0.15, -0.02, 7.0, 0.28, -1e-4]]), cell=cell)
    for text in drawing.root.iter("text"):
        wide = sum(4 if c == "." else 10 if c == "\N{MINUS SIGN}" else 7.7 for c in text.text)  # in a wide font, 12 px
        assert float(text.get("textLength", wide)) <= cell - 4


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
    assert scene.said[5].startswith("dW[2, 1] = 0 \u00b7 \N{MINUS SIGN}2 + 3 \u00b7 1 = 3")
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


def written(scene, frame):
    """{what a line of numbers is: the texts of its visible cells}, below the graph at a step."""
    lines, name = {}, None
    for tag, attributes, text in at(scene, frame):
        classes = attributes.get("class", "").split()
        if tag == "text" and "name" in classes:
            name = lines.setdefault(text, [])
        elif tag == "text" and "number" in classes and "hidden" not in classes:
            name.append(text)
    return lines


def test_where_two_roads_meet_both_gradients_are_shown_and_add_up():
    model, objective, params, batch = example()
    out, cache = model.forward(params, batch)
    _, d, _ = objective(out, batch)
    from_cov = d.experts[0].ravel()
    c, taken = cache.gates, model.towers.backward(cache.towers, d.logits[:, None])[0]
    from_gates = model.gates.backward(c, (taken, None))[0][1][0].ravel()
    lines = written(crocodile_steps(), 10)
    assert lines["of gates"] == [brief(1000 * v) for v in from_gates]
    assert lines["+ of CovLoss"] == [brief(1000 * v) for v in from_cov]
    assert lines["= do"] == [brief(1000 * v) for v in from_gates + from_cov]
    assert "two roads meet here" in crocodile_steps().said[10]


def test_the_step_of_the_loss_shows_its_parts():
    lines = written(crocodile_steps(), 5)
    bce, cov, total = (float(lines[name][0]) for name in ("cross-entropy", "+ 0.1 CovLoss", "= L"))
    assert bce + cov == pytest.approx(total, abs=0.011)


def test_the_sum_of_two_roads_has_a_head_over_the_numbers_of_each_expert():
    drawn = [(text, float(attributes["x"])) for tag, attributes, text in at(crocodile_steps(), 10) if tag == "text"]
    heads = [(text, x) for text, x in drawn if text in ("expert 0", "expert 1", "expert 2")]
    assert [text for text, _ in heads] == ["expert 0", "expert 1", "expert 2"]
    numbers = sorted({x for text, x in drawn if re.fullmatch("[\N{MINUS SIGN}]?[0-9.]+", text)} & set(cells(10)))
    assert [x for _, x in heads] == [sum(numbers[2 * m : 2 * m + 2]) / 2 for m in range(3)]
    others = [text for frame in (0, 3, 8) for tag, _, text in at(crocodile_steps(), frame) if tag == "text"]
    assert not {"expert 0", "expert 1", "expert 2"} & set(others)


def cells(frame):
    """The places of the numbers of a step, from left to right."""
    return [float(a["x"]) for tag, a, _ in at(crocodile_steps(), frame) if "number" in a.get("class", "").split()]


def test_a_step_names_what_a_layer_takes_and_which_rows_are_shown():
    said = crocodile_steps().said
    assert "takes e (4, 6), o (4, 3, 2), gives h (4, 2); each row by the road of its own domain" in said[3]
    assert said[3].endswith("Shown: row 0 of the batch.")
    assert said[4].endswith("domain.")  # of z, all rows
    assert said[6].endswith("Shown: dz in all rows, do in row 0 of the batch, in thousandths.")
    model, objective, params, batch = example()
    out, cache = model.forward(params, batch)
    table = model.backward(cache, objective(out, batch)[1])["embeddings"]["table"]
    assert f"{len(table.rows)} rows of the table get a gradient of 2 numbers in each of 3 tables" in said[11]
    lines = written(crocodile_steps(), 11)
    for i, v in list(zip(table.rows, table.values[:, 0], strict=True))[:4]:
        assert lines[f"d row {i}"] == [brief(1000 * number) for number in v]


def test_rows_of_a_table_with_a_gradient_of_0_were_looked_up_where_their_expert_is_off():
    model, objective, params, batch = example()
    out, cache = model.forward(params, batch)
    table = model.backward(cache, objective(out, batch)[1])["embeddings"]["table"]
    none = [i for i, v in zip(table.rows, table.values[:, 0], strict=True) if not v.any()][:2]
    places = batch.ids + model.embeddings.offsets
    assert len(none) == 2
    assert written(crocodile_steps(), 11)[f"d row {none[0]}"] == ["0", "0"]
    assert not out.experts[3, 0].any()
    assert all((places == i).any(axis=1).tolist() == [False, False, False, True] for i in none)


def test_every_table_and_expert_has_its_own_road():
    titles = [e.text for e in still(crocodile_steps()).iter("title")]
    assert [titles.count(f"x of expert {m}") for m in range(4)] == [1 * 2, 2, 2, 0]  # an arrow up, one down
    assert [titles.count(f"h of domain {s}") for s in range(3)] == [2, 2, 0]


def test_a_box_tells_its_parameters_and_the_length_of_their_gradients():
    model, objective, params, batch = example()
    out, cache = model.forward(params, batch)
    grads = model.backward(cache, objective(out, batch)[1])
    text = crocodile_steps().texts["experts"][1]
    length = np.linalg.norm(grads["experts"][0]["W"])
    assert f"<code>experts.0.W</code></td><td>(3, 6, 2)</td><td>{length:.3f}</td>" in text
    assert "rows 1, 2, 3" in crocodile_steps().texts["embeddings"][1]


def test_your_place_is_marked():
    marked = [e.get("data-node") for e in still(you_are_here("gates")).iter() if "here" in e.get("class", "").split()]
    assert marked == ["gates"]
    assert "A grey square is an array of parameters; numbers on arrows count" in you_are_here("gates").said[0]


class ALayerWithAVeryLongName(Linear):
    pass


@pytest.mark.parametrize(("kind", "squeezed"), [(Linear, None), (ALayerWithAVeryLongName, "126")])
def test_a_long_name_is_squeezed_into_its_box(kind, squeezed):
    layer = kind(3, 2)
    graph = leaf_graph(layer, layer.init(np.random.default_rng(0)), (np.ones((4, 3)),))
    (name,) = [e for e in still(graph).iter() if e.text == kind.__name__ and "name" in e.get("class", "").split()]
    assert name.get("textLength") == squeezed


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


class HalfOfTheSecond:
    def forward(self, p, ids, x, domains, z):
        return x + z, ()

    def backward(self, c, dy):
        return (dy, dy / 2), {}


def test_inputs_are_counted_as_the_checker_counts_them(capsys):
    x = np.ones((2, 3))
    graph = catches(HalfOfTheSecond(), {}, (np.arange(2), x, (slice(0, 2),), 2 * x), leaves={"input 1"})
    red = {e.get("data-leaf") for e in still(graph).iter() if "red" in e.get("class", "").split()}
    assert red == {"input 1"}
    assert {e.get("data-leaf") for e in still(graph).iter()} - {None} == {"input 0", "input 1"}


class NoCovRoad(Crocodile):
    def backward(self, c, d):
        return super().backward(c, d._replace(experts=None))


class NoTowerRoad(Crocodile):
    def backward(self, c, d):
        return super().backward(c, d._replace(logits=np.zeros_like(d.logits)))


def caught(broken, leaves, **more):
    rng = np.random.default_rng(3)
    model = broken.build(SCHEMA, **blackboard_sizes(broken))
    params = tree_map(lambda w: w + 0.3 * rng.standard_normal(w.shape), model.init(rng))
    layer = Training(model, Objective("domain_mean", alpha=0.1))
    return catches(layer, params, (draw_batch(rng),), leaves=leaves, **more)


def test_a_branch_stands_for_all_its_leaves(capsys):
    graph = caught(NoCovRoad, {"embeddings", "experts"})
    red = {e.get("data-leaf") for e in still(graph).iter() if "red" in e.get("class", "").split()}
    assert red == {"embeddings.table", "experts.0.W", "experts.0.b", "experts.1.W", "experts.1.b"}
    with pytest.raises(AssertionError, match="the text says"):
        caught(NoCovRoad, {"embeddings", "experts", "towers.0"})
    with pytest.raises(AssertionError, match="the text says"):
        caught(NoCovRoad, {"embeddings", "experts.0"})
    with pytest.raises(AssertionError, match="the text says"):
        caught(NoCovRoad, {"embeddings", "experts", "nothing"})


def test_many_wrong_leaves_are_a_line_a_branch_and_all_on_demand(capsys):
    present = {f"{box}.{domain}" for box in ("gates", "towers") for domain in (0, 1, 3)}  # domain 2 has no row
    branches = {"embeddings", "experts", "prior"} | present
    caught(NoTowerRoad, branches)
    short = capsys.readouterr().out
    assert len(short.splitlines()) <= 14
    assert re.search(r"^Training: experts\.0 +2 of 2  ", short, re.MULTILINE)
    assert re.search(r"^Training: towers\.2 +0 of 4$", short, re.MULTILINE)
    assert "towers.0.hidden.0.W" not in short
    caught(NoTowerRoad, branches, full=True)
    assert "Training: towers.0.hidden.0.W" in capsys.readouterr().out


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


def test_the_course_is_drawn_with_every_lesson_and_every_layer():
    numbers = [e.text for e in course_map().root.iter() if "on" in e.get("class", "").split()]
    assert sorted(map(int, numbers)) == [1, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9, 10]


def test_the_picture_of_the_course_is_up_to_date():
    stored = Path(__file__).parents[2] / "tutorials" / "images" / "course.svg"
    assert stored.read_text(encoding="utf-8") == course_file(), "run python -m tutorials.publish --pages-only"


def test_a_report_without_a_wrong_leaf_says_so(capsys):
    layer = Linear(3, 2)
    rng = np.random.default_rng(0)
    graph = catches(layer, layer.init(rng), (rng.standard_normal((4, 3)),), leaves=set())
    assert graph.said == ["The checker finds no leaf wrong."]
