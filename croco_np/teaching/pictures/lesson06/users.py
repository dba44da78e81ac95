"""gAUC beside AUC: the pairs inside each user, and those between users."""

import numpy as np

from ....metrics import auc, gauc
from ..scene import Control, Scene
from ..svg import Drawing

LEFT, RIGHT = 84, 340  # the line from score 0 to score 1
LANE = 46


def shifted_user(
    scores: np.ndarray, labels: np.ndarray, users: np.ndarray, shifted: int, by: tuple[int, int] = (-30, 40)
) -> Scene:
    """Rows in a lane for each user; the scores of one user move together, which changes AUC and never gAUC.

    scores, labels, users (N,); shifted is the user that moves, by so many hundredths at least and at most
    """
    lanes = list(dict.fromkeys(users.tolist()))
    pairs = [(i, j) for i in np.flatnonzero(labels == 1) for j in np.flatnonzero(labels == 0)]
    shifts = list(range(by[0], by[1] + 1, 5))
    hundredths = np.rint(100 * scores).astype(int)

    def moved(at):
        return hundredths + shifts[at] * (users == shifted)

    def draw(at, inside):
        z = moved(at)
        drawing = Drawing(LANE * len(lanes) + 26)
        xs = LEFT + (RIGHT - LEFT) * z / 100
        ys = np.array([24 + LANE * lanes.index(u) for u in users.tolist()])
        for lane, user in enumerate(lanes):
            y = 24 + LANE * lane
            drawing.text(4, y + 4, f"user {user}", "name" if user == shifted else "")
            drawing.line(LEFT, y, RIGHT, y, "line faint")
        for i, j in pairs:
            hidden = bool(inside) and users[i] != users[j]
            way = {1: "line blue", 0: "line soft", -1: "line orange dashed"}[int(np.sign(z[i] - z[j]))]
            bend = ((xs[i] + xs[j]) / 2, (ys[i] + ys[j]) / 2 - (18 if users[i] == users[j] else 0))
            drawing.path([(xs[i], ys[i]), bend, (xs[j], ys[j])], way, hidden=hidden)
        for x, y, label in zip(xs, ys, labels, strict=True):
            if label:
                drawing.circle(x, y, 8, "fill blue lit")
            else:
                drawing.rect(x - 7, y - 7, 14, 14, "fill orange lit")
        drawing.text(LEFT, LANE * len(lanes) + 18, "score 0", "soft", anchor="middle")
        drawing.text(RIGHT, LANE * len(lanes) + 18, "1", "soft", anchor="middle")
        drawing.text((LEFT + RIGHT) / 2, LANE * len(lanes) + 18, "\u25cf clicked, \u25a0 not", anchor="middle")
        return drawing

    def say(at, inside):
        z = moved(at)
        right = sum(1 if z[i] > z[j] else 0.5 if z[i] == z[j] else 0 for i, j in pairs)
        all_rows, grouped = auc(z, labels), gauc(z, labels, users)
        return (
            f"Shift {shifts[at] / 100:g}: AUC {all_rows.value:.3f} ({right:g} of {len(pairs)} pairs right); "
            f"gAUC {grouped.value:.3f}, of {grouped.share:.0%} of the rows."
        )

    return Scene(
        "a lane of scores for each user, clicked rows as discs and others as squares, joined in pairs: a full line is a"
        " pair ranked right, a dashed one a pair ranked wrong",
        [
            Control(f"shift of user {shifted}", [f"{k / 100:g}" for k in shifts], shifts.index(0)),
            Control("pairs", ["all", "inside a user"], kind="choice"),
        ],
        draw,
        say,
    )
