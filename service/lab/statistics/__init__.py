"""Pure functions: intervals, survival and the Pareto frontier."""
