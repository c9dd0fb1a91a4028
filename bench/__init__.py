"""Benchmarks: one script for each question, each a module to run with `python -m bench.<name>`."""
