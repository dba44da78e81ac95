"""Where arrays lie: in the memory of the host (NumPy), or in that of a GPU (CuPy). The only file that imports CuPy.

The rest of the package is written in NumPy and does not ask. A device array answers NumPy's functions itself, so
`np.exp(x)` is computed where x lies, and new arrays are made beside others by `like=`: the device follows the data.
What a backend is asked for is to bring arrays there, to count the device's memory, and to wait for it.

    backend = load("cupy")
    params = tree_map(backend.bring, params)     then every forward, backward and step runs on the GPU
    host(params["experts"][0]["W"])              an array of the host again

Nothing of CuPy or CUDA is imported until `load("cupy")`.
"""

import importlib
import importlib.util
import os
from typing import Any, NamedTuple, Protocol

import numpy as np

from .errors import InputError

NAMES = ("numpy", "cupy")
PRECISIONS = ("float32", "tf32")
CHOSEN = "CROCO_NP_CUPY"  # environment variable: "standin" puts `croco_np.standin` in CuPy's place
EXTRA = "pip install 'croco-np[gpu]'"
ON_HOST = np.empty(0)  # an array of the host, for what is made `like` one
KINDS: set[type] = {np.ndarray}  # classes of arrays that functions take as they are
NO_ROOM = ("cudaErrorMemoryAllocation", "CUBLAS_STATUS_ALLOC_FAILED", "CUDA_ERROR_OUT_OF_MEMORY")
TF32_SINCE = (8, 0)  # compute capability
DEFAULT_MATH, TF32_MATH = 0, 3  # modes of cuBLAS: CUBLAS_DEFAULT_MATH, CUBLAS_TF32_TENSOR_OP_MATH
_device_kinds: dict[type, "Gpu"] = {}  # classes of device arrays, and whose they are
_loaded: dict[str, "Backend"] = {}


def on_device(a: Any) -> bool:
    """Whether `a` is an array in a device's memory. A look at its values then makes the host wait for the device."""
    return type(a) in _device_kinds


def host(a: Any) -> Any:
    """An array in the host's memory: a copy of a device array, for which the host waits, or else `a` itself."""
    return a.get() if on_device(a) else a


class Backend(Protocol):
    """What training and the instruments ask of the place where arrays lie.

    name   "numpy" or "cupy"
    where  the device in words, such as "NVIDIA H100 80GB HBM3"
    """

    name: str
    where: str

    def is_out_of_memory(self, error: Exception) -> bool:
        """Whether an exception says that a device has no room; of the host none does."""

    def bring(self, a: np.ndarray) -> Any:
        """An array of the host, copied to the device; where the host is the device, the array itself."""

    def wait(self) -> None:
        """Return when all that was asked of the device is done."""

    def memory(self) -> "Memory | None":
        """The device's memory; None of the host, which is not counted here."""

    def multiply_in(self, precision: str) -> None:
        """Multiply float32 matrices in a precision of `PRECISIONS` from here on."""


class Memory(NamedTuple):
    """Bytes of a device's memory: all of it, what nobody has taken, and what this process keeps for its arrays."""

    total: int
    free: int
    kept: int


class Host:
    """NumPy's arrays."""

    name, where = "numpy", "the processor"

    def is_out_of_memory(self, error: Exception) -> bool:
        return False

    def bring(self, a: np.ndarray) -> np.ndarray:
        return a

    def wait(self) -> None:
        """The host's work is done when a function returns."""

    def memory(self) -> None:
        return None

    def multiply_in(self, precision: str) -> None:
        """A processor multiplies in full, whatever is asked for."""


HOST = Host()


class Gpu:
    """CuPy's arrays on the current CUDA device.

    xp          the module `cupy`; streams, events and pinned memory are taken from it
    is_standin  whether it is the stand-in: no GPU is used, and no time is worth measuring
    """

    name = "cupy"

    def __init__(self, xp: Any) -> None:
        self.xp = xp
        self.is_standin = xp.__name__ != "cupy"
        properties = xp.cuda.runtime.getDeviceProperties(xp.cuda.runtime.getDevice())
        self.where = properties["name"].decode()
        self.capability = (properties["major"], properties["minor"])
        self.n_processors = properties["multiProcessorCount"]

    def begin(self) -> None:
        """Begin work on the device. A card that is full, or that another process keeps for itself, refuses this first.

        CUDA counts and describes cards without it, and would refuse in the middle of what comes later.
        """
        self.memory()
        self.xp.cuda.device.get_cublas_handle()

    def bring(self, a: np.ndarray) -> Any:
        return self.xp.asarray(a)

    def wait(self) -> None:
        self.xp.cuda.get_current_stream().synchronize()

    def memory(self) -> Memory:
        free, total = self.xp.cuda.runtime.memGetInfo()
        return Memory(total, free, self.xp.get_default_memory_pool().total_bytes())

    def multiply_in(self, precision: str) -> None:
        """Multiply float32 matrices in "float32", or in "tf32": on tensor cores, with 10 bits of each factor.

        CuPy has a setting for products of two matrices. For products of stacked ones it calls a function of cuBLAS
        that takes no such argument, and obeys the mode of the library's handle. Raises InputError for a GPU without
        such cores.
        """
        if precision == "tf32" and self.capability < TF32_SINCE and not self.is_standin:
            raise InputError(f"--precision tf32: {self.where} cannot; it came with compute capability 8.0")
        linalg, is_tf32 = self.xp._core._routines_linalg, precision == "tf32"
        kind = linalg.COMPUTE_TYPE_TF32 if is_tf32 else linalg.COMPUTE_TYPE_FP32
        linalg.set_compute_type(np.dtype(np.float32), kind)
        handle = self.xp.cuda.device.get_cublas_handle()
        self.xp.cuda.cublas.setMathMode(handle, TF32_MATH if is_tf32 else DEFAULT_MATH)

    def release(self) -> None:
        """Give memory that is kept for arrays to come, and holds none now, back to the device."""
        self.xp.get_default_memory_pool().free_all_blocks()

    def compute_type(self, dtype: np.dtype) -> int:
        """How cuBLAS is to multiply matrices of float32, see `multiply_in`, or of float64."""
        linalg, cublas = self.xp._core._routines_linalg, self.xp.cuda.cublas
        if dtype.itemsize == 8:
            return cublas.CUBLAS_COMPUTE_64F
        in_tf32 = linalg.get_compute_type(dtype) == linalg.COMPUTE_TYPE_TF32
        return cublas.CUBLAS_COMPUTE_32F_FAST_TF32 if in_tf32 else cublas.CUBLAS_COMPUTE_32F

    def is_out_of_memory(self, error: Exception) -> bool:
        """Whether there is no room for an array, or for what a library, a stream or a compiled kernel needs."""
        full = isinstance(error, self.xp.cuda.memory.OutOfMemoryError)
        return full or any(status in str(error) for status in NO_ROOM)


def load(name: str) -> Any:
    """The backend of a name, ready to use: `Host` or `Gpu`.

    Raises InputError where CuPy is not installed, cannot be loaded, or finds no GPU.
    """
    if name not in NAMES:
        raise InputError(f"backend {name!r:.40}: choose {' or '.join(NAMES)}")
    if name not in _loaded:
        _loaded[name] = HOST if name == "numpy" else _gpu(cupy())
    return _loaded[name]


def standin() -> Any:
    """The stand-in as a backend, beside whatever `load` gives: for counting what is asked of a device."""
    return _gpu(importlib.import_module(f"{__package__}.standin.module"))


def of(a: Any) -> Any:
    """The backend whose array `a` is."""
    return _device_kinds.get(type(a), HOST)


def is_installed() -> bool:
    """Whether there is a CuPy to load, or the stand-in is asked for. Loads nothing."""
    return bool(os.environ.get(CHOSEN)) or importlib.util.find_spec("cupy") is not None


def cupy() -> Any:
    """The module `cupy`, or the stand-in where CROCO_NP_CUPY asks for it. Raises InputError."""
    asked = os.environ.get(CHOSEN, "")
    if asked not in ("", "standin"):
        raise InputError(f"{CHOSEN}={asked}: must be standin, or not be set")
    if asked:
        return importlib.import_module(f"{__package__}.standin.module")
    try:
        return importlib.import_module("cupy")
    except ModuleNotFoundError as error:
        if error.name == "cupy":
            raise InputError(
                f"--backend cupy needs CuPy, which is not installed: {EXTRA}; --backend numpy runs without a GPU"
            ) from None
        raise _unusable("CuPy cannot be loaded", error) from error
    except (Exception, SystemExit) as error:  # a library of CUDA is missing, or does not fit: CuPy raises what it likes
        raise _unusable("CuPy cannot be loaded", error) from error


def _unusable(what, error):
    said = " ".join(str(error).split()) or type(error).__name__
    if "cudaErrorInsufficientDriver" in said:
        said = "no driver of NVIDIA's is installed, or one too old for this CuPy: nvidia-smi says which CUDA it knows"
    return InputError(f"--backend cupy: {what} ({said:.200}); --backend numpy runs without a GPU")


def _gpu(xp):
    """CuPy ready to use: its arrays are known from here on."""
    try:
        n = xp.cuda.runtime.getDeviceCount()
        gpu = Gpu(xp) if n else None
        if gpu:
            gpu.begin()
    except Exception as error:
        raise _unusable("no GPU can be used", error) from error
    if gpu is None:
        raise InputError("--backend cupy: there is no GPU; --backend numpy runs without one")
    KINDS.add(xp.ndarray)
    _device_kinds[xp.ndarray] = gpu
    return gpu
