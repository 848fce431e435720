"""What is run in detection: frozen dataclasses that fix everything a detector's result depends on.

As `attnbench.spec` for classification: a `DetectionRun` is one (detector, variant, backbone, data, recipe, seed),
and a `DetectionSuite` is a grid of them.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, TypeAlias

import msgspec

from attnbench.compute_spec import Compute, check_divided
from attnbench.efficiency_spec import spec_digest
from attnbench.errors import SpecError
from attnbench.identity import LATER, NO_RESULT
from attnbench.printable import shown
from attnbench.registry import did_you_mean
from attnbench.spec import PluginFile
from attnbench.spec_rules import canonical, check, check_fields, said_of_field
from attnbench.variant import Variant

Norm: TypeAlias = Literal["train", "sync", "eval", "frozen"]
"""What becomes of the body's batch norms: trained; trained over all devices together; statistics kept; scales and
shifts kept too."""


@dataclass(frozen=True, kw_only=True)
class DetectionRecipe:
    """Everything that a detector's training needs besides model, data and seed. The defaults are the paper's 1x."""

    epochs: int = 12
    """Passes over the training split."""
    batch_size: int = 16
    """Images a step, of all devices and accumulated parts together."""
    accumulate: int = 1
    """Parts that a step's images pass the detector in, one after the other, to save memory."""
    learning_rate: float = 0.02
    """Peak learning rate of SGD."""
    momentum: float = 0.9
    """Momentum of SGD."""
    weight_decay: float = 1e-4
    """L2 penalty on every parameter."""
    schedule: Literal["step", "cosine"] = "step"
    """Learning rate after the warm-up: multiplied by `step_factor` at `step_epochs`, or cosine to zero."""
    step_epochs: tuple[int, ...] = (8, 11)
    """Epochs after which the `step` schedule lowers the learning rate."""
    step_factor: float = 0.1
    """What the `step` schedule multiplies the learning rate with."""
    warmup_steps: int = 500
    """Steps of linear warm-up."""
    warmup_factor: float = 1 / 3
    """Part of the learning rate that the warm-up begins with."""
    gradient_clip_norm: float | None = None
    """Largest L2 norm of all gradients together; none leaves them alone."""
    short_side: int = 800
    """Pixels that an image's shorter side is resized to …"""
    long_side: int = 1333
    """… unless its longer side would have more than this."""
    horizontal_flip: bool = True
    """Mirror each training image with probability one half."""
    frozen_stages: int = 0
    """Leading parts of the body that are not trained: 1 is the stem, 2 the stem and the first stage, and so on."""
    norm: Norm = "train"
    """What becomes of the body's batch norms, those within attention modules among them."""
    validate_every: int = 0
    """Epochs between two validations; 0 never validates. No weights are selected by it."""

    def __post_init__(self) -> None:
        check_fields(self)
        for name in ("epochs", "batch_size", "accumulate", "short_side", "long_side"):
            check(getattr(self, name) >= 1, f"{name} must be at least 1", **{name: getattr(self, name)})
        for name in ("warmup_steps", "frozen_stages", "validate_every", "weight_decay"):
            check(getattr(self, name) >= 0, f"{name} must not be negative", **{name: getattr(self, name)})
        check_divided(self.batch_size, Compute(), accumulate=self.accumulate)
        check(self.learning_rate > 0, "learning_rate must be positive", learning_rate=self.learning_rate)
        check(0 <= self.momentum < 1, "momentum must be in [0, 1)", momentum=self.momentum)
        check(
            (self.schedule == "step") == bool(self.step_epochs),
            "step_epochs go with schedule='step', and only with it",
            schedule=self.schedule,
            step_epochs=self.step_epochs,
        )
        check(
            list(self.step_epochs) == sorted({epoch for epoch in self.step_epochs if 0 < epoch < self.epochs}),
            "step_epochs must increase and lie between 0 and epochs",
            step_epochs=self.step_epochs,
            epochs=self.epochs,
        )
        check(self.step_factor > 0, "step_factor must be positive", step_factor=self.step_factor)
        check(0 < self.warmup_factor <= 1, "warmup_factor must be in (0, 1]", warmup_factor=self.warmup_factor)
        check(
            self.gradient_clip_norm is None or self.gradient_clip_norm > 0,
            "gradient_clip_norm must be positive or none",
            gradient_clip_norm=self.gradient_clip_norm,
        )
        check(
            self.short_side <= self.long_side,
            "short_side must not exceed long_side",
            short_side=self.short_side,
            long_side=self.long_side,
        )


@dataclass(frozen=True, kw_only=True)
class DetectionRun:
    """One (detector, variant, backbone, data, recipe, seed), trained and measured."""

    detector: str
    """Detector with its settings: ``faster-rcnn``, ``retinanet:anchor_size=16``."""
    attention: str
    """Variant of the attention module: ``none``, ``sge:groups=32``, ``sge:at=fpn``."""
    backbone: str
    """Backbone with its settings; one of the ResNets."""
    data: str
    """Data set with its settings: ``coco``, ``cluttered-scenes:size=256``."""
    root: str | None = None
    """Folder of the data set, where it has one."""
    annotations: tuple[str, str] | None = None
    """Files of the training and of the test annotations within the root; none for those of COCO 2017."""
    weights: str | None = None
    """Weights that the body starts from: ``timm`` or a checkpoint's file; none starts from scratch."""
    weights_sha256: str | None = None
    """Hash of that file: another file is another run."""
    recipe: DetectionRecipe = field(default_factory=DetectionRecipe)
    """How it is trained."""
    compute: Compute = field(default_factory=Compute)
    """Where it is trained."""
    baseline: str = "none"
    """Variant against which the speed is measured."""
    speed_rounds: int = 10
    """Timed passes over one test image, each beside one of the baseline's."""
    seed: int = 0
    """Seed of weights, data order, augmentation and sampled regions."""
    plugin: PluginFile | None = None
    """The user's file that registers the attention module, if it is not one of attnbench's."""
    detector_plugin: PluginFile | None = field(default=None, metadata=LATER)
    """The same of the detector."""
    data_plugin: PluginFile | None = field(default=None, metadata=LATER)
    """The same of the data set."""
    workers: int = field(default=0, metadata=NO_RESULT)
    """Processes that read images: the data set's setting `workers`, taken out of `data`, as no result depends on it."""

    def __post_init__(self) -> None:
        check_fields(self)
        for name in ("detector", "attention", "backbone", "data", "baseline"):
            object.__setattr__(self, name, canonical(getattr(self, name)))
        data = Variant.parse(self.data)
        others = tuple((name, value) for name, value in data.settings if name != "workers")
        workers = dict(data.settings).get("workers")
        if type(workers) is int:  # anything else is a mistake, which the data set names
            object.__setattr__(self, "data", str(Variant(data.name, others)))
            object.__setattr__(self, "workers", workers)
        check(0 <= self.seed < 2**31, "seed must lie in [0, 2**31)", seed=self.seed)
        check(self.speed_rounds >= 1, "speed_rounds must be at least 1", speed_rounds=self.speed_rounds)
        check_divided(self.recipe.batch_size, self.compute, accumulate=self.recipe.accumulate)

    @property
    def data_to_read(self) -> str:
        """The data set with all its settings, `workers` among them if it is not 0."""
        if not self.workers:
            return self.data
        data = Variant.parse(self.data)
        return canonical(str(Variant(data.name, (*data.settings, ("workers", self.workers)))))


@dataclass(frozen=True, kw_only=True)
class DetectionSuite:
    """A grid of runs: every detector with every variant and every seed, all else equal."""

    detector: tuple[str, ...]
    """Detectors, each with its settings; each gets a table of its own."""
    detector_settings: tuple[str, ...] = ()
    """Detectors with the settings that they get where `detector` names them without any."""
    detector_recipe: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Fields in which a detector, by its name, departs from `recipe`: ``{"retinanet": {"epochs": 10}}``."""
    attention: tuple[str, ...]
    """Variants to compare; the baseline is added in front where it is missing."""
    backbone: str
    """Backbone with its settings."""
    data: str
    """Data set with its settings."""
    root: str | None = None
    """Folder of the data set, where it has one."""
    annotations: tuple[str, str] | None = None
    """Files of the training and of the test annotations within the root; none for those of COCO 2017."""
    weights: str | None = None
    """Weights that each body starts from: ``timm`` or a checkpoint's file, where ``{attention}`` stands for the
    variant; none, also as text, starts from scratch."""
    baseline: str = "none"
    """Variant that the others are compared with."""
    seeds: tuple[int, ...] = (0,)
    """Seeds; each gives every variant the same data order, augmentation and shared initial weights."""
    recipe: DetectionRecipe = field(default_factory=DetectionRecipe)
    """How each run is trained, but for `detector_recipe`."""
    compute: Compute = field(default_factory=Compute)
    """Where each run is trained."""
    speed_rounds: int = 10
    """Timed passes over one test image, each beside one of the baseline's."""
    imports: tuple[str, ...] = ()
    """Users' files or modules to import first, which register further modules."""

    def __post_init__(self) -> None:
        check_fields(self)
        for name in ("backbone", "data", "baseline"):
            object.__setattr__(self, name, canonical(getattr(self, name)))
        if self.weights == "none":  # as an option gives it
            object.__setattr__(self, "weights", None)
        given = {Variant.parse(text).name: canonical(text) for text in self.detector_settings}
        detectors = tuple(given.get(text, text) for text in map(canonical, self.detector))
        variants = [canonical(text) for text in self.attention]
        if self.baseline not in variants:
            variants.insert(0, self.baseline)
        object.__setattr__(self, "detector", detectors)
        object.__setattr__(self, "attention", tuple(variants))
        check(bool(detectors), "at least one detector is needed", detector=self.detector)
        check(len(set(detectors)) == len(detectors), "each detector may be named once", detector=self.detector)
        check(len(set(variants)) == len(variants), "each variant may be named once", attention=self.attention)
        check(bool(self.seeds), "at least one seed is needed", seeds=self.seeds)
        check(len(set(self.seeds)) == len(self.seeds), "each seed may be named once", seeds=self.seeds)
        check(all(0 <= seed < 2**31 for seed in self.seeds), "seeds must lie in [0, 2**31)", seeds=self.seeds)
        for name in self.detector_recipe:
            check(Variant.parse(name).name == name, "detector_recipe names detectors without settings", name=name)
        for name in (*self.detector_recipe, *detectors):
            recipe = self.recipe_of(name)
            check_divided(recipe.batch_size, self.compute, accumulate=recipe.accumulate)

    def recipe_of(self, detector: str) -> DetectionRecipe:
        """How a detector of the suite is trained.

        Raises:
            SpecError: If a field in which it departs from the recipe is unknown, of the wrong type or out of range.
        """
        name = Variant.parse(detector).name
        departures = dict(self.detector_recipe.get(name, {}))
        known = [field.name for field in fields(DetectionRecipe)]
        for key in departures:
            if key not in known:
                raise SpecError(f"detector_recipe: {name}: a recipe has no field {key!r}; {did_you_mean(key, known)}")
        try:
            return msgspec.convert({**asdict(self.recipe), **departures}, DetectionRecipe, strict=False)
        except msgspec.ValidationError as error:
            said, key = said_of_field(error)
            got = f"{key}: {said}; got {shown(departures[key])}" if key in departures else said
            raise SpecError(f"detector_recipe: {name}: {got}") from None


def detection_digest(spec: DetectionRun) -> str:
    """The identity of a run: 16 hexadecimal digits of the SHA-256 of its canonical JSON."""
    return spec_digest("detection", spec)
