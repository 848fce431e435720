"""Attention modules, one paper a file; importing the package registers them."""

from attnbench.attention.bam import BAM
from attnbench.attention.cbam import CBAM
from attnbench.attention.ge import GatherExcite
from attnbench.attention.registration import (
    ATTENTION,
    AttentionEntry,
    Placement,
    attention_settings,
    register_attention,
)
from attnbench.attention.se import SqueezeExcitation
from attnbench.attention.sge import SpatialGroupEnhance
from attnbench.attention.sk import SelectiveKernel

__all__ = [
    "ATTENTION",
    "BAM",
    "CBAM",
    "AttentionEntry",
    "GatherExcite",
    "Placement",
    "SelectiveKernel",
    "SpatialGroupEnhance",
    "SqueezeExcitation",
    "attention_settings",
    "register_attention",
]
