"""From an equation to its class, its test by hand and its lesson: one click each, and each to the right line."""

import re
from urllib.parse import unquote

import pytest

from tutorials.publish import equations, lessons
from tutorials.publish.equations import EQUATIONS, ROOT, Equation

LESSON = """\
# %% [markdown]
# # 3. Mix
#
# **Equations:** Eq. (8), Eq. (10)
#
# Last words.

# %% [markdown]
# ## At first
#
# Eqs. (8) and (10) are far.
#
# ## One share: `PEG`
"""


def test_links_are_where_they_should_be():
    """If this fails: python -m tutorials.publish.equations"""
    stale = [path.name for path, text in equations.wanted().items() if path.read_text(encoding="utf-8") != text]
    assert stale == []


@pytest.mark.parametrize("one", EQUATIONS, ids=lambda one: f"{one.name} {one.code}")
def test_one_click_to_class_test_and_section(one):
    def line(address):
        file, number = address.split("#L")
        return (ROOT / file).read_text().splitlines()[int(number) - 1]

    name = one.code.rpartition(".")[2]
    assert re.match(rf"@dataclass|class {name}\b|def {name}\b", line(equations.code(one)))
    assert line(equations.check(one)).startswith(f"def {one.test.partition('::')[2]}(")
    file, _, place = equations.lesson(one).partition("#")
    headings = re.findall(r"^# ##+ (.+)$", (ROOT / file).with_suffix(".py").read_text(), re.MULTILINE)
    assert unquote(place) in {heading.replace("`", "").replace(" ", "-") for heading in headings}


def test_every_lesson_has_the_links_of_what_it_covers():
    for path in lessons.sources(ROOT / "tutorials"):
        cell = lessons.first_cell(path)
        named = set(re.findall(r"Eq\. \(\d+\)|Fig\. \d+", lessons.lesson(path).equations))
        assert set(re.findall(r"^- \[(.+?)\]\(reference/equations.md#", cell, re.MULTILINE)) == named


def test_the_links_of_a_lesson_replace_the_old_ones():
    once = equations.linked(LESSON)
    assert once.count(equations.BEGIN) == 1
    assert once.index("Eq. (10)\n#\n# <!-- links") < once.index("<!-- end of links -->\n#\n# Last words.")
    assert "[`ElementGate`](../croco_np/layers/gate.py#L" in once
    assert equations.linked(once) == once
    assert equations.linked(once.replace("#L", "#L9")) == once
    assert equations.linked(once.replace("**Equations:** Eq. (8), Eq. (10)", "**Equations:** none")) == LESSON.replace(
        "Eq. (8), Eq. (10)\n", "none\n"
    )


@pytest.mark.parametrize(("topic", "place"), [("", "#At-first"), ("PEG", "#One-share%3A-PEG"), ("absent", "#At-first")])
def test_the_section_of_an_equation(topic, place):
    one = Equation("Eq. (8)", "", "", "", "", 3, topic)
    assert equations.anchor(LESSON, one) == place
    assert equations.anchor(LESSON.split("# %%")[1], one) == ""


def test_a_test_that_is_gone_is_named():
    with pytest.raises(LookupError, match=r"tests/layers/test_by_hand\.py: no test_gone"):
        equations.check(EQUATIONS[2]._replace(test="layers/test_by_hand.py::test_gone"))
