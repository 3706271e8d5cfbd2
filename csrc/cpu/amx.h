// The eight tile registers of AMX, each 16 rows of 64 bytes. The instructions are spelled as bytes, so every compiler
// and assembler takes them, whatever it knows of AMX (`objdump -d` shows them). With NERVE_AMX_EMULATION the same class
// computes in memory what the instructions would (amx_emulation.h).
#pragma once
#include <cstdint>

#include "cpu/simd.h"

namespace nerve::NERVE_ISA::amx {

constexpr int tile_halfwords = 512;  // a tile in memory: 1 KB, rows next to each other

#if !defined(NERVE_AMX_EMULATION)

// Configures the registers of this thread as long as it lives: between tasks nothing of them is left, or every switch
// of threads would save 8 KB, and other libraries would meet our configuration.
class Tiles {
  public:
    NERVE_INLINE Tiles() {
        struct alignas(64) Configuration {
            uint8_t palette = 1, start_row = 0, reserved[14] = {};
            uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
            uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
        } configuration;
        asm volatile(".byte 0xc4, 0xe2, 0x78, 0x49, 0x00" ::"a"(&configuration) : "memory");  // ldtilecfg (%rax)
    }
    NERVE_INLINE ~Tiles() { asm volatile(".byte 0xc4, 0xe2, 0x78, 0x49, 0xc0" ::: "memory"); }  // tilerelease
    Tiles(const Tiles&) = delete;
    Tiles& operator=(const Tiles&) = delete;

    template <int t>
    NERVE_INLINE void zero() {  // tilezero
        asm volatile(".byte 0xc4, 0xe2, 0x7b, 0x49, %c0" ::"i"(0xc0 | t << 3));
    }
    template <int t>
    NERVE_INLINE void load(const void* from) {  // tileloadd (%rax,%rcx,1)
        asm volatile(".byte 0xc4, 0xe2, 0x7b, 0x4b, %c2, 0x08" ::"a"(from), "c"(row_stride), "i"(4 | t << 3)
                     : "memory");
    }
    template <int t>
    NERVE_INLINE void store(void* to) {  // tilestored
        asm volatile(".byte 0xc4, 0xe2, 0x7a, 0x4b, %c2, 0x08" ::"a"(to), "c"(row_stride), "i"(4 | t << 3) : "memory");
    }

    // sum (16, 16) of float += a (16, 32) @ b (32, 16), b as pairs of rows: row k of the tile holds b[2k][n] and
    // b[2k + 1][n] side by side.
    template <int sum, int a, int b>
    NERVE_INLINE void dot_bf16() {  // tdpbf16ps
        asm volatile(".byte 0xc4, 0xe2, %c0, 0x5c, %c1" ::"i"((~b & 15) << 3 | 2), "i"(0xc0 | sum << 3 | a));
    }
    template <int sum, int a, int b>
    NERVE_INLINE void dot_fp16() {  // tdpfp16ps
        asm volatile(".byte 0xc4, 0xe2, %c0, 0x5c, %c1" ::"i"((~b & 15) << 3 | 3), "i"(0xc0 | sum << 3 | a));
    }

  private:
    static constexpr int64_t row_stride = 64;
};

#endif

}  // namespace nerve::NERVE_ISA::amx

#if defined(NERVE_AMX_EMULATION)
#include "cpu/amx_emulation.h"
#endif
