"""Adam, in its two meanings for embedding tables."""

from dataclasses import dataclass

import numpy as np

from .kernels.adam import adam_dense, adam_rows, decay_rows
from .tree import Moving, RowGrad, flatten, tree_map


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma & Ba 2015, Algorithm 1), with the moments held in a state of the caller's.

    lazy  what happens to a row of a table that the batch did not touch.
          False (`adam`): its gradient is 0, so its moments decay and its weights still move by the moment that is left.
          True (`lazy_adam`): nothing. Cheaper, as the cost follows the touched rows, and not the same optimiser:
          moments of rare rows do not fade, so rare rows take larger steps.
    l2    weight of (l2 / 2) ||rows||^2 for the touched rows of tables: their gradient gets + l2 * row
    """

    lr: float = 1e-3
    b1: float = 0.9
    b2: float = 0.999
    eps: float = 1e-8
    lazy: bool = False
    l2: float = 0.0

    def init(self, params):
        """State before the first step: {"t": steps taken, "m": first moments, "v": second moments}."""
        return {"t": 0, "m": tree_map(np.zeros_like, params), "v": tree_map(np.zeros_like, params)}

    def step(self, params, grads, state):
        """One step, in place: the only function of the package that writes to parameters."""
        state["t"] += 1
        step = self.lr / (1 - self.b1 ** state["t"])
        c = float(np.sqrt(1 - self.b2 ** state["t"]))
        scalars = (step, c, self.b1, self.b2, self.eps)
        grads, first, second = flatten(grads), flatten(state["m"]), flatten(state["v"])
        for path, w in flatten(params).items():
            g = grads[path]
            if isinstance(g, Moving):
                w += g.rate * (g.target - w)
                continue
            w, m, v = (a.reshape(len(a), -1) for a in (w, first[path], second[path]))
            if isinstance(g, RowGrad):
                values = g.values.reshape(len(g.rows), w.shape[1])
                if self.l2:
                    values = values + w.dtype.type(self.l2) * w[g.rows]
                adam_rows(w, g.rows, values, m, v, *scalars)
                if not self.lazy:
                    idle = np.ones(len(w), bool)
                    idle[g.rows] = False
                    decay_rows(w, m, v, idle, *scalars)
            else:
                adam_dense(w, g.reshape(w.shape), m, v, *scalars)


OPTIMISERS = {"adam": False, "lazy_adam": True}
