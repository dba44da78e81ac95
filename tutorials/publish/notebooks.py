"""A tutorial in percent format -> an executed notebook, the same file in each build."""

import re
import tempfile
import time

from croco_np.errors import InputError
from croco_np.storage.files import replacing
from croco_np.teaching import notebook as nb

from .extra import need
from .outputs import differences

LONGEST = 300  # seconds a notebook may take before it counts as hung
ADDRESS = re.compile(r" at 0x[0-9a-f]+(?=>)")
PROGRESS = re.compile(r"^[^\n]*: \d+% of [\d,]+ [^\n]*/s\n", re.MULTILINE)  # of a bar: depends on the clock
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "pygments_lexer": "ipython3"},
}


def execute(path, longest=LONGEST):
    """Run tutorials/NN_name.py in a fresh kernel of this Python -> notebook, tidied.

    Raises InputError, one line, if a cell fails or the notebook hangs.
    """
    need("jupytext", "nbclient", "ipykernel")
    import jupytext
    import matplotlib.font_manager  # noqa: F401  # its cache is built here, and not told of in a notebook
    from jupyter_client import AsyncKernelManager
    from jupyter_client.kernelspec import KernelSpecManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    notebook = jupytext.read(path, fmt="py:percent")
    end = time.monotonic() + longest
    with tempfile.TemporaryDirectory() as sockets:  # not ports, which kernels that start together would fight for
        client = NotebookClient(
            notebook,
            km=AsyncKernelManager(
                kernel_name="python3",
                kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),  # what is left is this interpreter's own
                transport="ipc",
                ip=f"{sockets}/kernel",
            ),
            resources={"metadata": {"path": str(path.parent)}},
            timeout_func=lambda cell: max(1, int(end - time.monotonic())),
            allow_errors=True,
            record_timing=False,
            coalesce_streams=True,
            on_cell_executed=_stop_at_error,
        )
        try:
            client.execute(cleanup_kc=True)
        except _Failed as failed:
            raise InputError(f"{path.name}, {failed}") from None
        except CellTimeoutError:
            raise InputError(f"{path.name}: not done after {longest} s") from None
        except AssertionError:  # what is left after nbclient's own answer to Ctrl-C, which stops the kernel
            raise KeyboardInterrupt from None
        except (DeadKernelError, RuntimeError) as error:
            raise InputError(f"{path.name}: its kernel died or did not start: {error}") from None
    return tidy(notebook)


class _Failed(Exception):
    """A cell that raised: which, and what."""


def _stop_at_error(cell, cell_index, execute_reply):
    reply = execute_reply["content"]
    if reply["status"] == "error" and "raises-exception" not in cell.metadata.get("tags", ()):
        line = cell.source.strip().partition("\n")[0]
        said = reply["evalue"].strip().partition("\n")[0]
        raise _Failed(f"cell {cell_index} ({line}): {reply['ename']}: {said}")


def tidy(notebook):
    """Leave nothing in a notebook that another run would change: times, addresses, versions, drawn ids."""
    notebook["metadata"] = {name: dict(entry) for name, entry in METADATA.items()}
    notebook["nbformat"], notebook["nbformat_minor"] = 4, 5
    for i, cell in enumerate(notebook["cells"]):
        cell["id"] = f"cell-{i:02d}"
        tags = cell["metadata"].get("tags")
        cell["metadata"] = {"tags": list(tags)} if tags else {}
        for output in cell.get("outputs", ()):
            if "text" in output:
                output["text"] = PROGRESS.sub("", ADDRESS.sub("", output["text"]))
            for kind, data in output.get("data", {}).items():
                if kind.startswith("text/"):
                    output["data"][kind] = ADDRESS.sub("", data)
        if "outputs" in cell:
            cell["outputs"] = [o for o in cell["outputs"] if o.get("text") != ""]
    notebook["metadata"][nb.OURS] = {"built": nb.digest(notebook)}
    return notebook


def source(path):
    """The cells of tutorials/NN_name.py, not run -> notebook."""
    need("jupytext")
    import jupytext

    return jupytext.read(path, fmt="py:percent")


def save(notebook, path):
    """Write a notebook, whole or not at all."""
    import nbformat

    text = nbformat.writes(notebook)
    with replacing(path, encoding="utf-8") as file:
        file.write(text if text.endswith("\n") else text + "\n")


def renew(notebook, path):
    """Write a notebook that was built -> whether that changes the file: one that says the same stays as it is.

    So pixels, timings and last digits, which differ from run to run, change no tracked file.
    """
    if path.exists() and is_readable(path) and says_the_same(notebook, load(path)):
        return False
    save(notebook, path)
    return True


def says_the_same(notebook, stored):
    """Whether a stored notebook has the cells and the metadata of one built anew, and outputs that say the same."""
    if [(c.cell_type, c.source, c.metadata) for c in notebook.cells] != [
        (c.cell_type, c.source, c.metadata) for c in stored.cells
    ]:
        return False
    counts = [[c.get("execution_count") for c in n.cells] for n in (notebook, stored)]
    return notebook.metadata == stored.metadata and counts[0] == counts[1] and differences(notebook, stored) == []


def is_readable(path):
    """Whether a file is a notebook; one that is half-written, empty or has marks of a merge is none."""
    try:
        nb.read(path)
    except InputError:
        return False
    return True


def why_left(path):
    """Why a build leaves tutorials/NN_name.ipynb as it is, in words; "" if it may replace it.

    Either it is no notebook, or somebody worked in it: its cells are neither those built nor those of the .py.
    """
    if not path.exists():
        return ""
    if not is_readable(path):
        return "cannot be read as a notebook (half-written?), so it was left as it is; --replace builds it anew"
    if worked_in(path):
        return (
            "somebody worked in it, so it was left as it is; python -m croco_np.learn copies it with its answers to a "
            "folder that is never overwritten, then --replace builds it anew"
        )
    return ""


def worked_in(path):
    """Whether somebody worked in a notebook: its cells are neither those built nor those of the .py beside it."""
    notebook = nb.read(path)
    return not nb.is_as_built(notebook) and nb.digest(notebook) != nb.digest(source(path.with_suffix(".py")))


def load(path):
    """Read tutorials/NN_name.ipynb; InputError if it is not there or is not a notebook."""
    need("nbformat")
    import nbformat

    if not path.exists():
        raise InputError(f"{path.name}: not built yet; run python -m tutorials.publish --notebooks-only")
    if not is_readable(path):
        raise InputError(
            f"{path}: cannot be read as a notebook (half-written?); python -m tutorials.publish --replace "
            f"--only {int(path.name[:2])} builds it anew"
        )
    return nbformat.read(path, as_version=4)
