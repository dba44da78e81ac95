"""A stand-in for CuPy: arrays in the host's memory that allow what CuPy's arrays allow, and refuse what they refuse.

It is how code for a GPU is tested where there is none. `CROCO_NP_CUPY=standin` puts it in CuPy's place, so that
`--backend cupy` runs with it; its numbers are NumPy's to the last bit, and it is slower than NumPy.

What it keeps to is CuPy 14.2.0, as read from its source and its signatures:

    NumPy's functions    answered by the array itself (`__array_function__`, `__array_ufunc__`, `like=`), those that
                         CuPy has (`cupy_functions.txt`), with the arguments that CuPy has for them
    host arrays          refused beside a device array, and a device array is refused where a host array is wanted:
                         `np.asarray(x)` raises TypeError, which names the file and the line
    Python's numbers     taken, and NumPy's scalars
    ufunc.at             `np.add.at` alone; `reduce` and `accumulate` of add and multiply
    results of sums      arrays without an axis, not numbers; `float(x)` waits for the device
    shape=0, shape=()    refused by `zeros_like` and its kin: CuPy takes them for no shape at all
    x.flags              of contiguity, but not whether the array may be written to

It is stricter than CuPy in four things that CuPy lets pass and that go wrong: a host array as an index, which is
copied each time; two writes to one place, of which any may win; an index out of range, which wraps around;
`np.add.reduceat`, which subtracts running sums.

It differs from CuPy where no line of the package can tell: what is computed from views with swapped axes lies in memory
as NumPy puts it, while CuPy puts it in C order.
"""
