"""Check a hand-written backward pass against its forward pass.

    from croco_np.gradcheck import check, assert_ok
    checks = check(layer, params, (x,), np.random.default_rng(0))
    assert_ok(checks)

`layer` is anything with `forward(params, *inputs) -> (output, cache)` and `backward(cache, doutput) -> (dinputs,
grads)`; see `croco_np.layers`. Every leaf of (params, float inputs) gets one row: a random cotangent dy on the outputs,
a random direction v on the leaf, and the adjoint law

    <dy, (dy/dt) v>  measured on the forward pass   =   <(dy/dt)^T dy, v>  as the backward pass says

measured in two ways. The *complex step* Im f(x + i h v) / h with h = 1e-30 has no subtraction and is exact to rounding;
the forward must compute with complex numbers (no abs, no cast to real). *Central differences* ask nothing of the
forward. A direction that crosses a kink (ReLU at 0, |.| at 0) proves nothing about the backward: it is called a kink,
neither right nor wrong, and has to be drawn again.

Zeros and ones in parameters hide mistakes, so all leaves are moved together and measured once more. A method that
cannot measure a forward (abs on complex numbers, rounding beside huge outputs) gives no verdict.

Besides, forward must be a function of its arguments, backward one that is linear in doutput, and neither may write into
what is not its own; see `contract`. Nothing that is not finite is ever right.

`check(OnDevice(layer), ...)` checks the same lines on a GPU; parameters and inputs are arrays of the host as before.
"""

from .check import check
from .measure import METHODS, TOLERANCE, Check
from .on_device import OnDevice
from .report import assert_ok, report

__all__ = ["METHODS", "TOLERANCE", "Check", "OnDevice", "assert_ok", "check", "report"]
