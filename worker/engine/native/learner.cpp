#include "learner.hpp"

#include "sizes.hpp"

namespace tombola {

Learner::Learner() = default;
Learner::~Learner() = default;

void Curve::add(std::int64_t step, double train, double test) {
    steps.push_back(step);
    train_error.push_back(train);
    test_error.push_back(test);
}

std::int64_t Curve::last_step() const { return steps.empty() ? 0 : steps.back(); }

std::int64_t required_bytes(const Settings& settings) {
    const long rows = settings.n + 1, words = divide_up(settings.n, 32), batch = batch_of(settings);
    const long tiles = divide_up(settings.width, TILE), weights = tiles * TILE * (rows + 1) * 4;
    const long chunk = chunk_blocks(settings) * BLOCK, block_row = (rows + 1 + TILE) * 4;
    const long samples = (kept_samples(settings, settings.samples) + kept_samples(settings, settings.test_samples)) *
                         words * 4;
    const bool large = batch > LARGE_BATCH;
    const long together = large ? chunk : divide_up(batch, BLOCK) * BLOCK;
    const long minibatches = large ? weights + batch * 4 : 2 * together * block_row;
    const long activations = (large ? 2 : tiles + 1) * together * TILE * 4 + together * 16;
    return weights + samples + chunk * block_row + minibatches + activations + (DRAWN_WORDS + batch) * 8;
}

}  // namespace tombola
