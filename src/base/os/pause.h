// A hint for spin loops.
#pragma once

namespace slip {

// Tells the core that this is a spin loop: frees the pipeline for the sibling hyper-thread, saves
// power.
inline void spin_pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

}  // namespace slip
