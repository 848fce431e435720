"""Which reference belongs to which registered name, and how its settings and weights are handed to it."""

import inspect
import math
from collections.abc import Callable

from torch import nn

from attnbench.attention import attention_settings
from attnbench.variant import Setting, Variant, settings_of
from tests.attention.inputs import arrays
from tests.references.bam import bam
from tests.references.cbam import channel_gate, spatial_gate
from tests.references.coordatt import coordatt
from tests.references.eca import eca
from tests.references.ema import ema
from tests.references.fca import fca
from tests.references.gc import gc
from tests.references.gct import gct
from tests.references.gct_gaussian import gct_gaussian
from tests.references.ge import excite, gather_means
from tests.references.layers import Array, batch_norm, conv, relu, sigmoid
from tests.references.lct import lct
from tests.references.lka import lka
from tests.references.lsk import lsk
from tests.references.sa import sa
from tests.references.se import se
from tests.references.sge import sge
from tests.references.simam import simam
from tests.references.sk import sk
from tests.references.srm import srm
from tests.references.triplet import triplet

FCA_FREQUENCIES = {
    "top": [
        *((0, 0), (0, 1), (6, 0), (0, 5), (0, 2), (1, 0), (1, 2), (4, 0)),
        *((5, 0), (1, 6), (3, 0), (0, 4), (0, 6), (0, 3), (3, 5), (2, 2)),
    ],
    "low": [(0, 0), (0, 1), (1, 0), (1, 1)],
}
"""The 16 best and the 4 lowest frequencies of FCA's paper, on a grid of 7×7."""

State = dict[str, Array]
Settings = dict[str, Setting]


def reference(text: str, module: nn.Module, x: Array) -> Array:
    """What the reference of a variant gives in evaluation, with the weights of a module of that variant.

    Args:
        text: The variant.
        module: A module of it, whose state alone is read.
        x: (N, C, H, W).
    """
    variant = Variant.parse(text)
    entry, given = attention_settings(variant)
    defaults = {
        name: parameter.default
        for name, parameter in settings_of(entry.module_class).items()
        if parameter.default is not inspect.Parameter.empty
    }
    return REFERENCES[variant.name](x, arrays(module), {**defaults, **given})


def _sge(x: Array, state: State, settings: Settings) -> Array:
    named = {name: settings[name] for name in ("groups", "normalize", "source")}
    return sge(x, state["gate_scale"], state["gate_shift"], **named)


def _lct(x: Array, state: State, settings: Settings) -> Array:
    return lct(x, **state, groups=settings["groups"])


def _lka(x: Array, state: State, settings: Settings) -> Array:
    return lka(x, state, dilation=settings["dilation"])


def _lsk(x: Array, state: State, settings: Settings) -> Array:
    return lsk(x, state)


def _sa(x: Array, state: State, settings: Settings) -> Array:
    return sa(x, state, groups=settings["groups"])


def _se(x: Array, state: State, settings: Settings) -> Array:
    return se(x, *_layers(state, "squeeze", "excite"))


def _sk(x: Array, state: State, settings: Settings) -> Array:
    groups = settings["branch_groups"] or math.gcd(32, x.shape[1])
    official = settings["source"] == "official"
    branches, dilations = ((1, groups), (1, 1)) if official else ((groups, groups), (1, 2))
    return sk(x, state, stride=1, groups=branches, dilations=dilations, training=False)


def _bam(x: Array, state: State, settings: Settings) -> Array:
    combine = settings["combine"] or ("product" if settings["source"] == "official" else "sum")
    return bam(x, state, dilation=settings["dilation"], combine=combine, training=False)


def _cbam(x: Array, state: State, settings: Settings) -> Array:
    if settings["channel_gate"]:
        x = channel_gate(x, *_layers(state, "channel_gate.mlp.0", "channel_gate.mlp.2"))
    if settings["spatial_gate"]:
        norm = _norm(state, "spatial_gate.norm") if settings["source"] == "official" else None
        x = spatial_gate(x, state["spatial_gate.conv.weight"], norm, training=False)
    return x


def _coordatt(x: Array, state: State, settings: Settings) -> Array:
    return coordatt(x, state, training=False)


def _eca(x: Array, state: State, settings: Settings) -> Array:
    return eca(x, state["conv.weight"][0, 0])


def _ema(x: Array, state: State, settings: Settings) -> Array:
    return ema(x, state, groups=settings["groups"])


def _fca(x: Array, state: State, settings: Settings) -> Array:
    points = settings["grid"]
    named = FCA_FREQUENCIES[settings["order"]][: settings["frequencies"]]
    assert len(named) == settings["frequencies"]
    pairs = [(u * points // 7, v * points // 7) for u, v in named]
    return fca(x, pairs, state["squeeze.weight"], state["excite.weight"], points=points)


def _gc(x: Array, state: State, settings: Settings) -> Array:
    return gc(x, state, fusion=settings["fusion"])


def _gct(x: Array, state: State, settings: Settings) -> Array:
    return gct(x, **state, norm=settings["norm"])


def _gct_gaussian(x: Array, state: State, settings: Settings) -> Array:
    learnt = settings["deviation"] == "learnt"
    return gct_gaussian(x, deviation=1 + 3 * float(sigmoid(state["theta"])[0]) if learnt else settings["deviation"])


def _ge(x: Array, state: State, settings: Settings) -> Array:
    channels, height, width = x.shape[1:]
    is_global = settings["extent"] == "global"
    extent = max(height, width) if is_global else settings["extent"]
    if is_global and settings["parametric"]:
        gathered = conv(x, state["gather.0.weight"][:, None], groups=channels)
        gathered = batch_norm(gathered, *_norm(state, "gather.1"), training=False)
    elif is_global:
        gathered = x.mean((2, 3), keepdims=True)
    elif settings["parametric"]:
        gathered = x
        for index in range(int(math.log2(extent))):
            gathered = relu(gathered) if index else gathered
            gathered = conv(gathered, state[f"gather.{3 * index}.weight"], stride=2, padding=1, groups=channels)
            gathered = batch_norm(gathered, *_norm(state, f"gather.{3 * index + 1}"), training=False)
    else:
        gathered = gather_means(x, extent, zeros_outside=settings["source"] == "official")
    if settings["mlp"]:
        first, first_bias, second, second_bias = _layers(state, "mlp.0", "mlp.2")
        gathered = conv(relu(conv(gathered, first, first_bias)), second, second_bias)
    return excite(x, gathered, extent)


def _simam(x: Array, state: State, settings: Settings) -> Array:
    return simam(x, regularization=settings["regularization"])


def _srm(x: Array, state: State, settings: Settings) -> Array:
    return srm(x, state["style_weight"], _norm(state, "norm"), source=settings["source"], training=False)


def _coordatt(x: Array, state: State, settings: Settings) -> Array:
    return coordatt(x, state, training=False)


def _triplet(x: Array, state: State, settings: Settings) -> Array:
    return triplet(x, state, spatial=settings["spatial"], training=False)


def _sa(x: Array, state: State, settings: Settings) -> Array:
    return sa(x, state, groups=settings["groups"])


def _gc(x: Array, state: State, settings: Settings) -> Array:
    return gc(x, state, fusion=settings["fusion"])


def _ema(x: Array, state: State, settings: Settings) -> Array:
    return ema(x, state, groups=settings["groups"])


def _lsk(x: Array, state: State, settings: Settings) -> Array:
    return lsk(x, state)


def _lka(x: Array, state: State, settings: Settings) -> Array:
    return lka(x, state, dilation=settings["dilation"])


def _gct_gaussian(x: Array, state: State, settings: Settings) -> Array:
    deviation = settings["deviation"]
    if deviation == "learnt":
        deviation = 3 * float(sigmoid(state["theta"])[0]) + 1
    return gct_gaussian(x, deviation=deviation)


def _triplet(x: Array, state: State, settings: Settings) -> Array:
    return triplet(x, state, spatial=settings["spatial"], training=False)


def _layers(state: State, *prefixes: str) -> tuple[Array | None, ...]:
    """Weight and bias, none where there is no bias, of each layer in turn."""
    return tuple(state.get(f"{prefix}.{name}") for prefix in prefixes for name in ("weight", "bias"))


def _norm(state: State, prefix: str) -> tuple[Array, ...]:
    return tuple(state[f"{prefix}.{name}"] for name in ("weight", "bias", "running_mean", "running_var"))


REFERENCES: dict[str, Callable[[Array, State, Settings], Array]] = {
    "bam": _bam,
    "cbam": _cbam,
    "coordatt": _coordatt,
    "eca": _eca,
    "ema": _ema,
    "fca": _fca,
    "gc": _gc,
    "gct": _gct,
    "gct-gaussian": _gct_gaussian,
    "ge": _ge,
    "lct": _lct,
    "lka": _lka,
    "lsk": _lsk,
    "sa": _sa,
    "se": _se,
    "sge": _sge,
    "simam": _simam,
    "sk": _sk,
    "srm": _srm,
    "triplet": _triplet,
}
"""The call of each registered name's reference: (x, state, settings) → y."""
