"""Does a fault hurt, is a healthy run healthy: decided from truth.json alone, before any judge has seen the run."""

from __future__ import annotations

from typing import Any

# A fault hurts if one of these holds against its healthy twin, which has the same seed.
WORSE = 1.5  # times the twin's distance, and
WORSE_BY = 0.1  # more than the twin's distance, in units of the reals' spread
NOT_MOVED = 1e-6  # of the generator's weights: no gradient reached them
MEMORY = 50.0  # MiB that the run grew more than its twin

# A healthy run has come down to this share of its first distance, or, where it ends early, has begun to.
LEARNT = 0.5
BEGUN = 0.8


def harm(truth: dict[str, Any], twin: dict[str, Any]) -> str:
    """How the fault hurts, in a few words; empty if it does not."""
    if truth["exit"] and not twin["exit"]:
        return "crashed"
    if not truth["weights_finite"]:
        return "weights not finite"
    end, ours = truth["distance_end"], twin["distance_end"]
    if end is None:
        return "samples not finite"
    if truth["generator_moved"] < NOT_MOVED:
        return "generator did not move"
    if end >= max(WORSE * ours, ours + WORSE_BY):
        return f"distance {end:.2f}, twin {ours:.2f}"
    grown = truth["memory_growth_mib"] - twin["memory_growth_mib"]
    if grown >= MEMORY:
        return f"memory grew by {grown:.0f} MiB more"
    return ""


def unhealthy(truth: dict[str, Any], short: bool) -> str:
    """Why a run that was meant to be healthy cannot count as such; empty if it can."""
    if truth["exit"] or not truth["weights_finite"] or truth["distance_end"] is None:
        return "crashed or not finite"
    share = truth["distance_end"] / truth["distance_start"]
    if share > (BEGUN if short else LEARNT):
        return f"distance still {share:.2f} of the first"
    return ""
