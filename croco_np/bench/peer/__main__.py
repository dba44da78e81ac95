"""PyTorch in the benchmark: the same models, written for PyTorch and as fast as it goes, where ours runs.

    PYTHON croco_np/bench/peer FOLDER        PYTHON needs torch and numpy, nothing else

FOLDER holds job.json, params.npz and batches.npz. Then each line of JSON on stdin is answered by one on stdout:

    {"do": "settings"}                                  {"settings": [...], "same_precision": [...], "version": ...,
                                                         "threads": ..., "device": ...}
    {"do": "train", "setting": ..., "batch": i}         {"seconds": ..., "loss": ...}, one step and the loss before it
    {"do": "predict", "setting": ..., "batch": i}       {"seconds": ..., "mean": ...}, of the probabilities
    {"do": "logits", "setting": ..., "batch": i}        {"logits": [...]}
    {"do": "memory"}                                    {"peak_rss_mb": ..., on a GPU "peak_device_mb": ...}
    {"do": "drop", "setting": ...}                      {}, its parameters are freed
    {"do": "quit"}                                      nothing, the process ends

What fails is answered by {"error": "one line"}. A setting is built when it is first used, with parameters of its own;
seconds are those of the step, and where something had to be built or compiled first, "build_seconds" tells how long.

On a GPU ("device": "cuda" in job.json) all tensors lie there from the start, and CUDA's events tell the seconds.
Written for CUDA GPUs; run on CPUs only.
"""

import json
import os
import resource
import sys
import time
from typing import Any

try:
    import torch
except ImportError:
    sys.exit("PyTorch is not installed here: pip install -e '.[peer]', or name an interpreter with --peer-python")
from contender import SETTINGS, Contender, offered
from job import read
from timer import Timer


def peak_kilobytes() -> float:
    """Largest resident memory of this process; getrusage would count the memory of the parent at the fork."""
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    except OSError:  # no Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "darwin" else 1)


class Peer:
    """The conversation: one method for each thing that can be asked."""

    def __init__(self, folder: str) -> None:
        self.job, self.params, self.batches = read(folder)
        torch.set_num_threads(self.job.threads)
        self.timer = Timer(self.job.device)
        self.contenders: dict[str, Contender] = {}
        self.compiled: set[tuple[str, str]] = set()

    def settings(self) -> dict[str, Any]:
        names, device = offered(self.job), self.job.device.type
        return {
            "settings": names,
            "same_precision": [name for name in names if SETTINGS[name].products == self.job.precision],
            "version": torch.__version__,
            "threads": torch.get_num_threads(),
            "device": torch.cuda.get_device_name() if device == "cuda" else device,
        }

    def train(self, setting: str, batch: int) -> dict[str, float]:
        contender, built = self._ready(setting, "train")
        start = self.timer.mark()
        loss = contender.train(self.batches[batch])
        seconds = self.timer.seconds(start, self.timer.mark())
        return {"seconds": seconds, "loss": float(loss), **built}

    def predict(self, setting: str, batch: int) -> dict[str, float]:
        contender, built = self._ready(setting, "predict")
        start = self.timer.mark()
        p = contender.logits(self.batches[batch]).sigmoid()
        seconds = self.timer.seconds(start, self.timer.mark())
        return {"seconds": seconds, "mean": float(p.mean()), **built}

    def logits(self, setting: str, batch: int) -> dict[str, list[float]]:
        return {"logits": self._ready(setting, "predict")[0].logits(self.batches[batch]).tolist()}

    def memory(self) -> dict[str, float]:
        found = {"peak_rss_mb": peak_kilobytes() * 1024 / 1e6}
        if self.job.device.type == "cuda":
            found["peak_device_mb"] = torch.cuda.max_memory_reserved() / 1e6
        return found

    def drop(self, setting: str) -> dict:
        self.contenders.pop(setting, None)
        self.compiled = {use for use in self.compiled if use[0] != setting}
        return {}

    def _ready(self, setting, use):
        """The contender, built and, for this use, compiled; and the seconds that took, if it was now."""
        started = time.perf_counter()
        if new := setting not in self.contenders:
            self.contenders[setting] = Contender(self.job, self.params, setting)
        contender = self.contenders[setting]
        if contender.compiled and (setting, use) not in self.compiled:
            contender.warm_up(self.batches, use == "train")
            self.compiled.add((setting, use))
            new = True
        return contender, {"build_seconds": time.perf_counter() - started} if new else {}


def main(folder: str) -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries and compilers print is no answer
    peer, refused = None, None
    try:
        peer = Peer(folder)
    except ValueError as error:
        refused = error
    for line in sys.stdin:
        question = json.loads(line)
        do = question.pop("do")
        if do == "quit":
            return
        try:
            if refused:
                raise refused
            answer = getattr(peer, do)(**question)
        except Exception as error:  # whatever it is, the benchmark goes on without this setting
            reason = str(error).strip().partition("\n")[0]
            answer = {"error": f"{type(error).__name__}: {reason}" if not refused else reason}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main(sys.argv[1])
