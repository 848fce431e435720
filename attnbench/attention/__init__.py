"""Attention modules, one paper a file; importing the package registers them."""

from attnbench.attention.bam import BAM
from attnbench.attention.cbam import CBAM
from attnbench.attention.coordatt import CoordinateAttention
from attnbench.attention.eca import EfficientChannelAttention
from attnbench.attention.ema import EfficientMultiScaleAttention
from attnbench.attention.fca import FrequencyChannelAttention
from attnbench.attention.gc import GlobalContext
from attnbench.attention.gct import GatedChannelTransformation
from attnbench.attention.gct_gaussian import GaussianContextTransformer
from attnbench.attention.ge import GatherExcite
from attnbench.attention.lct import LinearContextTransform
from attnbench.attention.lka import LargeKernelAttention
from attnbench.attention.lsk import LargeSelectiveKernel
from attnbench.attention.registration import (
    ATTENTION,
    AttentionEntry,
    Placement,
    attention_settings,
    register_attention,
)
from attnbench.attention.sa import ShuffleAttention
from attnbench.attention.se import SqueezeExcitation
from attnbench.attention.sge import SpatialGroupEnhance
from attnbench.attention.simam import SimAM
from attnbench.attention.sk import SelectiveKernel
from attnbench.attention.srm import StyleRecalibration
from attnbench.attention.triplet import TripletAttention

__all__ = [
    "ATTENTION",
    "BAM",
    "CBAM",
    "AttentionEntry",
    "CoordinateAttention",
    "EfficientChannelAttention",
    "EfficientMultiScaleAttention",
    "FrequencyChannelAttention",
    "GatedChannelTransformation",
    "GatherExcite",
    "GaussianContextTransformer",
    "GlobalContext",
    "LargeKernelAttention",
    "LargeSelectiveKernel",
    "LinearContextTransform",
    "Placement",
    "SelectiveKernel",
    "ShuffleAttention",
    "SimAM",
    "SpatialGroupEnhance",
    "SqueezeExcitation",
    "StyleRecalibration",
    "TripletAttention",
    "attention_settings",
    "register_attention",
]
