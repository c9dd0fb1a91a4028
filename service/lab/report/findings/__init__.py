"""The findings of the paper, by resource; each module returns drafts, and `draft.verdicts` judges them."""
