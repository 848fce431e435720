"""`attnbench leaderboard`: train, measure and rank."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from attnbench.cli.detection import (
    DetectionOptions,
    check_no_detection_options,
    detection_suite_from,
    print_detection_dry_run,
    quick_detection,
    run_detection_leaderboard,
)
from attnbench.cli.executor_options import ExecutorOptions, choice_from, workers_of_plan
from attnbench.cli.options import LogOptions, SpecOptions, check_log_options, log_to_from, quick, suite_from
from attnbench.cli.running import check_counts, print_dry_run_of, run_shown, say_failures
from attnbench.cli.score_options import ScoreOptions, check_no_score_options, scores_from
from attnbench.exit_codes import INTERRUPTED
from attnbench.record import Store
from attnbench.spec_io import to_yaml
from attnbench.variant import split_variants

_ATTENTION_HELP = "Variants to compare, with commas between them, such as none,sge,ge:extent=8,parametric=false."


def leaderboard(
    suite: str | None = None,
    /,
    *,
    attention: Annotated[str | None, Parameter(help=_ATTENTION_HELP)] = None,
    task: Literal["classification", "detection"] = "classification",
    options: SpecOptions | None = None,
    detection: DetectionOptions | None = None,
    scores: ScoreOptions | None = None,
    logs: LogOptions | None = None,
    runs: ExecutorOptions | None = None,
    seeds: int | None = None,
    quick_: Annotated[bool, Parameter(name="--quick", negative=(), show_default=False)] = False,
    store: Path = Path("records"),
    checkpoints: Path | None = None,
    dry_run: Annotated[bool, Parameter(negative=(), show_default=False)] = False,
    print_spec: Annotated[bool, Parameter(negative=(), show_default=False)] = False,
) -> int:
    """Train and measure several attention modules under one recipe, and print a table that ranks them.

    Every variant meets the same seeds, data order, augmentation and initial
    weights. Each run is recorded in the store as it ends; the same command
    started again does only what is missing.

    Parameters
    ----------
    suite
        A preset's name or a YAML file; by default the preset of the data set. See `attnbench list presets`.
    task
        What is learned: to classify images, or to find objects in them with a detector on the backbone.
    seeds
        How many seeds: 0, 1, 2 ….
    quick_
        A smoke test: two seeds (one of detectors) and a third of the epochs, where --seeds and --epochs do not say
        otherwise. It shows that all works, and ranks nothing.
    store
        Folder of the records.
    checkpoints
        Folder for the trained models, one file a run, for attnbench visualize and attnbench detect. A run whose file is
        missing there is trained again, even if it is recorded; its record stays as it is.
    dry_run
        List the runs, and say how many images, hours and bytes they would take; nothing is trained but a few steps
        of each variant without records, in each detector, to time them.
    print_spec
        Print the suite as YAML and stop.
    """
    check_counts(seeds=seeds)
    choice = choice_from(runs)
    options, detection = options or SpecOptions(), detection or DetectionOptions()
    scores, logs = scores or ScoreOptions(), logs or LogOptions()
    check_log_options(logs, trains_nothing={"--dry-run": dry_run, "--print-spec": print_spec})
    fields = {
        "attention": split_variants(attention) if attention else None,
        "seeds": list(range(seeds)) if seeds is not None else None,
    }
    keeps = {"keeps_seeds": seeds is not None, "keeps_epochs": options.epochs is not None}
    if task == "detection":
        check_no_score_options(scores)
        detectors = detection_suite_from(suite, options, detection, **fields)
        detectors = quick_detection(detectors, **keeps) if quick_ else detectors
        if print_spec:
            print(to_yaml(detectors), end="")
            return 0
        if dry_run:
            print_detection_dry_run(detectors, store, workers_of_plan(choice), checkpoints=checkpoints)
            return 0
        return run_detection_leaderboard(detectors, store, choice, checkpoints=checkpoints, log_to=log_to_from(logs))
    check_no_detection_options(detection)
    spec = suite_from(suite, options, **fields, **scores_from(scores))
    if quick_:
        spec = quick(spec, **keeps)
    if print_spec:
        print(to_yaml(spec), end="")
        return 0
    if dry_run:
        print_dry_run_of(spec, Store(store), workers_of_plan(choice), checkpoints=checkpoints)
        return 0
    result = run_shown(spec, Store(store), choice, log_to_from(logs), checkpoints=checkpoints)
    if result is None:
        return INTERRUPTED
    if result.records:
        # Here, not at the top: the statistics take a while, and --help should not.
        from attnbench.cli.report import print_leaderboards

        print_leaderboards(list(result.records), store=store, diverged=result.diverged)
    return say_failures(result)
