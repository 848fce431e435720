"""Where runs are executed: in this process, in others of this machine, on a Ray cluster, or as jobs of SLURM."""
