"""HTTP only: one router per noun, problem documents, keys, paging, conditional answers, event streams."""
