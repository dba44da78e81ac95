import pytest

from croco_np import backend
from croco_np.kernels.twin import using


@pytest.fixture
def gpu(monkeypatch):
    """The stand-in in the place of a GPU, and NumPy's side of the kernels to compare it with."""
    monkeypatch.setenv(backend.CHOSEN, "standin")
    with using("numpy"):
        yield backend.load("cupy")
