#if defined(__x86_64__) || defined(_M_X64)

// Everything that this file instantiates must stay in its namespace (see learner.hpp).
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <new>

#include "learner.hpp"
#include "sizes.hpp"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,popcnt,bmi,bmi2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,popcnt,bmi,bmi2")
#endif

#include <immintrin.h>

#define TOMBOLA_NAMESPACE avx512
#define TOMBOLA_LANES 16
#include "kernel.inc"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
