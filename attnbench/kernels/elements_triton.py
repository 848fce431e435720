"""What kernels do to single elements: read, write, and two functions of the field."""

import triton
import triton.language as tl


@triton.jit
def read(pointer, mask):
    """Values in float32, 0 where there are none."""
    return tl.load(pointer, mask=mask, other=0.0).to(tl.float32)


@triton.jit
def write(pointer, value, mask):
    """Values in the dtype that is stored there, rounded once."""
    tl.store(pointer, value.to(pointer.dtype.element_ty), mask=mask)


@triton.jit
def sigmoid(logit):
    """σ of a logit; the exponential may be infinite."""
    return 1 / (1 + tl.exp(-logit))


@triton.jit
def rectify(y):
    """ReLU, of which what is not a number comes out as it is."""
    return tl.where(y < 0, 0.0, y)
