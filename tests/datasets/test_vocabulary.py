"""Vocabularies at their limits."""

import numpy as np
import pytest

from croco_np.datasets.vocabulary import Vocabulary
from croco_np.errors import InputError


def test_ids_fit_int32():
    values = np.broadcast_to(np.int8(0), 2**31 - 1)  # takes one byte
    with pytest.raises(InputError, match="--min-count"):
        Vocabulary(values)
    assert Vocabulary(values[1:]).size == 2**31 - 1  # the last id is 2**31 - 2
