"""Part 6: training on KuaiRand's log on the device and on the host, from one seed, ends at the same test AUC.

In float32 the two drift apart by rounding, as two runs of one seed with other numbers of threads would. Their AUC may
differ by 0.002; another seed changes it by more.
"""

from collections.abc import Iterator
from dataclasses import replace

from croco_np.config import Config
from croco_np.datasets.load import load
from croco_np.train.loop import fit
from croco_np.train.results import measure
from croco_np.train.trainer import Trainer

from .item import Found, Item, NotRun, Place

TOLERANCE = 2e-3
SMALL = {"embedding_width": 8, "prior_width": 8, "n_experts": 3, "expert_sizes": (32,), "tower_sizes": (16,)}
LEARNS = {"lr": 2e-3, "alpha": 1e-4, "seed": 1, "epochs": 2}


def kuairand(place: Place) -> Iterator[Item]:
    if place.kuairand is None or not place.kuairand.is_dir():
        yield Item("KuaiRand", lambda: not_there(place.kuairand))
        yield Item("data", lambda: "a laboratory data set (simulated) in its place")
        rows, batch_size = (3_000, 512) if place.standin else (200_000, 2048)
        config = Config(dataset="laboratory", world_rows=rows, batch_size=batch_size, **SMALL, **LEARNS)
    else:
        config = Config(dataset="kuairand", data_dir=str(place.kuairand), batch_size=2048, **SMALL, **LEARNS)
    found: dict = {}

    def read():
        found["splits"] = splits = load(config)
        return f"{splits.name}{' (simulated)' if splits.simulated else ''}: {splits.train.n:,} rows to train on"

    def trained(backend):
        def train():
            if "splits" not in found:
                raise NotRun("there are no data")
            own = replace(config, backend=backend)
            trainer = Trainer.from_config(own, found["splits"])
            state = trainer.start()
            fit(trainer, state, epochs=own.epochs, progress=False, say=lambda line: None)
            metrics = measure(trainer, state, own)
            found[backend] = metrics["overall"]["auc"]
            return f"test AUC {found[backend]:.4f}, {metrics['train_rows_per_second']:,.0f} rows/s"

        return train

    yield Item("rows", read)
    yield Item("on the device", trained("cupy"))
    yield Item("on the host", trained("numpy"))
    yield Item("test AUC, device - host", lambda: difference(found), TOLERANCE)


def not_there(folder):
    raise NotRun(f"{folder or '--kuairand DIR'}: no such folder")


def difference(found: dict) -> Found:
    if not {"cupy", "numpy"} <= found.keys():
        raise NotRun("one of the two has no AUC")
    return Found(abs(found["cupy"] - found["numpy"]))
