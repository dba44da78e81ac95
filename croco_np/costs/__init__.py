"""What a system costs: parameters, multiply-adds, what each domain owns: `python -m croco_np.costs`.

budget    counts them, on a model of tiny tables
products  notes the matrix products of a forward pass while it runs
match     sizes at which one system has as many parameters as another
schemas   columns like those of the paper's data sets, for counting without data
"""
