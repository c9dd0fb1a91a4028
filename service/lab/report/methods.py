"""How the report tests and estimates, in words for its readers."""

from __future__ import annotations

METHODS = (
    (
        "Cells share their random numbers at equal seeds, so runs of different cells at one seed depend on "
        "each other, and those of different seeds do not. Every test across cells therefore takes the seed "
        "as its unit: all cells of a seed become one number, whose sign is as likely as not under the "
        "hypothesis of no difference (sign-flip test of Fisher and Pitman, exact, all signs counted). With n "
        "seeds no p-value is below 2^-n."
    ),
    (
        "The hypothesis of no difference is that the cells compared are exchangeable. The tests are "
        "one-sided, in the direction that the paper claims. A small p-value says that cells are not "
        "exchangeable, in the claimed direction of the sum over cells, not that each cell shows it. Double "
        "descent tests the mean errors, too, for they are skewed; data-time counts as not supported only if "
        "failures taken as never agree, for the slow runs are those that fail."
    ),
    (
        "Limits of differences of probabilities and of shares are those of Student over seeds, with two more "
        "seeds of the largest possible contrast, one of either sign (after Bonett and Price 2012), so that "
        "few seeds that agree are no certainty. They can hold 0 where the test rejects: its hypothesis, that "
        "cells are exchangeable, says more than that their means are equal. Limits of factors of steps are "
        "those of a ratio estimator over seeds."
    ),
    (
        "Thresholds (smallest numbers of samples) rest on exact binomial limits of each cell and on success "
        "not falling with more samples; pairs of them are compared by Bonferroni's inequality, so the "
        "dependence of cells does not matter."
    ),
    (
        "Runs that diverged are failures, with the test error of guessing, 0.5. Steps of a run without "
        "success are taken as never."
    ),
    (
        "Parallel search is fitted by maximum likelihood over the widths of one number of samples and "
        "initialisation (binomial, complementary log-log link, offset log of the width). Its limits are "
        "those of the profile likelihood, widened by the design effect of the shared seeds (Rotnitzky and "
        "Jewell 1990), and exact ones where no run, or every run, succeeded; its goodness of fit "
        "takes cells as independent, and is a guide only."
    ),
)
