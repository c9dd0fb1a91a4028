"""Data sets: files become tables of numbers and categories, are checked, described and stored by content.

Nothing is encoded, scaled or imputed here: that belongs to the training, inside its folds.
"""
