"""What each system costs: parameters, multiply-adds of a sample, and which parameters a domain has to itself.

Takes the flags of croco_np.train that set sizes, and four of its own. --schema FILE: the columns, as JSON with fields,
vocabulary, user, item, domain, domains and context (default: like those of --dataset, or of aliccp). --match-parameters
SYSTEM: turn the --knob of each system until it has as many parameters as SYSTEM. --knob: embedding_width (default) or
expert_width. --device: count what a training step asks of a GPU, too, on a stand-in: none is needed.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..command import status
from ..config import ABLATIONS, named
from ..config.flags import parse
from ..datasets.splits import Schema
from ..errors import InputError, in_flags
from ..models import MODELS
from ..models.assembly import shape_tree
from ..storage.files import require_file
from ..tree import BRANCH, Tree, entries, flatten, with_leaves
from .budget import budget
from .device import count_step
from .match import KNOBS, LARGEST, match_parameters
from .schemas import SCHEMAS

NAMES = (*MODELS, *ABLATIONS)


def run(argv: Sequence[str] | None) -> int:
    """The command; returns the exit status."""
    own, rest = _own_flags().parse_known_args(argv)
    if not any(arg.split("=")[0] in ("--dataset", "--resume") for arg in rest):
        rest = ["--dataset", "aliccp", *rest]
    asked = parse(rest, "python -m croco_np.costs", __doc__)
    config, given = asked.config, asked.given
    if config is None:
        raise InputError("--resume: is for croco_np.train; nothing is trained here")
    _choose(own.match_parameters, NAMES, "--match-parameters")
    _choose(own.knob, KNOBS, "--knob")
    schema = _read(own.schema) if own.schema else _schema(config)
    names = [given["model"]] if "model" in given else NAMES
    print(f"{len(schema.fields)} fields, {sum(schema.vocabulary):,} values, {len(schema.domains)} domains "
          f"({own.schema or f'like {config.dataset}'})\n")  # fmt: skip
    target = None
    if own.match_parameters:
        system, sizes = _sized(own.match_parameters, config)
        target = budget(system, schema, sizes).parameters
    print(f"{'system':<14}{'parameters':>14}{'in tables':>11}{'multiply-adds':>15}{'own, per domain':>17}  {'':<18}")
    for name in names:
        try:
            print(_line(name, schema, config, target, own.knob), flush=True)
        except ValueError as error:
            print(f"{name:<14}  not at these sizes: {in_flags(error)}")
    print(f"\nParameters are trained scalars. Multiply-adds: matrix products of one sample's forward pass. Domains:"
          f"\n{', '.join(f'{s} = {name}' for s, name in enumerate(schema.domains))}; s stands for each.")  # fmt: skip
    if own.device:
        print(f"\n{_device_table(names, schema, config)}")
    return 0


def _device_table(names, schema, config):
    """A line for each system of what one training step asks of a GPU."""
    lines = [f"a training step on a GPU{'with CUDA twins':>36}{'':>18}{'definitions only':>18}"]
    head = ("operations", "products", "kernels", "arrays", "waits", "operations", "waits")
    lines += [f"{'system':<14}" + "".join(f"{name:>12}" for name in head)]
    for name in names:
        system, sizes = _sized(name, config)
        twins, plain = (count_step(system, schema, sizes, side) for side in (True, False))
        counts = (
            twins.operations,
            twins.products,
            twins.kernels,
            twins.arrays,
            twins.waits,
            plain.operations,
            plain.waits,
        )
        lines.append(f"{name:<14}" + "".join(f"{n:>12}" for n in counts))
    lines += [
        "Operations of CuPy, products among them, each a kernel or more; kernels that CUDA twins launch, and",
        "the arrays handed to them; waits: the host needs a value of the GPU before it can go on.",
    ]
    return "\n".join(lines)


def _schema(config):
    """The columns of a config's data set, where they are known without its files."""
    if config.dataset == "laboratory":
        return config.world.draw(config.min_count).schema
    if config.dataset not in SCHEMAS:
        raise InputError(f"--dataset {config.dataset}: its columns are in its files; give them by --schema FILE")
    return SCHEMAS[config.dataset]


def _sized(name, config):
    """The class that a name stands for, and the keywords to build it with."""
    model, change = named(name)
    return MODELS[model], config.sizes_of(model) | change


def _line(name, schema, config, target, knob):
    """A system's line, and below it what its domains own."""
    (system, sizes), note = _sized(name, config), ""
    if target is not None:
        found = match_parameters(system, schema, sizes, target, knob)
        sizes, was = found.sizes, config.embedding_width if knob == "embedding_width" else config.expert_sizes[-1]
        note = f"{knob} {was} -> {found.value}: {found.parameters / target:.3f} of the target"
        note += ", out of this knob's reach" if found.value in (1, LARGEST) else ""
    cost = budget(system, schema, sizes)
    shares = sorted({sum(own.values()) for own in cost.owned})
    shown = f"{shares[0]:,}" if len(shares) == 1 else f"{shares[0]:,} to {shares[-1]:,}"
    line = f"{name:<14}{cost.parameters:>14,}{cost.tables / cost.parameters:>11.1%}{cost.multiply_adds:>15,.0f}"
    line += f"{shown:>17}  {note}".rstrip()
    tree = shape_tree(system.build(schema, **sizes))
    own = [whole_branches(tree, owned) for owned in cost.owned]
    patterns = {tuple(_pattern(path, s) for path in mine) for s, mine in enumerate(own)}
    if len(patterns) == 1:
        return f"{line}\n    own: {', '.join(patterns.pop()) or 'nothing'}"
    return line + "".join(f"\n    own of {s}: {', '.join(mine)}" for s, mine in enumerate(own))


def whole_branches(tree: Tree, owned: Iterable[str]) -> list[str]:
    """The paths in `owned`, with a branch of the parameter tree in place of all its leaves where all are owned."""

    def walk(node, prefix):
        for key, child in entries(node):
            path = f"{prefix}{key}"
            if not isinstance(child, BRANCH):
                yield from [path] if child else [p for p in owned if p.startswith(path + "[")]
            elif (leaves := flatten(child)) and all(leaves.values()):
                yield path
            else:
                yield from walk(child, path + ".")

    return list(walk(with_leaves(tree, {path: path in owned for path in flatten(tree)}), ""))


def _pattern(path, domain):
    """A path with `s` in place of the number of the domain, in the path's last number or in its index."""
    stem, bracket, index = path.partition("[")
    if bracket:
        head, comma, last = index.removesuffix("]").rpartition(", ")
        return f"{stem}[{head}{comma}{'s' if last == str(domain) else last}]"
    keys = stem.split(".")
    numbers = [i for i, key in enumerate(keys) if key == str(domain)]
    if numbers:
        keys[numbers[-1]] = "s"
    return ".".join(keys)


def _own_flags():
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for flag, default in (("--schema", ""), ("--match-parameters", ""), ("--knob", "embedding_width")):
        parser.add_argument(flag, default=default)
    parser.add_argument("--device", action="store_true")
    return parser


def _choose(value, choices, flag):
    if value and value not in choices:
        raise InputError(f"{flag} {value}: choose one of {', '.join(choices)}")


def _read(path):
    """A `Schema` from a JSON file."""
    require_file(path, "a schema")
    try:
        entries = json.loads(Path(path).read_text())
        schema = Schema.from_json(entries)
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"--schema {path}: not a schema: {error!s:.200}") from error
    return schema


def main(argv: Sequence[str] | None = None) -> int:
    return status(run, argv)


if __name__ == "__main__":
    sys.exit(main())
