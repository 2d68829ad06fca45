"""Measurements: each module runs by itself, `python -m bench.noop`, and prints a table of docs/performance.md.

What is compared is measured in the same run on the same machine, one after the other.
"""
