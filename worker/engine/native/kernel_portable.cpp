// For CPUs without AVX2, and every other architecture (NEON on Arm): what the compiler makes of vectors of four.
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <new>

#include "learner.hpp"
#include "sizes.hpp"

#define TOMBOLA_NAMESPACE portable
#define TOMBOLA_LANES 4
#include "kernel.inc"
