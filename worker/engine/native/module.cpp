// The Python module worker.engine._native.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#if defined(__SSE__)
#include <immintrin.h>
#endif

#include "learner.hpp"

namespace py = pybind11;
using namespace tombola;

namespace {

// Denormal numbers are zero while it lives, in this thread: weight decay drives idle weights into their
// range, where CPUs are slow.
class NoDenormals {
  public:
#if defined(__SSE__)
    NoDenormals() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040u); }
    ~NoDenormals() { _mm_setcsr(before_); }

  private:
    unsigned before_;
#elif defined(__aarch64__)
    NoDenormals() {
        asm volatile("mrs %0, fpcr" : "=r"(before_));
        asm volatile("msr fpcr, %0" ::"r"(before_ | (1ull << 24)));
    }
    ~NoDenormals() { asm volatile("msr fpcr, %0" ::"r"(before_)); }

  private:
    std::uint64_t before_;
#endif
};

// A flag that ends the training of all learners that look at it.
struct Stop {
    std::atomic<bool> flag{false};
};

// What this CPU runs, the fastest first.
std::vector<std::string> instruction_sets() {
    std::vector<std::string> found;
#if defined(__x86_64__)
    __builtin_cpu_init();
    // All that the kernels are compiled for: virtual machines may hide any of them.
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                      __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("bmi") &&
                      __builtin_cpu_supports("bmi2");
    if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        found.push_back("avx512");
    if (avx2) found.push_back("avx2");
#endif
    found.push_back("portable");
    return found;
}

std::unique_ptr<Learner> make_learner(const std::string& instructions, const Settings& settings) {
    for (const std::string& found : instruction_sets()) {
        if (found != instructions) continue;
#if defined(__x86_64__)
        if (found == "avx512") return std::unique_ptr<Learner>(avx512::make(settings));
        if (found == "avx2") return std::unique_ptr<Learner>(avx2::make(settings));
#endif
        return std::unique_ptr<Learner>(portable::make(settings));
    }
    throw std::invalid_argument("this CPU does not run " + instructions);
}

const char* name_of(Outcome outcome) {
    switch (outcome) {
        case Outcome::success:
            return "success";
        case Outcome::censored:
            return "censored";
        default:
            return "diverged";
    }
}

py::object train(Learner& learner, const Stop& stop) {
    Outcome outcome;
    {
        py::gil_scoped_release released;
        NoDenormals no_denormals;
        outcome = learner.train(stop.flag);
    }
    return outcome == Outcome::none ? py::object(py::none()) : py::object(py::str(name_of(outcome)));
}

std::int64_t advance(Learner& learner, std::int64_t count, const Stop& stop) {
    py::gil_scoped_release released;
    NoDenormals no_denormals;
    return learner.advance(count, stop.flag);
}

py::list errors(const std::vector<double>& values) {
    py::list found;
    for (double value : values)
        found.append(std::isfinite(value) ? py::object(py::float_(value)) : py::object(py::none()));
    return found;
}

std::size_t parameter_bytes(const Settings& settings) {
    return 4u * static_cast<std::size_t>((settings.n + 2) * settings.width + 1);
}

// A learner and what it was made from.
struct Held {
    Settings settings;
    std::unique_ptr<Learner> learner;

    Held(const std::string& instructions, const Settings& wanted) : settings(wanted) {
        py::gil_scoped_release released;
        learner = make_learner(instructions, wanted);
    }
};

py::bytes save(const Held& held) {
    PyObject* bytes = PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(parameter_bytes(held.settings)));
    if (bytes == nullptr) throw py::error_already_set();
    // The data of a bytes object stands at an even place, not always at one fit for floats on every machine;
    // CPython's do.
    held.learner->save(reinterpret_cast<float*>(PyBytes_AS_STRING(bytes)));
    return py::reinterpret_steal<py::bytes>(bytes);
}

void restore(Held& held, std::int64_t steps, const py::bytes& parameters, const std::vector<std::int64_t>& curve_steps,
             const std::vector<double>& train_errors, const std::vector<double>& test_errors) {
    char* data = nullptr;
    Py_ssize_t size = 0;
    if (PyBytes_AsStringAndSize(parameters.ptr(), &data, &size) != 0) throw py::error_already_set();
    if (static_cast<std::size_t>(size) != parameter_bytes(held.settings))
        throw std::invalid_argument("parameters of " + std::to_string(size) + " bytes, not " +
                                    std::to_string(parameter_bytes(held.settings)));
    held.learner->restore(reinterpret_cast<const float*>(data), steps);
    held.learner->curve = Curve{curve_steps, train_errors, test_errors};
}

}  // namespace

PYBIND11_MODULE(_native, module, py::mod_gil_not_used()) {
    module.doc() = "One run of the parity learner in C++: see worker.engine.native_engine.";
    module.def("instruction_sets", &instruction_sets, "Names of the kernels this CPU runs, the fastest first.");

    py::class_<Stop>(module, "Stop", "A flag that ends the training of all learners that look at it.")
        .def(py::init<>())
        .def("set", [](Stop& stop) { stop.flag.store(true); })
        .def("is_set", [](const Stop& stop) { return stop.flag.load(); });

    py::enum_<Loss>(module, "Loss")
        .value("hinge", Loss::hinge)
        .value("logistic", Loss::logistic)
        .value("squared", Loss::squared);

    py::class_<Settings>(module, "Settings", "What a run depends on; 0 samples is online, 0 sparsity dense, "
                                             "batch_size 0 the whole training set.")
        .def(py::init([](std::int64_t n, std::int64_t k, std::int64_t width, std::int64_t samples,
                         std::int64_t sparsity, std::uint32_t seed, std::uint32_t key_0, std::uint32_t key_1,
                         double learning_rate, double weight_decay, std::int64_t batch_size, std::int64_t max_steps,
                         Loss loss, std::int64_t eval_every, std::int64_t test_samples, double success_error) {
                 Settings settings;
                 settings.n = n;
                 settings.k = k;
                 settings.width = width;
                 settings.samples = samples;
                 settings.sparsity = sparsity;
                 settings.seed = seed;
                 settings.key[0] = key_0;
                 settings.key[1] = key_1;
                 settings.learning_rate = learning_rate;
                 settings.weight_decay = weight_decay;
                 settings.batch_size = batch_size;
                 settings.max_steps = max_steps;
                 settings.loss = loss;
                 settings.eval_every = eval_every;
                 settings.test_samples = test_samples;
                 settings.success_error = success_error;
                 return settings;
             }),
             py::kw_only(), py::arg("n"), py::arg("k"), py::arg("width"), py::arg("samples"), py::arg("sparsity"),
             py::arg("seed"), py::arg("key_0"), py::arg("key_1"), py::arg("learning_rate"), py::arg("weight_decay"),
             py::arg("batch_size"), py::arg("max_steps"), py::arg("loss"), py::arg("eval_every"),
             py::arg("test_samples"), py::arg("success_error"))
        .def_property_readonly("required_bytes", &required_bytes, "Memory of a learner, within a few pages.");

    py::class_<Held>(module, "Learner")
        .def(py::init<const std::string&, const Settings&>(), py::arg("instructions"), py::arg("settings"))
        .def("train", [](Held& held, const Stop& stop) { return train(*held.learner, stop); },
             "Goes on until the run ends and returns its outcome, or None when `stop` was set before.")
        .def("advance",
             [](Held& held, std::int64_t count, const Stop& stop) { return advance(*held.learner, count, stop); },
             "Takes steps without evaluation and returns how many.")
        .def_property_readonly("steps", [](const Held& held) { return held.learner->steps(); })
        .def_property_readonly("curve",
                               [](const Held& held) {
                                   const Curve& curve = held.learner->curve;
                                   return py::make_tuple(curve.steps, errors(curve.train_error),
                                                         errors(curve.test_error));
                               })
        .def("save", &save, "The parameters, as worker.engine.seam.Checkpoint has them.")
        .def("restore", &restore, py::arg("steps"), py::arg("parameters"), py::arg("curve_steps"),
             py::arg("train_errors"), py::arg("test_errors"));
}
