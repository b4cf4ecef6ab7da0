"""Intervals, permutation nulls, calibration and paired comparison of alignments."""
