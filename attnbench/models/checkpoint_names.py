"""How other projects name the weights of the networks and modules that attnbench builds.

Each rule rewrites one name to ours. Rules for one layer can lead to several
modules (a block's `conv2` is a convolution, or the first branch of SK), so a rule
counts only where the model has what it leads to.
"""

import re
from collections.abc import Iterator

_BLOCK = r"^(layer\d+\.\d+)\."

_AUTHORS = {
    # SGE
    rf"{_BLOCK}sge\.weight$": r"\1.se.gate_scale",
    rf"{_BLOCK}sge\.bias$": r"\1.se.gate_shift",
    # SE
    rf"{_BLOCK}se\.fc\.0\.": r"\1.se.squeeze.",
    rf"{_BLOCK}se\.fc\.2\.": r"\1.se.excite.",
    # CBAM
    rf"{_BLOCK}cbam\.ChannelGate\.mlp\.1\.": r"\1.se.channel_gate.mlp.0.",
    rf"{_BLOCK}cbam\.ChannelGate\.mlp\.3\.": r"\1.se.channel_gate.mlp.2.",
    rf"{_BLOCK}cbam\.SpatialGate\.spatial\.conv\.": r"\1.se.spatial_gate.conv.",
    rf"{_BLOCK}cbam\.SpatialGate\.spatial\.bn\.": r"\1.se.spatial_gate.norm.",
    # BAM
    r"^bam(\d)\.channel_att\.gate_c\.gate_c_fc_0\.": r"layer\1.attention.channel_branch.0.",
    r"^bam(\d)\.channel_att\.gate_c\.gate_c_bn_1\.": r"layer\1.attention.channel_branch.1.",
    r"^bam(\d)\.channel_att\.gate_c\.gate_c_fc_final\.": r"layer\1.attention.channel_branch.3.",
    r"^bam(\d)\.spatial_att\.gate_s\.gate_s_conv_reduce0\.": r"layer\1.attention.spatial_branch.0.",
    r"^bam(\d)\.spatial_att\.gate_s\.gate_s_bn_reduce0\.": r"layer\1.attention.spatial_branch.1.",
    r"^bam(\d)\.spatial_att\.gate_s\.gate_s_conv_di_0\.": r"layer\1.attention.spatial_branch.3.",
    r"^bam(\d)\.spatial_att\.gate_s\.gate_s_bn_di_0\.": r"layer\1.attention.spatial_branch.4.",
    r"^bam(\d)\.spatial_att\.gate_s\.gate_s_conv_di_1\.": r"layer\1.attention.spatial_branch.6.",
    r"^bam(\d)\.spatial_att\.gate_s\.gate_s_bn_di_1\.": r"layer\1.attention.spatial_branch.7.",
    r"^bam(\d)\.spatial_att\.gate_s\.gate_s_conv_final\.": r"layer\1.attention.spatial_branch.9.",
    # SK
    rf"{_BLOCK}conv2\.": r"\1.conv2.branches.0.0.",
    rf"{_BLOCK}bn2\.": r"\1.conv2.branches.0.1.",
    rf"{_BLOCK}conv2g\.": r"\1.conv2.branches.1.0.",
    rf"{_BLOCK}bn2g\.": r"\1.conv2.branches.1.1.",
    rf"{_BLOCK}conv_fc1\.": r"\1.conv2.fuse.0.",
    rf"{_BLOCK}bn_fc1\.": r"\1.conv2.fuse.1.",
    rf"{_BLOCK}conv_fc2\.": r"\1.conv2.select.",
}
"""The published models of SGE's authors, and the BAM and CBAM authors' own."""

_TIMM = {
    rf"{_BLOCK}se\.fc1\.": r"\1.se.squeeze.",
    rf"{_BLOCK}se\.fc2\.": r"\1.se.excite.",
    rf"{_BLOCK}conv2\.paths\.(\d)\.conv\.": r"\1.conv2.branches.\2.0.",
    rf"{_BLOCK}conv2\.paths\.(\d)\.bn\.": r"\1.conv2.branches.\2.1.",
    rf"{_BLOCK}conv2\.attn\.fc_reduce\.": r"\1.conv2.fuse.0.",
    rf"{_BLOCK}conv2\.attn\.bn\.": r"\1.conv2.fuse.1.",
    rf"{_BLOCK}conv2\.attn\.fc_select\.": r"\1.conv2.select.",
    rf"{_BLOCK}conv(\d)\.conv\.": r"\1.conv\2.",
    rf"{_BLOCK}conv(\d)\.bn\.": r"\1.bn\2.",
}
"""timm's SE and SK ResNets."""


def translations(name: str) -> Iterator[tuple[str, bool]]:
    """What a foreign name may be called here, likeliest first, and whether the rule is the modules' authors'."""
    yield name, False
    for rules, by_authors in ((_AUTHORS, True), (_TIMM, False)):
        for pattern, replacement in rules.items():
            renamed, matches = re.subn(pattern, replacement, name)
            if matches:
                yield renamed, by_authors
