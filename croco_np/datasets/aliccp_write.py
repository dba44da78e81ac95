"""Rows of raw feature ids as text in the format of AliCCP, see `tianchi`: the writer of the simulator.

Text is built as a matrix of bytes: NumPy pads byte strings with NUL to one width, so columns of strings sit side by
side and the padding is cut out at the end.
"""

from collections.abc import Sequence

import numpy as np

# ln(1 + n) for n times: the weights of history and cross features
VALUES = np.array([b"", b"0.69315", b"1.09861", b"1.38629", b"1.60944"])


def token_table(field: str, ids: np.ndarray, end: bytes = b"\x031.0") -> np.ndarray:
    """The tokens of a field by level, byte strings (n + 1,): level 0 is no token, level l is feature ids[l - 1]."""
    return np.array([b"", *(b"\x01%s\x02%d%s" % (field.encode(), i, end) for i in ids.tolist())])


def random_tokens(
    rng: np.random.Generator,
    field: str,
    block: tuple[int, int],
    n: int,
    most: int,
    values: Sequence[bytes] | np.ndarray = VALUES[1:],
) -> np.ndarray:
    """Byte strings (n,), each of 1 to `most` tokens of a multi-valued field, ids and values at random."""
    ids, values = rng.integers(*block, (n, most)), rng.choice(values, (n, most))
    tokens = [b"\x01%s\x02%d\x03%s" % (field.encode(), *pair) for pair in zip(ids.flat, values.flat, strict=True)]
    counts = rng.integers(1, most + 1, n).tolist()
    return np.array([b"".join(tokens[i * most : i * most + count]) for i, count in enumerate(counts)])


def text_of(columns: list[np.ndarray], tokens: list[np.ndarray]) -> bytes:
    """Lines of text, as bytes.

    columns  byte strings (n,) each, before feature_num
    tokens   byte strings (n,) each, of any number of tokens that begin with their separator
    """
    body = _side_by_side(tokens)
    counts = (body == 1).sum(axis=1).astype("S4")
    commas = np.full(len(counts), b",")
    ends = np.full(len(counts), b"\n")
    head = _side_by_side([part for column in (*columns, counts) for part in (column, commas)])
    wide = np.concatenate([head, body, _side_by_side([ends])], axis=1)
    return wide[wide != 0].tobytes().replace(b",\x01", b",")  # the first token has no separator before it


def _side_by_side(columns):
    return np.concatenate([np.ascontiguousarray(c).view(np.uint8).reshape(len(c), -1) for c in columns], axis=1)
