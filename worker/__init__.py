"""Workers: Celery tasks over pure numerics, and the embedded stack for a laptop."""
