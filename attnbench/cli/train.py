"""`attnbench train`: one run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from attnbench.cli.options import LogOptions, SpecOptions, check_log_options, log_to_from, suite_from
from attnbench.cli.running import say_failures, show_runs
from attnbench.cli.score_options import ScoreOptions, scores_from
from attnbench.errors import SpecError
from attnbench.executors.choice import Choice
from attnbench.exit_codes import INTERRUPTED
from attnbench.loggers import LogTo
from attnbench.paths import check_output_file
from attnbench.printable import printable
from attnbench.record import Record, Store
from attnbench.spec import RunSpec
from attnbench.spec_io import to_yaml

if TYPE_CHECKING:
    from attnbench.grid import Grid, SuiteResult

_ATTENTION_HELP = "Variant to train, such as none, sge or sge:groups=32. See attnbench list attention."


def train(
    *,
    attention: Annotated[str, Parameter(help=_ATTENTION_HELP)] = "sge",
    options: SpecOptions | None = None,
    scores: ScoreOptions | None = None,
    logs: LogOptions | None = None,
    seed: int = 0,
    store: Path = Path("records"),
    checkpoint: Path | None = None,
    from_record: Path | None = None,
    print_spec: Annotated[bool, Parameter(negative=(), show_default=False)] = False,
) -> int:
    """Train and measure one attention module, and store its record.

    The recipe is the preset's of the data set, but for the options given.

    Parameters
    ----------
    seed
        Seed of the weights, the data order and the augmentation.
    store
        Folder of the records. A run that is recorded there is not trained again, unless for a checkpoint.
    checkpoint
        File for the selected weights, as a Lightning checkpoint.
    from_record
        A record's file, whose run is run again exactly; of the other options only --store,
        --checkpoint, --logger and --log-dir count then.
    print_spec
        Print the run as YAML and stop.
    """
    logs = logs or LogOptions()
    check_log_options(logs, trains_nothing={"--print-spec": print_spec})
    options = options or SpecOptions()
    spec = _spec(attention, options, scores or ScoreOptions(), seed, from_record)
    if print_spec:
        print(to_yaml(spec), end="")
        return 0
    result = _run(spec, options.imports, Store(store), checkpoint, log_to_from(logs))
    if result is None:
        return INTERRUPTED
    for record in result.records:
        _print(record, Store(store).file_of(record.digest), checkpoint)
    return say_failures(result)


def _run(
    spec: RunSpec, imports: tuple[str, ...], store: Store, checkpoint: Path | None, log_to: LogTo | None
) -> "SuiteResult[RunSpec, Record] | None":
    """The record, made or found, or why there is none; none after Ctrl-C."""
    if checkpoint is not None:
        check_output_file(checkpoint, option="checkpoint")

    def load() -> "Grid[RunSpec, Record]":
        # Here, not at the top: torch takes seconds to import, and --help should not.
        from attnbench.suite import grid_of_run

        return grid_of_run(spec, imports, checkpoint=checkpoint, log_to=log_to)

    return show_runs(load, store, Choice(workers=1))


def _spec(attention: str, options: SpecOptions, scores: ScoreOptions, seed: int, from_record: Path | None) -> RunSpec:
    if from_record is not None:
        if from_record.suffix == Store.suffix and "." in from_record.stem:  # which begins the suffix of another kind
            raise SpecError(f"--from-record takes the record of a classifier's run, DIGEST.json; got {from_record}")
        try:
            return Record.from_json(from_record.read_bytes(), source=str(from_record)).spec
        except OSError as error:
            raise SpecError(f"cannot read {from_record}: {error.strerror or error}") from None
    from attnbench.suite import expand

    suite = suite_from(None, options, attention=[attention], seeds=[seed], **scores_from(scores))
    return expand(suite)[-1]


def _print(record: Record, file: Path, checkpoint: Path | None) -> None:
    values = record.values
    spec = record.spec
    print(printable(f"{spec.attention} in {spec.backbone} on {spec.data}, seed {spec.seed}"))
    print(f"top-1        {values.test_top1_percent:.2f} % of {values.num_test_images} test images")
    print(f"top-5        {values.test_top5_percent:.2f} %")
    print(f"epoch        {values.selected_epoch} of {spec.recipe.epochs}, chosen by the validation split")
    print(f"parameters   {values.parameters:,}")
    print(f"MACs         {values.macs:,} an image (fvcore's default rules)")
    print(f"record       {file}")
    if checkpoint is not None:
        print(f"checkpoint   {checkpoint}")
