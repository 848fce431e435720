"""`attnbench evaluate`: a checkpoint on a test split."""

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from attnbench.cli.options import SpecOptions, suite_from
from attnbench.errors import StoreError
from attnbench.stats import proportion_interval

if TYPE_CHECKING:
    from attnbench.evaluation import Evaluation

_ATTENTION_HELP = "Variant that the weights are of, such as none, sge or bam:source=official."


def evaluate(
    *,
    checkpoint: Path,
    attention: Annotated[str, Parameter(help=_ATTENTION_HELP)],
    backbone: str | None = None,
    data: str | None = None,
    root: str | None = None,
    imports: Annotated[tuple[str, ...], Parameter(name="--import", negative=(), show_default=False)] = (),
    batch_size: int | None = None,
    device: Literal["auto", "cpu", "cuda"] | None = None,
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "float32",
    threads: int | None = None,
    output: Path | None = None,
) -> int:
    """Test the weights of a checkpoint; nothing is trained.

    Takes what `attnbench train --checkpoint` writes, plain state dicts, and the files of
    timm, torchvision and the authors of SGE, BAM and CBAM, whose modules are
    source=official. A weight that is missing, left over or of another shape is named.

    Parameters
    ----------
    checkpoint
        File of the weights: .ckpt, .pth, .pth.tar, .safetensors …
    backbone
        Network that the weights are of; by default the data set's preset's.
    data
        Data set to test on, with settings; see `attnbench list data`. ImageNet needs no train/ here.
    root
        Folder of the data set, where it has one.
    imports
        Python file or module to import first, which registers attention modules of your own; may be repeated.
    batch_size
        Images a step.
    device
        Device; auto takes the GPU where there is one.
    precision
        Arithmetic.
    threads
        CPU threads; by default one a core.
    output
        File for the result as JSON, with whether each image was classified correctly.
    """
    options = SpecOptions(
        data=data,
        root=root,
        backbone=backbone,
        batch_size=batch_size,
        device=device,
        precision=precision,
        threads=threads or os.cpu_count() or 1,
    )
    suite = suite_from(None, options)
    if output is not None and (output.is_dir() or not output.parent.is_dir()):
        raise StoreError(f"the output must be a file in a folder that exists; got output={str(output)!r}")

    console = Console(stderr=True)
    with console.status("Loading torch …"):
        from attnbench.evaluation import evaluate_checkpoint
        from attnbench.plugins import import_plugin
    for name in imports:
        import_plugin(name)
    bar = Progress(
        TextColumn("testing"), BarColumn(), TimeRemainingColumn(), console=console, transient=True,
        disable=not console.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task("test", total=None)
        result = evaluate_checkpoint(
            checkpoint,
            backbone=suite.backbone,
            attention=attention,
            data=suite.data,
            root=suite.root,
            recipe=suite.recipe,
            compute=replace(suite.compute, deterministic=True),
            on_step=lambda done, total: bar.update(task, completed=done, total=total),
        )
    # Printed first: what was found is not lost where the file cannot be written.
    _print(result, checkpoint)
    if output is not None:
        try:
            output.write_text(result.to_json())
        except OSError as error:
            raise StoreError(f"cannot write {output}: {error.strerror or error}") from error
        print(f"result       {output}")
    return 0


def _print(result: "Evaluation", checkpoint: Path) -> None:
    num_images = result.test_correct.num_bits
    low, high = proportion_interval(int(result.test_correct.unpack().sum()), num_images)
    print(f"{result.attention} in {result.backbone} on {result.data}: {checkpoint}")
    print(
        f"top-1        {result.test_top1_percent:.3f} % of {num_images:,} test images "
        f"(95 % interval {100 * low:.2f} to {100 * high:.2f} if images are independent)"
    )
    print(f"top-5        {result.test_top5_percent:.3f} %")
    print(f"loss         {result.test_loss:.4f} nats")
    print(f"parameters   {result.parameters:,}")
    print(f"MACs         {result.macs:,} an image (fvcore's default rules)")
