"""Sentences about what a detector costs: the parts that its multiply-accumulates fall into, and its speed."""

from attnbench.report.detection.board import DetectionBoard, DetectionRow, DetectorBlock
from attnbench.report.leaderboard.compilation import compile_note
from attnbench.report.numbers import listed, macs_unit, plural, signed_count


def cost_notes(board: DetectionBoard) -> list[str]:
    """How costs are counted and timed, one paragraph a string; empty strings among them."""
    return [
        _counted(board),
        *(_parts(block, board.names[block.detector]) for block in board.blocks),
        _outside(board),
        _speed(board),
        compile_note(board.facts.spec.compute),
    ]


def _counted(board: DetectionBoard) -> str:
    rows = [row for block in board.blocks for row in block.rows]
    operators = sorted({name.removeprefix("aten::") for row in rows for name in row.counts.uncounted_operators})
    left_out = f"leave out: {', '.join(operators)}" if operators else "leave out no operator of these bodies"
    sizes = sorted({row.counts.image_size for row in rows})
    images = listed([f"{height}×{width}" for height, width in sizes])
    unit, _ = macs_unit(max(row.counts.body_macs for row in rows))
    return (
        f"{unit} and parameters are the body's, the former of an image of {images} (height × width) by fvcore's "
        f"default rules, which {left_out}. The other parts of each detector:"
    )


def _parts(block: DetectorBlock, name: str) -> str:
    row = block.baseline or block.rows[0]
    counts = row.counts
    unit, size = macs_unit(max(counts.pyramid_macs, counts.dense_macs, counts.region_macs))
    dense = "proposals" if counts.region_macs else "dense heads"
    parts = [f"pyramid {counts.pyramid_macs / size:,.2f}", f"{dense} {counts.dense_macs / size:,.2f}"]
    if counts.region_macs:
        parts.append(f"{plural(counts.num_regions, 'region')} {counts.region_macs / size:,.2f}")
    others = [
        f"{other.variant} {other.counts.pyramid_macs / size:,.2f}"
        for other in block.rows
        if other.counts.pyramid_macs != counts.pyramid_macs
    ]
    differing = f"; pyramid of {listed(others)}" if others else ""
    depends = ". How many regions there are depends on image and weights" if counts.region_macs else ""
    return f"  {name} with {row.variant}, {unit}: {', '.join(parts)}{differing}{depends}."


def _outside(board: DetectionBoard) -> str:
    """Which variants have parameters that the body's do not show."""
    found = dict[str, int]()
    for row in (row for block in board.blocks for row in block.rows):
        outside = _outside_body(row)
        if outside:
            found[row.variant] = outside
    added = [f"{variant} ({signed_count(number)})" for variant, number in found.items()]
    return f"Parameters outside the body, beside the baseline's: {listed(added)}." if added else ""


def _outside_body(row: DetectionRow) -> int:
    if row.baseline_counts is None:
        return 0
    own, base = row.counts, row.baseline_counts
    return (own.parameters - own.body_parameters) - (base.parameters - base.body_parameters)


def _speed(board: DetectionBoard) -> str:
    paces = [
        f"{board.names[block.detector]} {block.baseline.images_per_s:,.3g}" for block in board.blocks if block.baseline
    ]
    pace = f" Images/s of the baseline: {listed(paces)}." if paces else ""
    return (
        "images/s is inference of one image at a time by detectors before training, from resizing to final boxes, "
        f"each pass beside one of the baseline: median ratio, quartiles in brackets.{pace}"
    )
