"""Localisation and robustness of records as flat tables for other programs, beside those of `attnbench.report.export`.

Columns and their types do not depend on what the records hold.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnbench.localisation_record import STEPS
from attnbench.packed import PackedIntegers
from attnbench.record import Record


def maps_table(records: Sequence[Record]) -> Any:
    """One row a kind of map of a record.

    Returns:
        A `pyarrow.Table` with the run's `digest`, the fields of `MapScores` with a list of all images for each score,
        and the means of these, `mean_energy` and `mean_iou`.
    """
    import pyarrow

    found = [
        (record.digest, scores)
        for record in records
        if record.localisation is not None
        for scores in record.localisation.maps
    ]
    energies = [_shares(scores.energy) for _, scores in found]
    ious = [_shares(scores.iou) for _, scores in found]
    return pyarrow.table({
        "digest": pyarrow.array([digest for digest, _ in found], pyarrow.string()),
        "kind": pyarrow.array([scores.kind for _, scores in found], pyarrow.string()),
        "layer": pyarrow.array([scores.layer for _, scores in found], pyarrow.string()),
        "threshold": pyarrow.array([scores.threshold for _, scores in found], pyarrow.float64()),
        "mean_energy": pyarrow.array([float(shares.mean()) for shares in energies], pyarrow.float64()),
        "mean_iou": pyarrow.array([float(shares.mean()) for shares in ious], pyarrow.float64()),
        "energy": pyarrow.array(energies, pyarrow.list_(pyarrow.float64())),
        "iou": pyarrow.array(ious, pyarrow.list_(pyarrow.float64())),
    })  # fmt: skip


def corrupted_table(records: Sequence[Record], *, with_correct: bool = False) -> Any:
    """One row a corruption and strength of a record.

    Args:
        records: The records.
        with_correct: Whether there is a column `test_correct`, for each test image whether it was right.

    Returns:
        A `pyarrow.Table` with the run's `digest`, `corruption`, `strength` and `test_top1_percent`.
    """
    import pyarrow

    found = [(record.digest, corrupted) for record in records for corrupted in record.robustness or ()]
    percents = [100 * one.test_correct.num_true / one.test_correct.num_bits for _, one in found]
    columns = {
        "digest": pyarrow.array([digest for digest, _ in found], pyarrow.string()),
        "corruption": pyarrow.array([one.corruption for _, one in found], pyarrow.string()),
        "strength": pyarrow.array([one.strength for _, one in found], pyarrow.float64()),
        "test_top1_percent": pyarrow.array(percents, pyarrow.float64()),
    }
    if with_correct:
        answers = [one.test_correct.unpack() for _, one in found]
        columns["test_correct"] = pyarrow.array(answers, pyarrow.large_list(pyarrow.bool_()))
    return pyarrow.table(columns)


def _shares(packed: PackedIntegers) -> NDArray[np.float64]:
    return packed.unpack() / STEPS
