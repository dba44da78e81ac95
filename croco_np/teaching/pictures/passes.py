"""The broken backward passes of lesson 10 as graphs of their operations: which road of the gradient is the wrong one?

Each road is one operation of the backward pass. What lies below a road would be wrong if the road were; so the leaves
that a gradient check found wrong, and those it found right, tell which roads can be the one that is looked for.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Flow(NamedTuple):
    """Quantities at their places, x in units and floors from the bottom, and operations (from, to, what it does)."""

    places: Mapping[str, tuple[float, float]]
    roads: tuple[tuple[str, str, str], ...]


class Pass(NamedTuple):
    """A layer's forward and its broken backward.

    wrong   places in backward.roads: one line of the backward, which may be several roads
    leaves  {quantity at an end of a road: the leaf that has it as its gradient}
    why     what the wrong road should do
    """

    forward: Flow
    backward: Flow
    wrong: tuple[int, ...]
    leaves: Mapping[str, str]
    why: str

    def below(self, road: int) -> set[str]:
        """The leaves that get their gradient by way of a road."""
        reached = {self.backward.roads[road][1]}
        for start, end, _ in self.backward.roads * len(self.backward.roads):
            reached |= {end} if start in reached else set()
        return {self.leaves[name] for name in reached if name in self.leaves}

    @property
    def wrong_leaves(self) -> set[str]:
        """What a gradient check finds."""
        return set().union(*(self.below(road) for road in self.wrong))

    def answer(self, road: int) -> str:
        """What to say to a reader who believes that this road is the wrong one."""
        start, end, does = self.backward.roads[road]
        if road in self.wrong:
            return f"Right: {start} to {end}. {self.why} What lies below it is wrong, and nothing else."
        below, wrong = self.below(road), self.wrong_leaves
        if innocent := below - wrong:
            found = f"the checker finds {_one(innocent, 'it', 'them')} right"
            return f"Not yet. Were {start} to {end} wrong, so would be {_and(innocent)}: {found}."
        if missed := wrong - below:
            found = f"{_and(missed)} {_one(missed, 'is', 'are')} wrong as well"
            return f"Not yet. {start} to {end} leads to {_and(below)} only; {found}."
        return f"Not yet. It leads to what is wrong, but it does what it should ({does}): compare with the forward."


def _and(leaves):
    return " and ".join(sorted(leaves))


def _one(leaves, one, many):
    """The word for one leaf or for many."""
    return one if len(leaves) == 1 else many


AFFINE = {"x": (22, 0), "W": (76, 0), "b": (130, 0), "u": (76, 1)}
AFFINE_ROADS = (("x", "u", "\u00b7 W"), ("W", "u", "x \u00b7"), ("b", "u", "+"))
AFFINE_BACK = {"dx": (190, 0), "dW": (258, 0), "db": (332, 0), "du": (258, 1)}
AFFINE_BACK_ROADS = (("du", "dx", "\u00b7 W\u1d40"), ("du", "dW", "x\u1d40 \u00b7"), ("du", "db", "\u03a3 rows"))
AFFINE_LEAVES = {"dx": "input 0", "dW": "W", "db": "b"}

PASSES = {
    "10.1": Pass(
        Flow({"x": (36, 0), "a": (116, 0), "y": (76, 1)}, (("x", "y", "\u00b7 a"), ("a", "y", "\u00b7 x"))),
        Flow(
            {"dx": (210, 0), "da": (312, 0), "dy": (262, 1)},
            (("dy", "dx", "\u00b7 a"), ("dy", "da", "\u00b7 x, \u03a3 rows")),
        ),
        (1,),
        {"dx": "input 0", "da": "a"},
        "One number a meets every entry of x, so its gradient sums over the columns, too.",
    ),
    "10.2": Pass(
        Flow(AFFINE | {"y": (76, 2)}, (*AFFINE_ROADS, ("u", "y", "\u03c3"))),
        Flow(AFFINE_BACK | {"dy": (258, 2)}, (("dy", "du", "\u00b7 y (1 \u2212 u)"), *AFFINE_BACK_ROADS)),
        (0,),
        AFFINE_LEAVES,
        "The derivative of a sigmoid is y (1 \u2212 y), of its output; and all roads pass here.",
    ),
    "10.3": Pass(
        Flow(
            AFFINE | {"t": (76, 2), "y": (76, 3)},
            (*AFFINE_ROADS, ("u", "t", "tanh"), ("t", "y", "+"), ("x", "y", "+")),
        ),
        Flow(
            AFFINE_BACK | {"dt": (258, 2), "dy": (258, 3)},
            (("dy", "dt", "as it is"), ("dt", "du", "\u00b7 (1 \u2212 t\u00b2)"), *AFFINE_BACK_ROADS),
        ),
        (2,),
        AFFINE_LEAVES,
        "x is read twice, so two roads must meet in dx: dy itself is missing.",
    ),
    "10.4": Pass(
        Flow(
            {"x": (40, 0), "total": (106, 1), "twice": (76, 2), "y": (76, 3)},
            (
                ("x", "total", "\u03a3 f"),
                ("total", "twice", "square"),
                ("x", "twice", "\u2212 \u03a3 x\u00b2"),
                ("twice", "y", "/ 2"),
            ),
        ),
        Flow(
            {"dx": (236, 0), "dtotal": (310, 1), "dtwice": (262, 2), "dy": (262, 3)},
            (
                ("dy", "dtwice", "as it is"),
                ("dtwice", "dtotal", "\u00b7 2 total"),
                ("dtwice", "dx", "\u00b7 (\u22122 x)"),
                ("dtotal", "dx", "to each f"),
            ),
        ),
        (0,),
        {"dx": "input 0"},
        "The forward ends with a division by 2, and its backward has no line.",
    ),
    "10.5": Pass(
        Flow(
            {"x": (40, 0), "x\u0302": (76, 2), "\u03b3": (128, 2), "y": (90, 3)},
            (("x", "x\u0302", "(x \u2212 \u03bc) / s"), ("x\u0302", "y", "\u00b7 \u03b3"), ("\u03b3", "y", "\u00b7")),
        ),
        Flow(
            {
                "dx": (248, 0),
                "shift": (184, 1),
                "stretch": (326, 1),
                "dx\u0302": (234, 2),
                "d\u03b3": (334, 2),
                "dy": (286, 3),
            },
            (
                ("dy", "d\u03b3", "\u00b7 x\u0302, \u03a3 rows"),
                ("dy", "dx\u0302", "\u00b7 \u03b3"),
                ("dx\u0302", "shift", "mean"),
                ("dx\u0302", "stretch", "mean \u00b7 x\u0302"),
                ("dx\u0302", "dx", "/ s"),
                ("shift", "dx", "\u2212, / s"),
                ("stretch", "dx", "\u2212, / s"),
            ),
        ),
        (6,),
        {"dx": "input 0", "d\u03b3": "gamma"},
        "stretch has to go back times x\u0302; the formula says so.",
    ),
    "10.6": Pass(
        Flow(
            {"x": (22, 0), "x\u2032": (84, 0), "W": (134, 1), "both": (54, 1), "y": (84, 2)},
            (("x", "both", "first"), ("x\u2032", "both", "last"), ("both", "y", "\u00b7 W"), ("W", "y", "both \u00b7")),
        ),
        Flow(
            {"dx": (198, 0), "dx\u2032": (290, 0), "dboth": (244, 1), "dW": (326, 1), "dy": (270, 2)},
            (
                ("dy", "dboth", "\u00b7 W\u1d40"),
                ("dy", "dW", "both\u1d40 \u00b7"),
                ("dboth", "dx", "last 4"),
                ("dboth", "dx\u2032", "first 4"),
            ),
        ),
        (2, 3),
        {"dx": "input 0", "dx\u2032": "input 1", "dW": "W"},
        "x came first and gets the last columns: the halves are swapped.",
    ),
    "10.7": Pass(
        Flow({"a": (76, 0), "z": (76, 1), "g": (76, 2)}, (("a", "z", "/ \u03c4"), ("z", "g", "softmax"))),
        Flow(
            {"da": (262, 0), "dz": (262, 1), "dg": (262, 2)},
            (("dg", "dz", "g (dg \u2212 \u03a3 g dg)"), ("dz", "da", "as it is")),
        ),
        (1,),
        {"da": "input 0"},
        "Between a and z lies a division by \u03c4: da = dz / \u03c4.",
    ),
}
