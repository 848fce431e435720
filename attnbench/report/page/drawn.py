"""What the scripts of the page draw of a board of any kind; Python fills it in, and the page holds it as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass

from attnbench.report.leaderboard.plotted import BoardCost
from attnbench.report.page.axes import Axis
from attnbench.report.page.marks import PageMark
from attnbench.report.page.runs import Run


@dataclass(frozen=True, kw_only=True)
class CostPoint:
    """A variant in a plot of its score against cost."""

    cost: float
    """Its cost, as measured."""
    quartiles: tuple[float, float] | None
    """Between them lies half of what was timed; none for what is counted."""
    is_front: bool
    """Whether none is as cheap and scores higher, or scores as high and is cheaper."""
    text: str
    """The cost in words."""


@dataclass(frozen=True, kw_only=True)
class CostPlot:
    """The score against one cost."""

    name: str
    """What the chooser calls it."""
    axis: Axis
    """Of the cost."""
    points: tuple[CostPoint, ...]
    """In the order of the table's rows."""


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """A point of a line, over the seeds of a variant."""

    at: float
    """Where it stands: an epoch, or a recall."""
    mean: float
    """Mean over seeds."""
    low: float
    """Lower end of its band."""
    high: float
    """Upper end of it."""
    text: str
    """These in words; empty where the line goes on without a mark."""


@dataclass(frozen=True, kw_only=True)
class CurvePlot:
    """A line of each variant."""

    name: str
    """What the chooser calls it."""
    x: Axis
    """Horizontal axis."""
    y: Axis
    """Vertical axis."""
    x_name: str
    """What stands before a point's place in words."""
    y_name: str
    """What stands before its number."""
    note: tuple[str, ...]
    """What the numbers of each variant are, in the order of the rows."""
    lines: tuple[tuple[CurvePoint, ...], ...]
    """The lines, likewise; one without points is not drawn."""


@dataclass(frozen=True, kw_only=True)
class FigurePoint:
    """A figure of a variant."""

    value: float
    """Mean over seeds, %."""
    interval: tuple[float, float] | None
    """Its interval, if it has one."""
    text: str
    """These in words."""


@dataclass(frozen=True, kw_only=True)
class FigureRow:
    """A figure of all variants."""

    name: str
    """Which figure."""
    points: tuple[FigurePoint | None, ...]
    """In the order of the table's rows; none where there is none."""


@dataclass(frozen=True, kw_only=True)
class ControlLine:
    """What a control gives, for figures to stand beside."""

    name: str
    """The control."""
    value: float
    """Its number."""


@dataclass(frozen=True, kw_only=True)
class FiguresPlot:
    """Several figures below each other."""

    axis: Axis
    """Of all of them."""
    rows: tuple[FigureRow, ...]
    """The figures."""
    controls: tuple[ControlLine, ...] = ()
    """Lines through all of them."""


@dataclass(frozen=True, kw_only=True)
class SeedDelta:
    """The score of one seed less the baseline's of the same seed."""

    seed: int
    """The seed."""
    digest: str
    """Digest of the variant's spec with it."""
    points: float
    """Percentage points."""
    text: str
    """These, rounded."""


@dataclass(frozen=True, kw_only=True)
class Delta:
    """The score of a variant less the baseline's."""

    mean: float
    """Mean over shared seeds, percentage points."""
    low: float
    """Lower end of the 95 % interval."""
    high: float
    """Upper end of it."""
    is_shown: bool
    """Whether the difference passed the correction."""
    text: str
    """These in words."""
    seeds: tuple[SeedDelta, ...]
    """Each shared seed."""


@dataclass(frozen=True, kw_only=True)
class VariantData:
    """One variant in the plots."""

    name: str
    """The variant."""
    mark: PageMark
    """How it is drawn."""
    is_baseline: bool
    """Whether the others are compared with it."""
    score: float
    """What variants are compared by: mean test top-1 over seeds, or mean AP, %."""
    interval: tuple[float, float] | None
    """Ends of its interval; none where it has none."""
    score_text: str
    """These in words."""
    spec_text: str
    """What its runs have in common, in words."""
    runs_text: str
    """How many runs it has."""
    delta: Delta | None
    """Its difference to the baseline."""
    runs: tuple[Run, ...]
    """Its runs, sorted by seed."""


@dataclass(frozen=True, kw_only=True)
class BoardData:
    """What the plots show of a leaderboard, or of one detector of a detection board."""

    title: str
    """Backbone and data, and the detector."""
    name: str
    """What a chooser among the detectors of one board calls it; empty for a leaderboard."""
    score_name: str
    """What the score is called before its difference: ``top-1`` or ``AP``."""
    variants: tuple[VariantData, ...]
    """In the order of the table's rows."""
    scores: Axis
    """Of the scores."""
    costs: Mapping[BoardCost, CostPlot]
    """The score against each cost."""
    curves: Mapping[str, CurvePlot]
    """Learning curves."""
    precision: Mapping[str, CurvePlot]
    """Curves of precision and recall, of detectors."""
    figures: FiguresPlot | None
    """The parts of the score, of detectors; of a leaderboard what lies on the object."""
    robustness: Mapping[str, CurvePlot]
    """The score against the strength of each corruption, of a leaderboard."""
    deltas: Axis | None
    """Of differences to the baseline, if there are any."""
    environments: tuple[tuple[tuple[str, str], ...], ...]
    """Where the runs come from, as names and values."""
