"""The first part of a run is exact or not given, and says whether it is as long as a check asks."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import pytest

from wganlint.builder import HEAD, LIMIT, Chunk, SeriesBuilder
from wganlint.detect.window import first_part
from wganlint.evidence import Standing
from wganlint.run import RoleGuess, Run
from wganlint.series import Series

LONG = LIMIT + 10_000


def series(key: str, texts: list[str], steps: Iterable[float] | None = None) -> Series:
    builder = SeriesBuilder(key)
    count = len(texts)
    axis = np.full(count, np.nan) if steps is None else np.fromiter(steps, np.float64, count)
    values = np.array([float(text) for text in texts])
    builder.extend(
        Chunk(axis, values, texts, np.arange(1, count + 1), np.ones(count, np.int64), [f"x={t}" for t in texts], "a")
    )
    return builder.build()


def run(*loose: Series, **roles: Series) -> Run:
    guesses = {role: RoleGuess(role, one.name, Standing.ASSUMED, "test") for role, one in roles.items()}
    return Run("a", ".", series=(*loose, *roles.values()), roles=guesses)


def numbers(count: int) -> list[str]:
    return [str(at % 7) for at in range(count)]


def test_a_long_run_is_cut_to_each_of_its_first_records() -> None:
    texts = numbers(LONG)
    texts[41] = "nan"
    loss = series("loss", texts, (float(at) for at in range(LONG)))
    assert loss.folded
    for within, count in (("50 points", 50), ("200 steps", 201), (f"{HEAD} points", HEAD)):
        found = first_part(run(critic_loss=loss), within)
        assert found is not None
        part, complete = found
        (cut,) = part.series
        assert (cut.texts, complete) == (tuple(texts[:count]), True)
        assert cut.sample().tolist() == list(range(count))
        assert [point.index for point in cut.tally.nonfinite] == [41]
        assert (cut.last.index, cut.tally.count) == (count - 1, count)


@pytest.mark.parametrize("within", ["5000 points", "5000 steps"])
def test_what_goes_beyond_the_records_that_are_all_kept_is_not_given(within: str) -> None:
    loss = series("loss", numbers(LONG), (float(at) for at in range(LONG)))
    assert first_part(run(critic_loss=loss), within) is None
    short = series("loss", numbers(LIMIT), (float(at) for at in range(LIMIT)))
    found = first_part(run(critic_loss=short), within)
    assert found is not None and found[1]


def test_a_long_series_without_a_role_stops_nothing_and_is_left_out() -> None:
    loss = series("loss", numbers(60), (100.0 * at for at in range(60)))
    other = series("seconds", numbers(LONG), (float(at) / 10 for at in range(LONG)))
    found = first_part(run(other, critic_loss=loss), "3000 steps")
    assert found is not None
    assert [one.name for one in found[0].series] == ["loss"]
    assert found[1]


def test_a_run_that_starts_again_late_is_not_cut_exactly() -> None:
    steps = [float(at) for at in range(LIMIT)] + [float(at) for at in range(10_000)]
    loss = series("loss", numbers(LONG), steps)
    assert first_part(run(critic_loss=loss), "200 steps") is None


@pytest.mark.parametrize(
    ("count", "within", "complete"),
    [
        (19, "50 points", False),
        (20, "50 points", True),  # enough for a median; 50 are asked so that slow logs can be told too
        (25, "50 points", True),
        (10, "10 points", True),
        (9, "10 points", False),
        (20, "200 points", False),
        (199, "200 points", False),
        (200, "200 points", True),
        (51, "51 points", True),
        (50, "51 points", False),
        (21, "200 steps", True),
        (20, "200 steps", False),
    ],
)
def test_a_part_is_complete_where_a_series_with_a_role_is_long_enough(count: int, within: str, complete: bool) -> None:
    loss = series("loss", numbers(count), (10.0 * at for at in range(count)))
    long = series("seconds", numbers(900), (10.0 * at for at in range(900)))
    found = first_part(run(long, critic_loss=loss), within)
    assert found is not None and found[1] is complete
    side = Run("a", ".", series=(loss, long), auxiliary=("loss",))
    found = first_part(side, within)
    assert found is not None and found[1] is complete


def test_a_run_without_roles_is_never_complete() -> None:
    found = first_part(run(series("seconds", numbers(900))), "50 points")
    assert found is not None and not found[1]
    found = first_part(Run("a", "."), "50 points")
    assert found is not None and not found[1]


def test_records_without_steps_count_for_themselves() -> None:
    loss = series("loss", numbers(40), [math.nan, *(1000.0 * at for at in range(39))])
    found = first_part(run(critic_loss=loss), "30 steps")
    assert found is not None
    assert (len(found[0].series[0]), found[1]) == (31, True)
