"""Every registered attention module, in each of its forms: what the tests over all modules run on."""

VARIANTS = [
    "sge",
    "sge:groups=2,gate_scale_init=1",
    "se",
    "se:bias=false,reduction=4",
    "sk",
    "sk:branch_groups=4,reduction=2",
    "bam",
    "bam:combine=product",
    "cbam",
    "cbam:spatial_gate=false",
    "cbam:channel_gate=false,kernel_size=3",
    "ge",
    "ge:extent=2",
    "ge:extent=4,parametric=true",
    "ge:extent=2,mlp=true,parametric=true",
    "ge:mlp=true,parametric=true",
]
