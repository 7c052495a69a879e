// Everything in the vec/ headers and in each ISA's vec16.h is force-inlined or in an unnamed
// namespace: the same source is compiled for several ISAs, and a copy that the linker merged would
// reach CPUs that can't run it.
#pragma once

#define SLIP_INLINE inline __attribute__((always_inline))

// Before a loop of constant length over a register tile: unrolled, its arrays become registers.
#define SLIP_UNROLL _Pragma("GCC unroll 24")
