"""SQL only: models, sessions, and one module of queries per noun."""
