"""Picture of lesson 2: two workers add to one number, and their turns decide whether an update is lost."""

from collections.abc import Callable, Iterator, Sequence

from .scene import Control, Scene
from .svg import Drawing


def race(
    worker: Callable[[list, list], Iterator], added: tuple[float, float], orders: Sequence[str], start: int = 0
) -> Scene:
    """Two workers that add to one number, A and B, in several orders of their turns: a time line of reads and writes.

    worker(sums, places) is a generator that gives the turn away after each read and each write; `added` is what A and B
    have to add; an order such as "ABAB" says whose turn it is.
    """
    told = [_turns(worker, added, order) for order in orders]
    n = len(orders[0])
    pitch, top, lanes = 40, 58, {"A": 66, "B": 294}

    def draw(at, which):
        drawing = Drawing(top + n * pitch + 34)
        turns = told[which]
        drawing.text(lanes["A"], 16, f"worker A adds {added[0]:g}", "name", anchor="middle")
        drawing.text(lanes["B"], 16, f"worker B adds {added[1]:g}", "name", anchor="middle")
        drawing.text(180, 16, "the sum", "name", anchor="middle")
        _cell(drawing, 180, 34, 0, "box", False)
        for lane in lanes.values():
            drawing.line(lane, 26, lane, top + n * pitch, "line faint")
        for t in range(n):
            who, what, value, total, lost = turns[t]
            y, away = top + (t + 0.5) * pitch, t >= at
            lane = lanes[who]
            inner, edge = (lane + 28, 162) if who == "A" else (lane - 28, 198)
            ends = (edge, y, inner, y) if what == "read" else (inner, y, edge, y)
            drawing.arrow(*ends, "line soft" if what == "read" else "line orange thick", hidden=away)
            drawing.text(
                (inner + edge) / 2, y - 6, "reads" if what == "read" else "writes", anchor="middle", hidden=away
            )
            _cell(drawing, lane, y - 14, value, "box", away)
            _cell(drawing, 180, y - 14, total, "box now" if what == "write" else "box", away)
            drawing.text(180, y + 26, "an update is lost", "red", anchor="middle", hidden=away or not lost)
        right = sum(added)
        end = turns[-1][3]
        words = "right" if end == right else f"{right - end:g} is lost"
        drawing.text(180, top + n * pitch + 26, f"sum {end:g}: {words}", "name", anchor="middle", hidden=at < n)
        return drawing

    def say(at, which):
        if at == 0:
            return f"The sum is 0. A wants to add {added[0]:g}, B {added[1]:g}: it should end at {sum(added):g}."
        who, what, value, total, lost = told[which][at - 1]
        if what == "read":
            return f"{who} reads the sum: {value:g}."
        end = " What the other had added is lost." if lost else ""
        return f"{who} writes what it read and its own number: the sum is {total:g}.{end}"

    steps = ["start", *(f"turn {t + 1}" for t in range(n))]
    names = [", ".join(order) for order in orders]
    return Scene(
        "a time line, downwards: worker A on the left, worker B on the right, the sum between them after each turn",
        [Control("step", steps, start=n, kind="steps"), Control("order of turns", names, start=start, kind="choice")],
        draw,
        say,
    )


def _turns(worker, added, order):
    """(who, "read" or "write", the worker's number, the sum after it, whether an update is lost) for each turn."""
    sums = [0.0]
    own = dict(zip("AB", added, strict=True))
    workers = {who: worker(sums, [(0, d)]) for who, d in own.items()}
    seen: dict[str, float] = {}
    turns = []
    for who in order:
        before = sums[0]
        next(workers[who])
        if who not in seen:
            seen[who] = before
            turns.append((who, "read", before, sums[0], False))
        else:
            turns.append((who, "write", sums[0], sums[0], before != seen[who]))
    return turns


def _cell(drawing, middle, y, value, classes, hidden):
    drawing.rect(middle - 16, y, 32, 24, classes, hidden=hidden)
    drawing.text(middle, y + 17, f"{value:g}", "number", anchor="middle", hidden=hidden)
