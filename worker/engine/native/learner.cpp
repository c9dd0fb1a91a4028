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
    const long inputs = settings.n + 1, groups = divide_up(inputs, 4), words = divide_up(inputs, 32);
    const long batch = batch_of(settings), tiles = divide_up(settings.width, TILE);
    const long weights = tiles * TILE * (groups * 4 + 1) * 4;
    const long kept = kept_samples(settings, settings.samples) + kept_samples(settings, settings.test_samples);
    const long sample = words * 4 + groups * 2 + TILE * 4 + 8;  // of a chunk
    const bool large = batch > LARGE_BATCH;
    const long together = large ? CHUNK : divide_up(batch, BLOCK) * BLOCK;
    const long minibatches = large ? weights + batch * 4 : 2 * together * sample;
    const long activations = ((large ? 1 : tiles) * together + CHUNK) * TILE * 4 + together * (words * 16 + 12);
    const long drawn = settings.batch_size > 0 && settings.samples > 0 ? DRAWN_WORDS + batch : 0;
    return weights + kept * words * 4 + CHUNK * sample + minibatches + activations + drawn * 4;
}

}  // namespace tombola
