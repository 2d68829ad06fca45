"""What runs one job, anywhere: stage in, run, stage out, and say how it goes."""
