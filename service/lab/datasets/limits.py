"""What a table may have."""

from __future__ import annotations

MAX_COLUMNS = 10_000  #: the target included
MAX_CLASSES = 1_000
MIN_ROWS = 10
MIN_ROWS_PER_CLASS = 2
MAX_NAME = 200  #: characters of a column's name
MAX_LABEL = 1_000  #: characters of a category
#: A value that is one of these, spaces around it aside, is missing, in text of whatever format.
MISSING = ("", "NA", "N/A", "n/a", "<NA>", "NaN", "nan", "NULL", "Null", "null", "None", "?")
