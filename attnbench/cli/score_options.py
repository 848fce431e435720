"""The options of what is measured of a classifier besides its accuracy."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Group, Parameter

from attnbench.cli.options import names_from
from attnbench.errors import SpecError
from attnbench.spec import CORRUPTIONS

_SCORES = Group("What else is measured", sort_key=4)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ScoreOptions:
    """What is measured of a trained classifier besides its accuracy."""

    localise: Annotated[int | None, Parameter(group=_SCORES)] = None
    """Score how much of attention and of Grad-CAM lies on the object, in the first so many test images."""
    corrupt: Annotated[str | None, Parameter(group=_SCORES)] = None
    """Test again on images made worse in growing strength: noise, blur, occlusion, clutter, with commas, or all."""


def scores_from(options: ScoreOptions) -> dict[str, object]:
    """The fields of a suite that a command line asks for.

    Raises:
        SpecError: If a corruption is unknown.
    """
    named = names_from(options.corrupt, (*CORRUPTIONS, "all"), option="--corrupt")
    corruptions = CORRUPTIONS if "all" in named else named
    return {
        "measure.localisation_images": options.localise,
        "measure.corruptions": list(corruptions) if corruptions else None,
    }


def check_no_score_options(options: ScoreOptions) -> None:
    """Refuse what only classifiers take.

    Raises:
        SpecError: If there is any.
    """
    for name, value in vars(options).items():
        if value is not None:
            raise SpecError(f"--{name} goes with --task classification; got --{name} {value}")
