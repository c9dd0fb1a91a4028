// One run of the parity learner, and where its code for each instruction set is made.
//
// f(x) = u . relu(W x + b) + c, trained by mini-batch SGD. The kernel (kernel.inc) is compiled once for each
// instruction set; this header is what the kernels and the Python module share.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

namespace tombola {

enum class Loss { hinge, logistic, squared };
enum class Outcome { none, success, censored, diverged };

// What a run depends on. Field names are those of tombola.spec.
struct Settings {
    std::int64_t n = 0;         // input dimension
    std::int64_t k = 0;         // size of the hidden support
    std::int64_t width = 0;     // hidden neurons
    std::int64_t samples = 0;   // training-set size; 0 trains online
    std::int64_t sparsity = 0;  // ones per neuron at the start; 0 is dense
    std::uint32_t seed = 0;
    std::uint32_t key[2] = {0, 0};  // the target's key of the generator
    double learning_rate = 0;
    double weight_decay = 0;
    std::int64_t batch_size = 0;  // 0 is full-batch gradient descent
    std::int64_t max_steps = 0;
    Loss loss = Loss::hinge;
    std::int64_t eval_every = 0;
    std::int64_t test_samples = 0;
    double success_error = 0;
};

// Code of the standard library that a kernel instantiated could be taken by the linker for all files, and run
// on a CPU that lacks its instructions. So what touches the library is declared here and defined in
// learner.cpp, which is compiled for every CPU.

// Evaluations so far. Errors are NaN where not finite, and the training error where there is no training set.
struct Curve {
    std::vector<std::int64_t> steps;
    std::vector<double> train_error;
    std::vector<double> test_error;

    void add(std::int64_t step, double train, double test);
    std::int64_t last_step() const;
};

class Learner {
  public:
    Learner();
    virtual ~Learner();

    // Goes on until the run ends, or `stop` is set: then Outcome::none.
    virtual Outcome train(const std::atomic<bool>& stop) = 0;
    // Takes SGD steps without evaluation; returns how many, fewer only when `stop` is set.
    virtual std::int64_t advance(std::int64_t count, const std::atomic<bool>& stop) = 0;
    // Copies the parameters: hidden (n + 1, width), output (width), offset (1), float32.
    virtual void save(float* out) const = 0;
    virtual void restore(const float* in, std::int64_t steps) = 0;

    std::int64_t steps() const { return steps_.load(std::memory_order_relaxed); }

    Curve curve;

  protected:
    std::atomic<std::int64_t> steps_{0};
};

// Bytes that a learner allocates, within a few pages.
std::int64_t required_bytes(const Settings& settings);

namespace avx512 {
Learner* make(const Settings& settings);
}
namespace avx2 {
Learner* make(const Settings& settings);
}
namespace portable {
Learner* make(const Settings& settings);
}

}  // namespace tombola
