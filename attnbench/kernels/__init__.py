"""What attention modules compute, in few passes over the feature map: in PyTorch, and as kernels for GPUs."""
