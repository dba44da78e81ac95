"""What a system says about itself: the base class of all systems.

The flags of the commands, the gradient checker, the diagnostics and the counts ask the class, so a new system is one
file and one line in `models/__init__.py`.
"""

from collections.abc import Callable, Iterator
from inspect import Parameter
from typing import Any, ClassVar, Self

import numpy as np

from ..batch import Batch
from ..datasets.splits import Schema
from ..options import Option
from ..tree import Tree
from .output import Output
from .sizes import COMMON, keywords_of

Place = tuple[str, Tree, Batch, dict[str, Any]]


class System:
    """A system: how it is built and run, and what others have to know of it.

    taps          what a loss can pull on beside the logits: names of fields of `Output`
    separate      whether it is S models that share nothing, its parameters a list with an entry a domain; each can then
                  be stopped by itself
    running       paths of the parameters that are tracked, not trained, such as running means; see `tracked`
    options       {keyword of `build`: `Option`} for the keywords that are not in `sizes.COMMON`
    default_loss  the loss it is trained with by `loss="auto"`, a name in `LOSSES`, or "none"
    blackboard    its own sizes where the gradient checker wants others than the defaults: small ones
    variants      changes of sizes that take other roads through its code, all of which are gradient-checked
    stand_in      method (cache, s) -> (B, n, K) or (B, K): what counts as the experts of domain s in the diversity
                  index, for a system without the tap `experts`; of one without experts, what the domain's logit reads
    """

    taps: ClassVar[tuple[str, ...]] = ()
    separate: ClassVar[bool] = False
    running: ClassVar[tuple[str, ...]] = ()
    options: ClassVar[dict[str, Option]] = {}
    default_loss: ClassVar[str] = "none"
    blackboard: ClassVar[dict[str, Any]] = {}
    variants: ClassVar[tuple[dict[str, Any], ...]] = ()
    stand_in: ClassVar[Callable | None] = None

    @classmethod
    def build(cls, schema: Schema) -> Self:
        """The system for the columns of a data set. Its sizes are keywords with defaults and type hints, `checked`."""
        raise NotImplementedError(f"{cls.__name__} has no build(schema, *, sizes)")

    def init(self, rng: np.random.Generator) -> Tree:
        """Parameters: dicts and lists of float64 arrays, nested."""
        raise NotImplementedError(f"{type(self).__name__} has no init(rng)")

    def paced(self, epoch_steps: int) -> Self:
        """The same model for training with so many steps an epoch; a system with a schedule overrides this."""
        return self

    def reads(self, batch: Batch) -> Iterator[tuple[str, np.ndarray]]:
        """The rows of tables that `forward` will read: pairs of a table's path and its rows, with repeats."""
        raise NotImplementedError(f"{type(self).__name__} has no reads(batch)")

    def forward(self, params: Any, batch: Batch) -> tuple[Output, Any]:
        """Every tap, and the cache for `backward`."""
        raise NotImplementedError(f"{type(self).__name__} has no forward(params, batch)")

    def backward(self, cache: Any, d: Output) -> Tree:
        """The gradients of the parameters, given those of the taps: an `Output` with None where no loss pulls.

        A tree like the parameters, in which those that are tracked, not trained, are absent.
        """
        raise NotImplementedError(f"{type(self).__name__} has no backward(cache, doutput)")

    def compared(self, output: Output, cache: Any) -> np.ndarray:
        """What counts as the experts of a row in the diversity index, (B, M, K), of a system with the tap `experts`.

        The tap itself, unless what the paper calls the system's experts is made of it.

        output, cache  those of `forward`
        """
        if output.experts is None:
            raise ValueError(f"{type(self).__name__} has no experts that every row runs through; see stand_in")
        return output.experts

    def tracked(self, cache: Any) -> dict[str, np.ndarray]:
        """{path: new value} of the parameters in `running` after this step, which only the optimiser writes.

        cache  that of the step's `forward`
        """
        return {}

    def stop_settings(self, params: Any, batch: Batch, schema: Schema) -> Iterator[Place]:
        """Settings in which all roads to some leaves lead through a stop-gradient; see `gradcheck.stops`.

        A system with stop-gradients has a field `stop`, to open them, and overrides this.

        yields (what is closed, in words; parameters; batch; {path of a leaf: index of its part that gets nothing})
        """
        return iter(())

    @classmethod
    def keywords(cls) -> dict[str, Parameter]:
        """The sizes that `build` takes, with their types and defaults."""
        return keywords_of(cls.build)

    @classmethod
    def option(cls, name: str) -> Option:
        """The description of one of them."""
        found = cls.options.get(name) or COMMON.get(name)
        if found is None:
            raise TypeError(f"{cls.__name__}.build takes {name}: describe it by an Option in {cls.__name__}.options")
        return found
