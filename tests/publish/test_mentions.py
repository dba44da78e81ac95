"""Equations named in the text of a lesson lead to their formula."""

import pytest

from tutorials.publish.mentions import linked

SIX = "[Eq. (6)](reference/equations.md#eq-6)"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("By Eq. (6), and Eq. (6) again.", f"By {SIX}, and Eq. (6) again."),
        ("Eq. (6)\n\n## Then\n\nEq. (6)", f"{SIX}\n\n## Then\n\n{SIX}"),
        ("Fig. 3", "[Fig. 3](reference/equations.md#fig-3)"),
        ("## Eq. (6)", "## Eq. (6)"),
        ("`Eq. (6)`", "`Eq. (6)`"),
        ("```\nEq. (6)\n```", "```\nEq. (6)\n```"),
        ("[Eq. (6)](there.md)", "[Eq. (6)](there.md)"),
        (r"$$ \text{Eq. (6)} $$", r"$$ \text{Eq. (6)} $$"),
        ("Eq. (60), Eqs. (6)", "Eq. (60), Eqs. (6)"),
    ],
)
def test_the_first_mention_in_a_section_is_a_link(text, expected):
    assert linked(text, set()) == expected


def test_a_section_goes_on_in_the_next_cell():
    seen = set()
    assert linked("Eq. (6)", seen) == SIX
    assert linked("Eq. (6)", seen) == "Eq. (6)"
