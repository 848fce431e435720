"""What the numbers of an efficiency table mean, and what they do not tell."""

from collections.abc import Iterator

from attnbench.report.efficiency.table import EfficiencyTable, RankBy
from attnbench.report.efficiency.timed import explained_phase
from attnbench.report.numbers import four_digits, plural

_ORDERS: dict[RankBy, str] = {
    "full": "FLOPs in full",
    "fvcore": "FLOPs in fvcore",
    "published": "FLOPs in published",
    "params": "parameters",
    "traffic": "traffic",
    "inference": "the ratio of an inference step's time to the baseline's",
    "training": "the ratio of a training step's time to the baseline's",
    "latency": "the ratio of the latency to the baseline's",
}


def efficiency_meaning(table: EfficiencyTable) -> list[str]:
    """What the numbers mean, one paragraph a string."""
    paragraphs = [*_counts(table), *_times(table), *_floor(table), *_memory(table), *_precision(table)]
    return [*paragraphs, f"Ranked by {_ORDERS[table.rank_by]}, the cheapest first; rows that failed stand last."]


def _counts(table: EfficiencyTable) -> Iterator[str]:
    if not any(row.counts for row in table.rows):
        return
    in_billions = any(count.total >= 1e9 for row in table.rows if row.counts for count in row.counts.flops.values())
    yield (
        "FLOPs are operations of one image's forward pass, and a multiply-accumulate counts once, not twice. full "
        "counts every operator, fvcore what that tool counts by default, published the modules that the counter of "
        f"SGE's authors knows. Δ is the difference to the baseline{'; Δ M is in millions' if in_billions else ''}."
    )
    compiled = (
        " Compiled models run fewer operators and move less." if table.first.spec.conditions.mode != "eager" else ""
    )
    yield (
        "Traffic is what the operators of an eager forward pass read and write of activations, saved what an eager "
        f"forward pass in training keeps for its backward pass; both of one image.{compiled}"
    )


def _times(table: EfficiencyTable) -> Iterator[str]:
    if not table.phases:
        return
    num_compared = sum(any(cell.ratio for cell in row.cells.values()) for row in table.rows)
    if num_compared:
        yield (
            "ms is the median of a step. × is a ratio of times, above 1 where the row is slower: the median over "
            "rounds of its time to the baseline's, with a 95 % interval (block bootstrap), each for one comparison: "
            f"they are not corrected for the number of comparisons, which is {num_compared}. Rows are compared with "
            "the baseline only, not with each other."
        )
    if "latency" in table.phases:
        yield (
            "Latency is of one image, from the call to the result. The 95th percentile takes 20 samples, the 99th 100."
        )
    yield (
        "Times and their ratios are of this machine, batch and software. They do not tell those of another batch size, "
        "processor, GPU or version; counts hold anywhere."
    )


def _floor(table: EfficiencyTable) -> Iterator[str]:
    phase, bandwidth = explained_phase(table), table.first.bandwidth_bytes_per_s
    if phase is not None and bandwidth:
        images = plural(table.timing(phase).batch_size, "image")
        yield (
            f"The floor is the time that the added traffic of a forward pass of {images} takes at the "
            f"{four_digits(bandwidth / 1e9)} GB/s at which this device copies. Less is measured where operators are "
            "fused or data stay in a cache, more where small operators wait to be started. The added ms are the ratio "
            "less 1, times the baseline's median; the added traffic by operator is that of the whole step."
        )


def _memory(table: EfficiencyTable) -> Iterator[str]:
    timings = [cell.timing for row in table.rows for cell in row.cells.values()]
    shared = (
        ""
        if table.first.spec.effort.isolate
        else " All rows share it, so that small differences between them say nothing; --isolate gives each its own."
    )
    meanings = {
        "allocated by the step": "what torch's allocator handed out for a step, without the weights that were there.",
        "process during the step": (
            f"the resident memory of the whole process during a step, its libraries and weights with it.{shared}"
        ),
        "process since its start": (
            "the most resident memory since the process started; it never falls, so that a larger step before hides a "
            f"smaller one.{shared}"
        ),
    }
    for scope in sorted({timing.memory_scope for timing in timings if timing.peak_memory_bytes is not None}):
        yield f"Peak memory is {meanings.get(scope, f'that of: {scope}.')}"


def _precision(table: EfficiencyTable) -> Iterator[str]:
    precision = table.first.spec.conditions.precision
    if precision in ("bfloat16", "float16"):
        yield (
            f"{precision} is autocast over float32 weights: torch chooses what it computes in {precision}, and its "
            "copies are part of the traffic."
        )
    if precision == "tf32":
        yield "tf32 rounds the operands of matrix products and convolutions; weights and sums stay float32."
