# The libraries that folders of src/ link. Imported targets are found here, where users of the
# library as a whole (cmake/SlipInstall.cmake) see them too.
include_guard()

find_package(Threads REQUIRED)

if(SLIP_KERNELS_ONLY)
  # A cross build has the headers of the host's -dev packages and none of their binaries: what is
  # header-only, or can be, is used as such under the name of the real library.
  find_path(SLIP_FMT_INCLUDE fmt/format.h REQUIRED)
  add_library(fmt::fmt INTERFACE IMPORTED)
  target_compile_definitions(fmt::fmt INTERFACE FMT_HEADER_ONLY)
else()
  find_package(fmt REQUIRED)
  find_package(Boost 1.81 REQUIRED COMPONENTS json)
  find_package(OpenSSL 3 REQUIRED)
endif()

if(SLIP_TESTS)
  if(SLIP_KERNELS_ONLY)
    # Debian's package googletest holds the sources that libgtest-dev was built from.
    set(INSTALL_GTEST OFF)
    add_subdirectory(/usr/src/googletest ${CMAKE_BINARY_DIR}/googletest EXCLUDE_FROM_ALL SYSTEM)
  else()
    find_package(GTest REQUIRED)
  endif()
endif()
