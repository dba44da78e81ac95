"""The exceptions that mean "the input is wrong, not the program"."""

from collections.abc import Callable


class InputError(ValueError):
    """A user's file, flag, folder or value is not usable.

    The message is one line that says what is wrong, where, and what to do about it; command lines print it without a
    traceback and exit with status 2.
    """


class OptionError(InputError):
    """An option has a value that it cannot have, or options do not go together.

    Python calls an option by its name, `n_experts`; a command calls the same one by its flag, `--n-experts`. So the
    message is kept as a function of how options are called: `str` of the error has names, `in_flags` has flags.

    message  takes a function from the name of an option to what it is called; returns the text
    """

    def __init__(self, message: Callable[[Callable[[str], str]], str]) -> None:
        super().__init__(message(str))
        self.message = message


def in_flags(error: Exception) -> str:
    """The message of an error, with options called by their flags: what a command shows."""
    return error.message(flag) if isinstance(error, OptionError) else str(error)


def flag(name: str) -> str:
    """The flag of an option: n_experts -> --n-experts."""
    return "--" + name.replace("_", "-")
