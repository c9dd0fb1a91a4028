"""The reproduction report: findings tested, theory drawn beside them; `compose.report` puts it together."""
