"""`attnbench evaluate`: a checkpoint on a test split."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from attnbench.cli.options import SpecOptions, suite_from
from attnbench.errors import SpecError, StoreError
from attnbench.paths import check_output_file
from attnbench.printable import printable
from attnbench.spec import RunSpec, SuiteSpec
from attnbench.stats import proportion_interval
from attnbench.store import write_whole

if TYPE_CHECKING:
    from attnbench.evaluation import Evaluation

_ATTENTION_HELP = (
    "Variant that the weights are of, such as none, sge or bam:source=official; by default as the checkpoint says."
)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class EvaluationOptions:
    """What the weights are tested on, and how."""

    backbone: str | None = None
    """Network that the weights are of; by default as the checkpoint says, else the data set's preset's."""
    data: str | None = None
    """Data set to test on, with settings; by default as the checkpoint says. ImageNet needs no train/ here."""
    root: str | None = None
    """Folder of the data set, where it has one."""
    imports: Annotated[tuple[str, ...], Parameter(name="--import", negative=(), show_default=False)] = ()
    """Python file or module to import first, which registers attention modules of your own; may be repeated."""
    batch_size: int | None = None
    """Images a step."""
    device: Literal["auto", "cpu", "cuda"] | None = None
    """Device; auto takes the GPU where there is one."""
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "float32"
    """Arithmetic."""
    threads: int | None = None
    """CPU threads; by default one a core."""


def evaluate(
    *,
    checkpoint: Path,
    attention: Annotated[str | None, Parameter(help=_ATTENTION_HELP)] = None,
    options: EvaluationOptions | None = None,
    output: Path | None = None,
) -> int:
    """Test the weights of a checkpoint; nothing is trained.

    Takes what `attnbench train --checkpoint` and `leaderboard --checkpoints` write, which
    says what it is of; and plain state dicts, and the files of timm, torchvision and the
    authors of SGE, BAM and CBAM, whose modules are source=official: these need
    --attention, and mostly --backbone and --data. A weight that is missing, left over or
    of another shape is named.

    Parameters
    ----------
    checkpoint
        File of the weights: .ckpt, .pth, .pth.tar, .safetensors …
    output
        File for the result as JSON, with whether each image was classified correctly.
    """
    options = options or EvaluationOptions()
    if output is not None:
        check_output_file(output, option="output")
    result = _tested(checkpoint, attention, options)
    # Printed first: what was found is not lost where the file cannot be written.
    _print(result, checkpoint)
    if output is not None:
        _write(result, output)
        print(f"result       {output}")
    return 0


def _filled(options: EvaluationOptions, spec: RunSpec) -> EvaluationOptions:
    """The options, with what they leave open as in the run that the checkpoint is of."""
    root = spec.root if options.data is None and options.root is None else options.root
    return replace(options, backbone=options.backbone or spec.backbone, data=options.data or spec.data, root=root)


def _suite(options: EvaluationOptions) -> SuiteSpec:
    return suite_from(
        None,
        SpecOptions(
            data=options.data,
            root=options.root,
            backbone=options.backbone,
            batch_size=options.batch_size,
            device=options.device,
            precision=options.precision,
            threads=options.threads or os.cpu_count() or 1,
        ),
    )


def _tested(checkpoint: Path, attention: str | None, options: EvaluationOptions) -> "Evaluation":
    """The evaluation, with a bar while it runs."""
    console = Console(stderr=True)
    with console.status("Loading torch …"):
        from attnbench.evaluation import evaluate_checkpoint
        from attnbench.models.saved import run_of_weights
        from attnbench.plugins import import_plugins

        import_plugins(options.imports)
        spec = run_of_weights(checkpoint)
    if spec is not None:
        options, attention = _filled(options, spec), attention or spec.attention
    if attention is None:
        raise SpecError(
            f"{checkpoint} does not say what its weights are of: name the variant with --attention, and --backbone and "
            "--data where they are not the defaults"
        )
    suite = _suite(options)
    bar = Progress(
        TextColumn("testing"), BarColumn(), TimeRemainingColumn(), console=console, transient=True,
        disable=not console.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task("test", total=None)
        return evaluate_checkpoint(
            checkpoint,
            backbone=suite.backbone,
            attention=attention,
            data=suite.data,
            root=suite.root,
            recipe=suite.recipe,
            compute=replace(suite.compute, deterministic=True),
            on_step=lambda done, total: bar.update(task, completed=done, total=total),
        )


def _write(result: "Evaluation", output: Path) -> None:
    try:
        write_whole(output, result.to_json().encode())
    except OSError as error:
        raise StoreError(f"cannot write {output}: {error.strerror or error}") from error


def _print(result: "Evaluation", checkpoint: Path) -> None:
    num_images = result.test_correct.num_bits
    low, high = proportion_interval(int(result.test_correct.unpack().sum()), num_images)
    print(printable(f"{result.attention} in {result.backbone} on {result.data}: {checkpoint}"))
    print(
        f"top-1        {result.test_top1_percent:.3f} % of {num_images:,} test images "
        f"(95 % interval {100 * low:.2f} to {100 * high:.2f} if images are independent)"
    )
    print(f"top-5        {result.test_top5_percent:.3f} %")
    print(f"loss         {result.test_loss:.4f} nats")
    print(f"parameters   {result.parameters:,}")
    print(f"MACs         {result.macs:,} an image (fvcore's default rules)")
