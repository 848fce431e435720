"""What is run: frozen dataclasses that fix everything a result depends on.

A `RunSpec` is one (variant, backbone, data, recipe, seed); its `digest` names
the record. A `SuiteSpec` is a grid of runs and expands to `RunSpec`s. Both are
read from and written to YAML with `from_builtins`, `from_yaml` and `to_yaml`
of `attnbench.spec_io`.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

import msgspec

from attnbench.compute_spec import Compute as Compute
from attnbench.compute_spec import check_divided
from attnbench.identity import LATER, fields_of
from attnbench.spec_rules import canonical, check, check_fields

Corruption: TypeAlias = Literal["noise", "blur", "occlusion", "clutter"]
"""What can be done to test images; see `attnbench.measure.corruption`."""
CORRUPTIONS: tuple[Corruption, ...] = get_args(Corruption)
"""All of it, in the order of a report."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that training needs besides model, data and seed."""

    epochs: int = 6
    """Passes over the training split."""
    batch_size: int = 128
    """Images a step."""
    learning_rate: float = 0.1
    """Peak learning rate of SGD."""
    momentum: float = 0.9
    """Momentum of SGD, in the form of Nesterov where `nesterov` is set."""
    nesterov: bool = True
    """Nesterov's form of momentum."""
    weight_decay: float = 5e-4
    """L2 penalty on every parameter, as in the papers compared here."""
    schedule: Literal["cosine", "step"] = "cosine"
    """Learning rate after the warm-up: cosine to zero, or multiplied by `step_factor` at `step_epochs`."""
    step_epochs: tuple[int, ...] = ()
    """Epochs after which the `step` schedule lowers the learning rate."""
    step_factor: float = 0.1
    """What the `step` schedule multiplies the learning rate with."""
    warmup_epochs: float = 0.0
    """Epochs of linear warm-up, counted within `epochs`; may be a fraction."""
    label_smoothing: float = 0.0
    """Probability mass that the target spreads over all classes, in [0, 1)."""
    gradient_clip_norm: float | None = None
    """Largest L2 norm of all gradients together; none leaves them alone."""
    crop_padding: int = 0
    """Pixels of reflected border around an in-memory image from which a random crop is cut."""
    horizontal_flip: bool = False
    """Mirror each training image with probability one half."""
    selection: Literal["best", "last"] = "best"
    """Weights to test: of the epoch best on the validation split (the earliest of equals), or of the last."""

    def __post_init__(self) -> None:
        check_fields(self)
        check(self.epochs >= 1, "epochs must be at least 1", epochs=self.epochs)
        check(self.batch_size >= 1, "batch_size must be at least 1", batch_size=self.batch_size)
        check(self.learning_rate > 0, "learning_rate must be positive", learning_rate=self.learning_rate)
        check(0 <= self.momentum < 1, "momentum must be in [0, 1)", momentum=self.momentum)
        check(
            self.momentum > 0 or not self.nesterov,
            "nesterov needs a positive momentum",
            nesterov=self.nesterov,
            momentum=self.momentum,
        )
        check(self.weight_decay >= 0, "weight_decay must not be negative", weight_decay=self.weight_decay)
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
        check(
            0 <= self.warmup_epochs < self.epochs,
            "warmup_epochs must not be negative and lie below epochs",
            warmup_epochs=self.warmup_epochs,
            epochs=self.epochs,
        )
        check(0 <= self.label_smoothing < 1, "label_smoothing must be in [0, 1)", label_smoothing=self.label_smoothing)
        check(
            self.gradient_clip_norm is None or self.gradient_clip_norm > 0,
            "gradient_clip_norm must be positive or none",
            gradient_clip_norm=self.gradient_clip_norm,
        )
        check(self.crop_padding >= 0, "crop_padding must not be negative", crop_padding=self.crop_padding)


@dataclass(frozen=True, kw_only=True)
class Measure:
    """What is measured of a run's model besides its accuracy, and how."""

    throughput_batch_size: int = 64
    """Images of one timed forward pass."""
    throughput_rounds: int = 20
    """Timed passes of the model, each beside one of the baseline's model."""
    localisation_images: int = field(default=0, metadata=LATER)
    """The first so many test images show how much of the model's maps lies on the object; 0 for none."""
    corruptions: tuple[Corruption, ...] = field(default=(), metadata=LATER)
    """What is done to the test images, in growing strength, to test the model on them again."""

    def __post_init__(self) -> None:
        check_fields(self)
        for name in ("throughput_batch_size", "throughput_rounds"):
            check(getattr(self, name) >= 1, f"{name} must be at least 1", **{name: getattr(self, name)})
        number = self.localisation_images
        check(number >= 0, "localisation_images must not be negative", localisation_images=number)
        names = self.corruptions
        check(len(set(names)) == len(names), "each corruption may be named once", corruptions=names)
        # In one order, for one digest.
        object.__setattr__(self, "corruptions", tuple(name for name in CORRUPTIONS if name in names))


@dataclass(frozen=True, kw_only=True)
class PluginFile:
    """A user's file that registers what a run names."""

    path: str
    """File or module name, as given to `--import`."""
    sha256: str
    """Hash of the file. A changed file is another run, so what was edited is trained anew."""

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """One (variant, backbone, data, recipe, seed), trained and measured."""

    attention: str
    """Variant of the attention module: ``none``, ``sge``, ``sge:groups=32``."""
    backbone: str
    """Backbone with its settings: ``resnet50``, ``cifar-resnet:depth=20``."""
    data: str
    """Data set with its settings: ``fashion-mnist``, ``cluttered-digits:clutter=12``."""
    root: str | None = None
    """Folder of the data set, where it has one."""
    recipe: Recipe = field(default_factory=Recipe)
    """How it is trained."""
    compute: Compute = field(default_factory=Compute)
    """Where it is trained."""
    baseline: str = "none"
    """Variant against which the throughput is measured."""
    measure: Measure = field(default_factory=Measure)
    """What is measured besides the accuracy, and how."""
    seed: int = 0
    """Seed of weights, data order and augmentation."""
    plugin: PluginFile | None = None
    """The user's file that registers the attention module, if it is not one of attnbench's."""
    data_plugin: PluginFile | None = field(default=None, metadata=LATER)
    """The same of the data set."""

    def __post_init__(self) -> None:
        check_fields(self)
        for name in ("attention", "backbone", "data", "baseline"):
            object.__setattr__(self, name, canonical(getattr(self, name)))
        check(0 <= self.seed < 2**31, "seed must lie in [0, 2**31)", seed=self.seed)
        check_divided(self.recipe.batch_size, self.compute)


@dataclass(frozen=True, kw_only=True)
class SuiteSpec:
    """A grid of runs: every variant with every seed, all else equal."""

    attention: tuple[str, ...]
    """Variants to compare; the baseline is added in front where it is missing."""
    backbone: str
    """Backbone with its settings."""
    data: str
    """Data set with its settings."""
    root: str | None = None
    """Folder of the data set, where it has one."""
    baseline: str = "none"
    """Variant that the others are compared with."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds; each gives every variant the same data order, augmentation and shared initial weights."""
    recipe: Recipe = field(default_factory=Recipe)
    """How each run is trained."""
    compute: Compute = field(default_factory=Compute)
    """Where each run is trained."""
    measure: Measure = field(default_factory=Measure)
    """What is measured besides the accuracy, and how."""
    imports: tuple[str, ...] = ()
    """Users' files or modules to import first, which register further modules."""

    def __post_init__(self) -> None:
        check_fields(self)
        for name in ("backbone", "data", "baseline"):
            object.__setattr__(self, name, canonical(getattr(self, name)))
        variants = [canonical(text) for text in self.attention]
        if self.baseline not in variants:
            variants.insert(0, self.baseline)
        object.__setattr__(self, "attention", tuple(variants))
        check(len(set(variants)) == len(variants), "each variant may be named once", attention=self.attention)
        check(bool(self.seeds), "at least one seed is needed", seeds=self.seeds)
        check(len(set(self.seeds)) == len(self.seeds), "each seed may be named once", seeds=self.seeds)
        check(all(0 <= seed < 2**31 for seed in self.seeds), "seeds must lie in [0, 2**31)", seeds=self.seeds)
        check_divided(self.recipe.batch_size, self.compute)


def digest(spec: RunSpec) -> str:
    """The identity of a run: 16 hexadecimal digits of the SHA-256 of its canonical JSON."""
    return hashlib.sha256(msgspec.json.encode(fields_of(spec), order="sorted")).hexdigest()[:16]
