"""Models against each other on tables: comparisons, how much width networks need, and what models read."""
