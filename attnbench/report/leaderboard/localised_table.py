"""The table of where maps lie, with its controls and the sentences below it."""

from collections import Counter
from collections.abc import Callable, Sequence

from attnbench.localisation_record import MapKind
from attnbench.report.leaderboard.cells import Cell, TableColumn, TablePart
from attnbench.report.leaderboard.localised import CONTROLS, OF_MODELS, Localised, LocalisedMap
from attnbench.report.leaderboard.score_columns import (
    differences_line,
    intervals_line,
    score_column,
    score_difference_column,
)
from attnbench.report.leaderboard.scores import Score
from attnbench.report.numbers import listed, plural

NAMES: dict[MapKind, str] = {
    "grad-cam": "Grad-CAM",
    "attention": "attention",
    "random": "random",
    "centre": "centre",
    "image": "image",
}
"""What a table calls each kind of map."""


def localised_part(found: Localised) -> TablePart:
    """The table: of Grad-CAM and of attention what lies on the object, and below it what controls would give."""
    kinds = [kind for kind in OF_MODELS if any(kind in maps for maps in found.variants.values())]
    return TablePart(
        name="Localisation",
        rows=(*found.variants, *map(control_name, found.controls)),
        num_variants=len(found.variants),
        groups=tuple(_columns(found, kind) for kind in kinds),
        raw=_of_controls(found),
        notes=tuple(filter(None, _notes(found))),
    )


def control_name(kind: MapKind) -> str:
    """What a row or a plot calls a control."""
    return f"control: {NAMES[kind]}"


def beaten_by_controls(found: Localised) -> dict[MapKind, list[str]]:
    """Of each kind of map the variants whose mean share on the object is not above that of every control."""
    most = max((control.energy.percent for control in found.controls.values()), default=None)
    if most is None:
        return {}
    below = {
        kind: [name for name, maps in found.variants.items() if kind in maps and maps[kind].energy.percent <= most]
        for kind in OF_MODELS
    }
    return {kind: names for kind, names in below.items() if names}


def _columns(found: Localised, kind: MapKind) -> tuple[TableColumn, ...]:
    # A control stands beside the maps of both kinds.
    maps = [*(maps.get(kind) for maps in found.variants.values()), *found.controls.values()]
    name, key = NAMES[kind], kind.replace("-", "_")

    def scores(part: Callable[[LocalisedMap], Score]) -> list[Score | None]:
        return [None if one is None else part(one) for one in maps]

    energies = scores(lambda one: one.energy)
    on_object = score_column(energies, header=f"{name}\non object %", key=f"{key}_on_object")
    overlap = score_column(scores(lambda one: one.iou), header=f"{name}\nIoU %", key=f"{key}_iou")
    if kind == "attention":
        return on_object, overlap, _layers(maps)
    compared = any(score is not None and score.difference is not None for score in energies)
    difference = [score_difference_column(energies, key=f"{key}_on_object")] if compared else []
    return on_object, *difference, overlap


def _layers(maps: Sequence[LocalisedMap | None]) -> TableColumn:
    """The layers that were chosen, most often first."""

    def cell(one: LocalisedMap | None) -> Cell:
        layers = Counter(one.layers).most_common() if one is not None else []
        if not layers or not layers[0][0]:
            return Cell(raw=(None, None))
        (name, number), *_ = layers
        others = ", ".join(layer for layer, _ in layers[1:])
        return Cell(text=name, beside=f"or {others}" if others else "", raw=(name, number))

    keys = ("attention_layer", "attention_layer_num_seeds")
    return TableColumn(header="layer", keys=keys, cells=tuple(map(cell, maps)))


def _of_controls(found: Localised) -> tuple[TableColumn, ...]:
    """What each control gives, the same in every row, for formats that have a row a variant alone."""
    return tuple(
        TableColumn(header="", keys=(f"{kind}_{name}_percent",), cells=(Cell(raw=(value,)),) * len(found.variants))
        for kind, control in found.controls.items()
        for name, value in (("on_object", control.energy.percent), ("iou", control.iou.percent))
    )


def _notes(found: Localised) -> list[str]:
    maps = [one for of_variant in found.variants.values() for one in of_variant.values()]
    differences = [one.energy.difference for one in maps if one.energy.difference is not None]
    return [
        _meaning_line(found),
        _layers_line(found),
        controls_line(found),
        intervals_line([one.energy for one in maps]) if maps else "",
        differences_line([differences]),
    ]


def _meaning_line(found: Localised) -> str:
    return (
        "On object: each map is stretched to [0, 1], image by image, and this share of its sum lies on the object, "
        f"over the first {plural(found.num_images, 'test image')} (the energy-based pointing game of Wang et al., "
        "Score-CAM, arXiv 1910.01279). IoU: overlap of the object with where the map reaches a threshold, the one that "
        f"is best on {plural(found.num_validation_images, 'validation image')}. A map that is the same everywhere "
        f"counts as one of ones, and has the object's share of the image: {found.object_share_percent:.2f} %."
    )


def _layers_line(found: Localised) -> str:
    kinds = {kind: [maps[kind] for maps in found.variants.values() if kind in maps] for kind in OF_MODELS}
    without = [name for name, maps in found.variants.items() if "attention" not in maps]
    layers = sorted({layer for one in kinds["grad-cam"] for layer in one.layers})
    grad_cam = f"Grad-CAM is of {listed(layers)}, for the true class." if layers else ""
    attention = (
        "Attention is what the module leaves of each position, |output| by |input| summed over channels, in the layer "
        "with the largest share on the object in the validation images; where seeds differ in it, all are named."
        if kinds["attention"]
        else ""
    )
    alone = f"No attention maps: {listed(without)}." if without else ""
    return " ".join(filter(None, (grad_cam, attention, alone)))


def controls_line(found: Localised) -> str:
    """What the controls are, and which maps are no better; nothing where there are none."""
    if not found.controls:
        return ""
    meanings = {
        "random": "random is uniform noise in the resolution of the last stage",
        "centre": "centre a Gaussian at the image's middle",
        "image": "image its own brightness (absolute value of the normalised pixels)",
    }
    words = ", ".join(meanings[kind] for kind in CONTROLS if kind in found.controls)
    best = max(found.controls, key=lambda kind: found.controls[kind].energy.percent)
    text = f"Controls know nothing of the model: {words}. A map that is no more on the object than these shows nothing."
    below = beaten_by_controls(found)
    if not below:
        return text
    names = "; ".join(f"{NAMES[kind]} of {listed(variants)}" for kind, variants in below.items())
    return f"{text} No more on the object than {best} by their means: {names}."
