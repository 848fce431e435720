"""Ablations: from the records of runs to a table in the ablation's own order, sentences and figures."""
