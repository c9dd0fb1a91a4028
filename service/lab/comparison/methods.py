"""How models are compared, in words for readers of the answer."""

from __future__ import annotations

METHODS = (
    "Every model is tuned by the same rule: of its hyperparameter settings, at each split and seed those "
    "whose accuracy on the validation rows is within one standard error of the best one's are not told "
    "apart, and of them the one with the largest area under the ROC curve on these rows counts (of equal "
    "ones the lower cross-entropy, then the first; after Breiman et al. 1984); test rows have no part in "
    "the choice. The optimistic accuracy is that of the "
    "setting with the best mean on the test rows, as the paper's maximum over its search space. A budget "
    "cuts the settings of each model in the order of its search, defaults first. Runs "
    "with outputs that are not finite are never chosen; a model that has no others at a split and seed "
    "has no accuracy there, and loses. Means are over splits, of means over seeds. Their limits are "
    "Student's over splits, with the variance corrected for the rows that splits of one table share "
    "(Nadeau and Bengio 2003, rho the share of the rows that is tested on); at small training sets they "
    "are wider than they need be. Differences are paired by split and seed: a win or a loss where the "
    "limits exclude 0, which is right for each by itself, not for all of them together. Over data sets: "
    "Wilcoxon's signed-rank test, exact, zeros by Pratt's rule, p-values corrected by Holm over all "
    "models and sizes; mean ranks with Nemenyi's critical difference (Demšar 2006). They take data sets "
    "as independent."
)
