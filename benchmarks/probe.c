/* What the machine can do at most: multiply-adds from registers, and copies. Compiled by limits.py for the instruction
   set under test; -DWIDTH is its vector length in floats. */
#include <string.h>

typedef float vec __attribute__((vector_size(WIDTH * 4)));

/* 12 independent chains of multiply-adds hide the latency of every current core; with -ffp-contract=fast each is one
   instruction where the level has it. The operands are finite whatever the count, and the sum keeps the loop alive. */
float multiply_adds(long count) {
    vec x[12], scale, shift;
    for (int lane = 0; lane < WIDTH; ++lane) scale[lane] = 0.999f, shift[lane] = 0.001f;
    for (int i = 0; i < 12; ++i) x[i] = shift * (float)i;
    for (long n = 0; n < count; ++n) {
#pragma GCC unroll 12
        for (int i = 0; i < 12; ++i) x[i] = x[i] * scale + shift;
    }
    for (int i = 1; i < 12; ++i) x[0] += x[i];
    return x[0][0];
}

void copies(char* out, const char* from, long bytes, long count) {
    for (long n = 0; n < count; ++n) {
        memcpy(out, from, bytes);
        __asm__ volatile("" : : "r"(out), "r"(from) : "memory");
    }
}

/* Ordinary loads and stores, which beat the library's copy where the data is in a cache. */
void vector_copies(vec* out, const vec* from, long bytes, long count) {
    for (long n = 0; n < count; ++n) {
        for (long i = 0; i < bytes / (long)sizeof(vec); i += 4)
            out[i] = from[i], out[i + 1] = from[i + 1], out[i + 2] = from[i + 2], out[i + 3] = from[i + 3];
        __asm__ volatile("" : : "r"(out), "r"(from) : "memory");
    }
}
