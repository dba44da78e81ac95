"""Pictures of lesson 9 say what can be counted by hand."""

import pytest

from croco_np.teaching.pictures.lesson09 import ROWS, lines_of_memory, operations_per_byte, owners, roofline


def test_the_blackboard_layer_has_48_operations_for_104_bytes():
    assert operations_per_byte(4, 3, 2) == 48 / 104


def test_the_roofline_turns_where_memory_and_arithmetic_take_as_long():
    said = roofline(gflops=80, gbytes=10).said
    for m, told in zip(ROWS, said, strict=True):
        fast_enough = operations_per_byte(m, 368, 512) > 8
        assert ("limit is arithmetic" if fast_enough else "limit is memory") in told
    assert "1 x 368 x 512: 0.498 operations a byte" in said[0]  # 2 * 188416 / 4 (368 + 188416 + 512)
    assert "4.98 \u00b7 10\u2079" in said[0]


def test_along_rows_a_line_is_fetched_once_and_down_columns_for_every_number():
    said = lines_of_memory(size=8, line=4, held=4).said
    assert said[63].startswith("along rows: 64 numbers used, 16 lines of 4 fetched, 4 a line")
    assert said[127].startswith("down columns: 64 numbers used, 64 lines of 4 fetched, 1 a line")


def test_a_cache_for_all_lines_makes_columns_as_cheap_as_rows():
    assert "16 lines of 4 fetched" in lines_of_memory(size=8, line=4, held=16).said[-1]


@pytest.mark.parametrize(("way", "sums"), [(0, [2, 3, 1, 1]), (1, [2, 3, 2, 1])])
def test_who_splits_the_batch_loses_an_addition_and_who_splits_the_sums_does_not(way, sums):
    scene = owners(slots=(1, 0, 2, 1, 3, 1, 2, 0))
    steps = len(scene.said) // 2
    last = scene.said[way * steps + steps - 1]
    assert str(sums) in last
    assert ("one addition is lost" in last) == (way == 0)
