"""The one exception that means "the input is wrong, not the program"."""


class InputError(Exception):
    """A user's file, flag or folder is not usable.

    The message is one line that says what is wrong, where, and what to do about it; command lines print it without a
    traceback and exit with status 2.
    """
