"""Libraries that only notebooks and site need."""

from importlib.util import find_spec

from croco_np.errors import InputError


def need(*libraries):
    """Raise InputError, with the line that installs them, if libraries of the extra `tutorials` are absent."""
    if missing := [name for name in libraries if find_spec(name) is None]:
        raise InputError(f"not installed: {', '.join(missing)}; run pip install -e '.[tutorials]'")
