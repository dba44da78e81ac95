"""Checks as a table, and as an error."""

from collections.abc import Iterable
from itertools import zip_longest

from .measure import Check


def report(checks: Iterable[Check]) -> str:
    """The checks as a table in text."""
    checks = list(checks)
    width = max((len(c.name) for c in checks), default=4)
    lines = [f"{'leaf':<{width}}  {'method':<19}  {'error':>8}  {'bound':>7}"]
    for c, after in zip_longest(checks, checks[1:]):
        verdict = "ok" if passed(c) else "KINK (draw again)" if c.kink else "NO VERDICT" if c.unmeasured else "WRONG"
        lines.append(f"{c.name:<{width}}  {c.method:<19}  {c.error:8.1e}  {c.tolerance:7.0e}  {verdict}")
        if c.hint and not (after and (after.name, after.hint) == (c.name, c.hint)):  # two methods, one hint: said once
            lines.append(f"    {c.hint}")
    return "\n".join(lines)


def passed(c: Check) -> bool:
    """Whether a check is ok, and not only said to be: an error that is NaN is within no bound."""
    return bool(c.ok and c.error <= c.tolerance)


def assert_ok(checks: Check | Iterable[Check]) -> None:
    """Raise AssertionError that names every leaf whose gradient is wrong, with its hint; kinks raise too."""
    checks = [checks] if isinstance(checks, Check) else list(checks)
    if not checks:
        raise AssertionError("no gradient was checked")
    wrong = [c for c in checks if not passed(c)]
    if wrong:
        raise AssertionError(f"{len(wrong)} of {len(checks)} gradient checks failed\n{report(wrong)}")
