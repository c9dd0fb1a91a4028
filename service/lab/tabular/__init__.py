"""Experiments on tables: from a spec and stored data sets to configurations, and what their runs cost."""
