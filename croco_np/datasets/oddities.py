"""What a reader meets that does not stop it but must be said."""


class Oddities:
    """Counts by kind, each with the place where it was met first.

    >>> odd = Oddities()
    >>> odd.add("rows without a head", 2, "a.csv:7")
    >>> odd.add("rows without a head", 1, "b.csv:1")
    >>> odd.notes()
    ['3 rows without a head (first: a.csv:7)']
    """

    def __init__(self) -> None:
        self._met: dict[str, tuple[int, str]] = {}

    def add(self, what: str, n: int, first: str) -> None:
        """`n` more of a kind; `first` is where the first of them is."""
        if n:
            count, place = self._met.get(what, (0, first))
            self._met[what] = count + int(n), place

    def notes(self) -> list[str]:
        """A line for each kind, in the order in which they were met."""
        return [f"{n:,} {what} (first: {place})" for what, (n, place) in self._met.items()]


def share(n: int, total: int) -> str:
    """A count and what part of the rows it is: "12 (0.3 %)"."""
    return f"{n:,} ({100 * n / max(total, 1):.1f} %)"
