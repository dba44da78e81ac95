"""The paper's tables and figures, each from one command: `python -m croco_np.experiments table2 --dataset kuairand`.

An experiment is a grid of training runs and what is made of their records:

    plan (study) -> runs (pool, store) -> records (frames) -> statistics -> tables and figures (page)

study       what all runs of a command have in common: data, seeds, budget of tuning
run         one training run: its config in, its record out
store       records on disk, found by the config and the fingerprint of the data
pool        runs side by side in processes
tuning      learning rate and l2 of each system, chosen on validation rows
frames      records as tables of numbers, one row a run
statistics  intervals, paired tests, Holm, bootstrap over users, the smallest difference that could have shown
published   the paper's own numbers
"""
