"""Solutions of tutorial 10, Teach it: the wrong line of each of seven backward passes, and its repair."""

from . import Solution

SOLUTIONS = {
    "10.1": Solution(
        4,
        r"""
        $y_{ij} = a\, x_{ij}$, with one $a$ in every entry. So

        $$ da = \sum_i \sum_j dy_{ij}\, x_{ij} $$

        a sum over both axes. Line 4 sums over the rows alone and leaves four numbers. The repair, in the shape of `a`:

        `da = (dy * x).sum().reshape(1)`
        """,
        (
            "Which leaf does the report call wrong, and which line makes its gradient?",
            "The forward stretches a, of shape (1,), over rows and columns. What was stretched over an axis in the "
            "forward is summed over that axis in the backward: one of the lines sums over too few.",
        ),
        "Broadcasting and summing are each other's backward: a bias is stretched over rows and sums over them, this a "
        "over both axes.",
    ),
    "10.2": Solution(
        3,
        r"""
        $\sigma'(u) = \sigma(u) (1 - \sigma(u))$, and $\sigma(u)$ is what the forward called $y$, so $du = dy * y (1 -
        y)$. Line 3 has $1 - u$. All three leaves are made of `du`, and lines 4 to 6 are those of any dense layer. The
        repair:

        `du = dy * y * (1 - y)`
        """,
        (
            "Three leaves are wrong at once. Go through the lines and note for each which leaves it leads to.",
            "Only one line leads to W, b and the input alike. Compare it with the derivative in the text, letter by "
            "letter: is it written in terms of what goes into the sigmoid, or of what comes out?",
        ),
        "The right line has no u in it: like tanh, ReLU and softmax, the sigmoid needs its output alone on the way "
        "back, and the cache may forget what went in.",
    ),
    "10.3": Solution(
        5,
        r"""
        $x$ is read twice, by the sum and by the product, so two gradients meet in it:

        $$ dx = dy + du\, W^T $$

        `W` and `b` are right, hence `du` and line 4 are. What is left is line 5, which has the second road only. The
        repair:

        `dx = dy + du @ p["W"].T`
        """,
        (
            "Cross out every line that leads to W and b: they are right. Which lines are left?",
            "Count how often x occurs in the forward: once inside the tanh, once outside. Each of them sends a "
            "gradient back. One line has room for both and holds one.",
        ),
        "The dy that was missing is what residual networks live on: whatever W is, 0 included, the gradient of the "
        "output arrives at the input in full (He and others, 2016).",
    ),
    "10.4": Solution(
        3,
        r"""
        The forward's last step is $y = \tfrac12\, \text{twice}$, so the backward's first is

        $$ d\,\text{twice} = \tfrac12\, dy $$

        Line 3 forgets the half; lines 4 and 5 are right in terms of `dtwice`, and double everything: the factor 2 of
        the report. The repair:

        `dtwice = dy / 2`

        Then $dx_f = \bigl(\sum_g x_g - x_f\bigr) * dy$: the sum of all *other* embeddings, as the sum over pairs says.
        """,
        (
            "The report names a factor, the same for all entries. A factor common to both terms of dx comes from a "
            "line that both of them use.",
            "Read the forward from its end: a division, then a difference of two squares. Each step should have a line "
            "of its own in the backward, in the opposite order. Which step has a line that does nothing?",
        ),
        "Pair by pair the forward would take F (F - 1) / 2 products a row, the short cut takes F + 1 squares: this is "
        "why a factorisation machine (Rendle, 2010) is cheap.",
    ),
    "10.5": Solution(
        7,
        r"""
        The formula beside the code,

        $$ dx = \frac{d\hat x - \text{mean}(d\hat x) - \hat x\, \text{mean}(d\hat x * \hat x)}{s} $$

        has a factor $\hat x$ with the second mean. Lines 5 and 6 make both means as they should; line 7 subtracts
        `stretch` without it. The repair:

        `dx = (dxhat - shift - xhat * stretch) / s`
        """,
        (
            "gamma is right, so xhat and the line of dgamma are. Compare what is left with the formula, one symbol "
            "after the other.",
            "Both means are named before they are used, and both names hold what the formula says. Count how often "
            "x-hat occurs in the formula, and how often in the lines.",
        ),
        "The right dx adds up to 0 in every row and, but for the 1e-5, is orthogonal to x-hat: shifting or stretching "
        "a row changes nothing that comes out, a check that needs no checker.",
    ),
    "10.6": Solution(
        5,
        r"""
        The forward puts `x` first and `x2` behind it, so the columns of `dboth` are those of `x` first. `np.split`
        keeps that order, and line 5 gives its first part the name `dx2`. The repair:

        `dx, dx2 = np.split(dboth, [width], axis=1)`

        Line 6 returns `dx` first, as it should; returning them the other way round would also do, and leave the names
        wrong.
        """,
        (
            "Both inputs are wrong and W is right. Which lines lead to the inputs and not to W?",
            "Follow a column of x through the forward: where in both does it end up? And under which name does its "
            "gradient leave the line that takes both apart?",
        ),
        "With inputs of widths 4 and 3 this bug would have been a wrong shape at the first call: equal sizes are what "
        "swapped and transposed arrays hide behind.",
    ),
    "10.7": Solution(
        4,
        r"""
        Two steps forward, $z = a / \tau$ and $g = \text{softmax}(z)$; two steps back, in the opposite order:

        $$ dz_m = g_m \Bigl( dg_m - \sum_n g_n\, dg_n \Bigr), \qquad da = \frac{dz}{\tau} $$

        Line 3 is the first of them; line 4 takes the second for nothing, and everything is $\tau = 2$ times too large.
        The repair:

        `da = dz / self.tau`
        """,
        (
            "The report names a factor. Does a number of the layer have this value?",
            "The text has two names, a and z, for what goes in and what the softmax reads. The backward has two lines "
            "for two names as well, and one of them does nothing.",
        ),
        "A high temperature makes a gate's shares alike and divides its gradient by tau besides; distillation makes up "
        "for such factors by multiplying its loss with tau^2 (Hinton and others, 2015).",
    ),
}
