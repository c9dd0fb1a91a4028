// How large the parts of a learner are. Internal to each file that includes it (see learner.hpp).
#pragma once

#include "learner.hpp"

namespace tombola {
namespace {

constexpr long TILE = 16;                // neurons side by side
constexpr long BLOCK = 16;               // samples side by side
constexpr long LARGE_BATCH = 256;        // beyond it, activations are computed twice and not kept
constexpr long KEPT_BYTES = 32l << 20;   // larger sample tables are generated each time
constexpr long CHUNK = 256;              // samples of an evaluation, or of a large batch, at once
constexpr long DRAWN_WORDS = 2048;       // indices of samples that are drawn at once

constexpr long divide_up(long a, long b) { return (a + b - 1) / b; }

inline long batch_of(const Settings& settings) {
    return static_cast<long>(settings.batch_size > 0 ? settings.batch_size : settings.samples);
}

// How many samples of a stream are kept in memory: all or none.
inline long kept_samples(const Settings& settings, long count) {
    return count * divide_up(static_cast<long>(settings.n), 32) * 4 <= KEPT_BYTES ? count : 0;
}

}  // namespace
}  // namespace tombola
