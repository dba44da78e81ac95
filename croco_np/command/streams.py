"""Standard streams that cannot stop a command: text that cannot be printed is dropped, and the command goes on.

A stream may be closed (`2>&-`), its reader may have left (`| head -1`), its disk may be full, and its encoding may not
know a letter of a path.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

NAMES = ("stdout", "stderr")
_noted: set[str] = set()


class Steady:
    """A text stream that raises no errors: after its first error, everything written to it is dropped.

    stream  the stream behind it; None if it was closed before Python started
    lost    the error it was given up for, or None
    """

    def __init__(self, stream: TextIO | None) -> None:
        self.stream = stream
        self.lost: Exception | None = None

    def write(self, text: str) -> int:
        if self.stream is not None and self.lost is None:
            try:
                self._write(text)
            except (OSError, ValueError) as error:  # ValueError: closed meanwhile
                self._give_up(error)
            except RuntimeError:  # a signal handler speaks while this stream is written to
                pass
        return len(text)

    def _write(self, text):
        try:
            self.stream.write(text)
        except UnicodeEncodeError as error:
            self.stream.write(text.encode(error.encoding, "backslashreplace").decode(error.encoding))

    def flush(self) -> None:
        if self.stream is not None and self.lost is None:
            try:
                self.stream.flush()
            except (OSError, ValueError) as error:
                self._give_up(error)

    def _give_up(self, error):
        self.lost = error
        if sys.stdout is self and not isinstance(error, BrokenPipeError):  # who closes a pipe has read enough
            note(f"standard output is lost from here on ({error}); the work goes on")

    def isatty(self) -> bool:
        return self.stream is not None and self.lost is None and self.stream.isatty()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextmanager
def steady() -> Iterator[None]:
    """`Steady` streams in the place of sys.stdout and sys.stderr inside a `with` block.

    A stream that was lost stays replaced, or Python would try again to flush it at its end, and complain.
    """
    replaced = {name: getattr(sys, name) for name in NAMES if not isinstance(getattr(sys, name), Steady)}
    ours = {name: Steady(stream) for name, stream in replaced.items()}
    for name, stream in ours.items():
        setattr(sys, name, stream)
    try:
        yield
    finally:
        for name, stream in ours.items():
            stream.flush()
            if stream.lost is None and getattr(sys, name) is stream:
                setattr(sys, name, replaced[name])


def note(line: str) -> None:
    """A line on standard error, once in a process, where a warning is due that `-W error` must not turn into an end."""
    if line in _noted:
        return
    _noted.add(line)
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            print(f"note: {line}", file=sys.stderr, flush=True)


def printable(text: str, most: int = 600) -> str:
    """Text as one line of at most `most` characters for a terminal: what is no letter is escaped, the middle left out.

    A path may hold anything but NUL: a new line, an escape sequence, bytes that are no text.
    """
    line = "".join(c if c.isprintable() else _escaped(c) for c in text)
    return line if len(line) <= most else f"{line[: most // 2 - 3]} ... {line[-(most // 2 - 2) :]}"


def _escaped(character):
    """ "\\n" and the like; a byte that is no text, which Python keeps as a surrogate, as that byte."""
    code = ord(character)
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else character.encode("unicode_escape").decode()


def one_line(error: BaseException, most: int = 300) -> str:
    """The message of an exception as one line of at most `most` characters; its kind where it has no message."""
    line = " ".join(str(error).split()) or type(error).__name__
    return line if len(line) <= most else line[: most - 4] + " ..."
