"""Solutions of tutorial 2, Look up and sum."""

import numpy as np

from . import Solution


def two_uses_backward(a: np.ndarray, c: np.ndarray, dx: np.ndarray, dz: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """a, c (B,) int; dx, dz (B, E) -> rows (R,), values (R, E)."""
    ids, d = np.concatenate([a, c]), np.concatenate([dx, dz])  # two look-ups are one, of twice as many places
    rows, slots = np.unique(ids, return_inverse=True)  # each row once, in order; the slot of each place among them
    values = np.zeros((len(rows), d.shape[1]))
    np.add.at(values, slots, d)  # one place after the other, so repeated ids add up
    return rows, values


def tags_backward(n_rows: int, ids: np.ndarray, real: np.ndarray, dx: np.ndarray) -> np.ndarray:
    """ids (B, L) int, real (B, L) bool, dx (B, E) -> dT (n_rows, E)."""
    weights = real / real.sum(axis=1, keepdims=True)  # 1 / n_i for the tags of video i, 0 where there is none
    d = weights[:, :, None] * dx[:, None, :]  # (B, L, E), what each place sends to its row
    dT = np.zeros((n_rows, dx.shape[1]))
    np.add.at(dT, ids, d)
    return dT


def narrow_backward(
    T: np.ndarray, W: np.ndarray, ids: np.ndarray, dz: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """T (V, E), W (E, n), ids (B,), dz (B, n) -> dP (V, n), dT (V, E), dW (E, n)."""
    dP = np.zeros((len(T), W.shape[1]))
    np.add.at(dP, ids, dz)  # the look-up: a sum by row, and the last step that knows of B
    dT = dP @ W.T  # the linear layer P = T W
    dW = T.T @ dP
    return dP, dT, dW


SOLUTIONS = {
    "2.1": Solution(
        two_uses_backward,
        r"""
        With one-hot matrices $N_a$ and $N_c$ the look-ups are $x = N_a T$ and $z = N_c T$. One table, two uses: the
        gradients add up,

        $$ dT = N_a^\top dx + N_c^\top dz = \begin{pmatrix} N_a \\ N_c \end{pmatrix}^{\!\top}
           \begin{pmatrix} dx \\ dz \end{pmatrix} $$

        which is the gradient of *one* look-up of the $2 B$ ids $(a, c)$. Row $v$ of it is the sum over all places that
        name $v$; rows that no place names are 0 and left out.
        """,
        (
            "Two look-ups in one table are one look-up of twice as many ids: put a and c one after the other, and dx "
            "and dz in the same order. What is left is the sum by row of this tutorial.",
            "np.unique(..., return_inverse=True) gives two things that you need: what are they here? Then the "
            "gradients of the places have to be added up by slot, in a way that loses none where slots repeat.",
        ),
        "In AliCCP's largest field a batch of 4,096 rows names at most 8,192 of 467,298 values this way: a full dT "
        "would be 98 % zeros.",
    ),
    "2.2": Solution(
        tags_backward,
        r"""
        Write $r_{il} = 1$ where tag $l$ of video $i$ is real, else 0, and $n_i = \sum_l r_{il}$. Then

        $$ x_i = \sum_l \frac{r_{il}}{n_i} \, T[\mathrm{id}_{il}] $$

        and a place $(i, l)$ sends its row $\frac{r_{il}}{n_i} \, dx_i$. Every row collects from all places that name
        it, in one video or in several:

        $$ dT_v = \sum_{il \,:\, \mathrm{id}_{il} = v} \frac{r_{il}}{n_i} \, dx_i $$
        """,
        (
            "First ask what one place (i, l) sends down: if its row moves by 1, x_i moves by 1 / n_i, or not at all if "
            "the tag only fills up. Then sum by row.",
            "The weights of all places are an array (B, L). What stands in it where a tag only fills up, and what do "
            "the others of a row add up to? With it make what each place sends, (B, L, E); np.add.at takes ids of "
            "shape (B, L) as they are.",
        ),
        "Frameworks call this layer an embedding bag; with a sum in the place of the mean the 1 / n_i goes, and "
        "nothing else changes.",
    ),
    "2.3": Solution(
        narrow_backward,
        r"""
        Two layers, $P = T W$ and $z = N P$ with the one-hot matrix $N$ of the ids. From the top down:

        $$ dP = N^\top dz, \qquad dT = dP \, W^\top, \qquad dW = T^\top dP $$

        The first is the sum by row, $B$ additions of rows. The two products have $V$ rows, not $B$. The other
        bracketing, $dT = N^\top (dz \, W^\top)$, is the same matrix with products over all $B$ rows.
        """,
        (
            "There are two layers, P = T W and then the look-up z = P[ids]. Go through them backwards: which gradient "
            "does the look-up give, and of which shape?",
            "dP has the shape (V, n): the row of a value collects from all places that name it. With that the batch "
            "is done; P = T W is the linear layer of tutorial 1. What stands there for x, and what for dy?",
        ),
        "Summing first and multiplying after is what the library's LookUpExperts does: on AliCCP less than half of the "
        "first layer's multiplications are left.",
    ),
    "2.4": Solution(
        2,
        r"""
        Let A read 0 and sleep. B adds twice and has written 2. A wakes and writes $0 + 1 = 1$: B's work is gone. B
        begins its last turn and reads 1. Now B sleeps while A adds twice more, up to 3. At last B writes $1 + 1 = 2$.
        As a schedule, `run("ABBBBABAAAAB", [(0, 1)] * 3, [(0, 1)] * 3)`.

        It cannot be less. Nobody reads less than 0, so whoever has written once has left at least 1, and so it stays:
        every later write is at least 1, too. The last write of all is its worker's third. That worker has written
        before, so for its last turn it reads at least 1, and writes at least 2.
        """,
        (
            "A read that is old by the time of its write undoes all that was written in between. How much of the other "
            "worker's work can lie in between? And can both workers do that to each other?",
            "Let A read first and sleep through two whole turns of B: what does A's write leave? Then let B do to A "
            "what A has done to B.",
        ),
        "It is 2 for any number of turns from two up, a million each included: one old read at the start and one at "
        "the end are enough.",
    ),
}
