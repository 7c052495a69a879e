# Cross build for 64-bit Arm on Debian: g++-aarch64-linux-gnu, tests under qemu-user-static.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
# Static, so that the emulator needs no Arm libraries beside the program.
set(CMAKE_EXE_LINKER_FLAGS_INIT -static)
# `max` has every extension that the emulator knows, the dot products included.
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static -cpu max)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
