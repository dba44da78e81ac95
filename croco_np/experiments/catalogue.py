"""All experiments by name."""

from __future__ import annotations

from . import ablation, alpha, complexity, covloss, data, figures, forms, losses, phase, sampling, sets, systems
from .experiment import Experiment

MANY, FEW = 6, 3  # seeds; few of the sweeps, whose rows are many

EXPERIMENTS = {
    "table1": Experiment(
        "Table 1: the data", "rows, users, items, click rate of each domain", "kuairand", data.collect, data.present, 0
    ),
    "table2": Experiment(
        "Table 2: all systems",
        "all systems, each domain and over all: AUC and gAUC",
        "kuairand",
        systems.collect,
        systems.present,
    ),
    "table3": Experiment(
        "Table 3: all systems",
        "the same on AliCCP, simulated where its files are not at hand",
        "aliccp",
        systems.collect,
        systems.present,
    ),
    "table4": Experiment(
        "Table 4: losses beside CovLoss",
        "ME + PEG with each loss, alpha tuned",
        "kuairand",
        losses.collect,
        losses.present,
        sets=("loss",),
    ),
    "table5": Experiment(
        "Table 5: Crocodile part by part",
        "tables, gate and CovLoss added one by one",
        "kuairand",
        ablation.collect,
        ablation.present,
    ),
    "table6": Experiment(
        "Table 6: the number of embedding tables",
        "2 to 10 tables, with and without CovLoss",
        "kuairand",
        sets.collect,
        sets.present,
        FEW,
    ),
    "figure1": Experiment(
        "Figure 1: diversity, abundance, performance",
        "DI against IA and AUC of all systems; collapse in the tail",
        "kuairand",
        figures.collect_figure1,
        figures.present_figure1,
    ),
    "figure2": Experiment(
        "Figure 2: abundance during training",
        "IA of experts and of items by exposure, epoch by epoch",
        "kuairand",
        figures.collect_figure2,
        figures.present_figure2,
    ),
    "figure4": Experiment(
        "Figure 4: singular spectra",
        "singular values of item tables, by domain and system",
        "kuairand",
        figures.collect_figure4,
        figures.present_figure4,
    ),
    "figure5": Experiment(
        "Figure 5: diversity index",
        "DI of systems and of losses",
        "kuairand",
        figures.collect_figure5,
        figures.present_figure5,
        sets=("loss",),
    ),
    "alpha": Experiment(
        "Section 5.5: the weight of CovLoss",
        "alpha from 0 to far too much",
        "kuairand",
        alpha.collect,
        alpha.present,
        FEW,
    ),
    "complexity": Experiment(
        "Section 5.6: what CovLoss costs",
        "products and time as rows, width and experts grow",
        "",
        complexity.collect,
        complexity.present,
        0,
    ),
    "sampling": Experiment(
        "Section 5.6: CovLoss on sampled rows",
        "32 to 4,096 rows: value, bias, the paper's test, training",
        "kuairand",
        sampling.collect,
        sampling.present,
        FEW,
        ("cov_rows",),
    ),
    "phase": Experiment(
        "When does disentangling help?",
        "regret by conflict and tail share in simulated worlds",
        "laboratory",
        phase.collect,
        phase.present,
        sets=("conflict", "tail_share", "l2", "alpha"),
    ),
    "forms": Experiment(
        "PEPNet and STAR in two forms",
        "one tower or one a domain; the epsilon of STAR's normalisation",
        "kuairand",
        forms.collect,
        forms.present,
        tuned=False,
    ),
    "covloss": Experiment(
        "CovLoss as a regulariser",
        "CovLoss and weight decay in two simulated worlds, many seeds",
        "laboratory",
        covloss.collect,
        covloss.present,
        covloss.SEEDS,
        ("conflict", "tail_share", "l2", "loss", "alpha"),
        tuned=False,
    ),
}
