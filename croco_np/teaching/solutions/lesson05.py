"""Solutions of tutorial 5, Put Crocodile together."""

from typing import Any

import numpy as np

from . import Solution


def my_backward(model: Any, c: Any, d: Any) -> dict:
    """The cache of the forward pass, and the gradient at each tap -> gradients of all layers."""
    dh, towers = model.towers.backward(c.towers, d.logits[:, None])  # towers put out (B, 1)
    (de, do), gates = model.gates.backward(c.gates, (dh, d.gates))
    _, prior = model.prior.backward(c.prior, de[:, None])  # the prior puts out (B, 1, P)
    if d.experts is not None:
        do = do + d.experts  # two roads meet: from the gates, and from CovLoss
    dx, experts = model.experts.backward(c.experts, do)
    _, embeddings = model.embeddings.backward(c.embeddings, dx)
    return {"embeddings": embeddings, "experts": experts, "prior": prior, "gates": gates, "towers": towers}


def my_domain_mean(domains: tuple[slice, ...]) -> np.ndarray:
    """Slices of the domains -> weights of the rows, (B,)."""
    sizes = np.array([s.stop - s.start for s in domains])
    w = np.repeat(1 / np.maximum(sizes, 1), sizes)  # 1 / n_s, n_s times; an absent domain not at all
    return w


SOLUTIONS = {
    "5.1": Solution(
        my_backward,
        r"""
        Backward is the picture upside down. Each layer takes the gradient of what it put out and hands on that of what
        it took in:

        $$ dz \to \text{towers} \to dh \to \text{gates} \to (de, do), \qquad de \to \text{prior}, \qquad
           do \to \text{experts} \to dx \to \text{embeddings} $$

        $o$ forks on the way up, to the gates and to CovLoss, so on the way down its gradients add:
        $do = do_{gates} + do_{CovLoss}$. The axes that forward dropped, `z[:, 0]` and `e[:, 0]`, come back as
        `[:, None]`.
        """,
        (
            "Go from the top of the picture down, one line for each of the five layers, in the order towers, gates, "
            "prior, experts, embeddings. What each needs is what the one above has handed down.",
            "What may be None stays None: d.gates goes into the gates' pair as it is, and o forks, so before the "
            "experts d.experts is added to what the gates hand down, unless it is None. And an axis that forward "
            "dropped, from the towers' and the prior's output, comes back on the way down.",
        ),
        "Any order would do in which a layer comes after all that read its output: the prior's line could as well be "
        "the last. Frameworks sort a graph by this rule and call it autograd.",
    ),
    "5.2": Solution(
        my_domain_mean,
        r"""
        Eq. (7) with the rows of the batch: $\sum_s \frac{1}{n_s} \sum_{i \in s} \mathrm{BCE}_i$. So row $i$ of domain
        $s$ has the weight

        $$ w_i = \frac{1}{n_s}, \qquad \sum_{i \in s} w_i = 1 $$

        Rows of a domain stand together, so this is $1 / n_s$ repeated $n_s$ times, domain after domain. A domain with
        $n_s = 0$ is repeated no times; only the division has to be kept from happening.
        """,
        (
            "A domain with 4 rows gives them 1/4 each, one with no rows gives nothing. How many rows does a slice "
            "have, and in which order do the domains stand in the batch?",
            "From each slice take its number of rows, stop - start. How often does the weight 1 / n stand in the "
            "result? np.repeat knows. And what if n is 0?",
        ),
        "In the lesson's batch of 179 + 69 + 8 rows a row of the rare domain weighs 22 times as much as one of the "
        "large one.",
    ),
    "5.3": Solution(
        15,
        r"""
        With n and 100 − n rows, $\sum_i w_i = 2$ and $\sum_i w_i^2 = \frac{1}{n} + \frac{1}{100 - n}
        = \frac{100}{n (100 - n)}$. So

        $$ n_{eff} = \frac{4 \, n (100 - n)}{100} = \frac{n (100 - n)}{25} \ge 50 \iff n^2 - 100 n + 1250 \le 0
           \iff n \ge 50 - \sqrt{1250} \approx 14.6 $$

        and n is a whole number.
        """,
        (
            "Write the effective number of rows for n and 100 - n rows. The weights of each domain add up to 1, and "
            "their squares to 1 / n and 1 / (100 - n).",
            "It comes to n (100 - n) / 25. Where is that 50? Solve the quadratic, or let n run from 1 to 50 and look.",
        ),
        "A single rare row leaves a batch of any size worth less than 4 rows: of B rows, n of them rare, it is "
        "4 n (B - n) / B.",
    ),
}
