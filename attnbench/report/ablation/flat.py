"""An ablation as CSV and JSON, for programs: values as measured, nothing rounded."""

from dataclasses import asdict
from typing import Any

from attnbench.report.ablation.ablation import Ablation
from attnbench.report.ablation.table import ablation_table
from attnbench.report.diverged import diverged_fields, num_diverged
from attnbench.report.leaderboard.cells import Raw
from attnbench.report.leaderboard.flat import csv_of, difference_fields, json_of, values_of
from attnbench.variant import Setting, format_setting


def ablation_csv(ablation: Ablation) -> str:
    """One line a variant, in the ablation's order, with a header; a value that is not there is empty."""
    return csv_of(_rows(ablation))


def ablation_json(ablation: Ablation) -> str:
    """The design, what the variants have in common, each of them, every two compared, and the notes."""
    content: dict[str, Any] = {
        "design": asdict(ablation.design),
        "facts": asdict(ablation.board.facts),
        "rows": [
            line | {"digests": [record.digest for record in row.records]}
            for line, row in zip(_rows(ablation), ablation.board.rows, strict=True)
        ],
        "to_reference": [difference_fields(found) for found in ablation.to_reference.values()],
        "differences": [difference_fields(found) for found in ablation.board.differences],
        "diverged": diverged_fields(ablation.board.diverged),
        "notes": list(ablation_table(ablation).notes),
    }
    return json_of(content)


def _rows(ablation: Ablation) -> list[dict[str, Raw]]:
    spec, design, table = ablation.board.facts.spec, ablation.design, ablation_table(ablation)
    common: dict[str, Raw] = {
        "ablation": design.kind,
        "data": spec.data,
        "backbone": spec.backbone,
        "epochs": spec.recipe.epochs,
        "baseline": spec.baseline,
        "reference": design.reference,
    }
    return [
        common
        | {"variant": row.records[0].spec.attention, "row": row.variant}
        | _settings(ablation, row.variant)
        | values_of(table.columns, place)
        | {"num_diverged": num_diverged(ablation.board.diverged, row.variant)}
        for place, row in enumerate(ablation.board.rows)
    ]


def _settings(ablation: Ablation, name: str) -> dict[str, Raw]:
    """What the ablation changes; none for a baseline that is no point of it."""
    settings, point = ablation.design.settings, ablation.points.get(name)
    values: tuple[Setting, ...] = (None,) * len(settings) if point is None else point.values
    return {f"setting_{setting}": _raw(value) for setting, value in zip(settings, values, strict=True)}


def _raw(value: Setting) -> Raw:
    return format_setting(value) if isinstance(value, bool | tuple) else value
