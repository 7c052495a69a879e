# Helpers that every folder of src/ and tests/ uses: one target a folder, the same flags everywhere.
include_guard()

# Warnings and the floating-point contract: no contraction (a fused multiply-add is always written
# out), no -ffast-math, no global -march. See docs/numerics.md.
add_library(slip_flags INTERFACE)
target_compile_options(slip_flags INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wconversion
                                            -Wno-sign-conversion -ffp-contract=off -fno-math-errno)
target_include_directories(slip_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
if(SLIP_WERROR)
  target_compile_options(slip_flags INTERFACE -Werror)
endif()
if(SLIP_SANITIZE)
  target_compile_options(slip_flags INTERFACE -fsanitize=${SLIP_SANITIZE} -fno-omit-frame-pointer
                                              -fno-sanitize-recover=all)
  target_link_options(slip_flags INTERFACE -fsanitize=${SLIP_SANITIZE})
endif()
if(SLIP_FUZZ)
  target_compile_options(slip_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(SLIP_COVERAGE)
  target_compile_options(slip_flags INTERFACE --coverage)
  target_link_options(slip_flags INTERFACE --coverage)
endif()

# slip_module(NAME DEPS <folders below> LINKS <libraries>): target slip_NAME from this folder's
# *.cpp, sub-folders included. Every .cpp counts: adding a file is enough.
function(slip_module name)
  cmake_parse_arguments(ARG "" "" "DEPS;LINKS;EXCLUDE" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  foreach(pattern IN LISTS ARG_EXCLUDE)
    list(FILTER sources EXCLUDE REGEX ${pattern})
  endforeach()
  add_library(slip_${name} STATIC ${sources})
  target_link_libraries(slip_${name} PUBLIC slip_flags ${ARG_LINKS})
  foreach(dep IN LISTS ARG_DEPS)
    target_link_libraries(slip_${name} PUBLIC slip_${dep})
  endforeach()
endfunction()

# slip_registry(NAME HEADER TYPE DIR): generates ${NAME}.cpp with
#   std::vector<const TYPE*> NAME()   — one entry per DIR/*.cpp, each of which defines
#   `const TYPE& NAME_<file stem>()`. A file's presence registers it.
function(slip_registry)
  cmake_parse_arguments(ARG "" "NAME;HEADER;TYPE;DIR;TARGET" "" ${ARGN})
  file(GLOB files CONFIGURE_DEPENDS ${ARG_DIR}/*.cpp)
  set(decls "")
  set(entries "")
  foreach(file IN LISTS files)
    get_filename_component(stem ${file} NAME_WE)
    string(APPEND decls "const ${ARG_TYPE}& ${ARG_NAME}_${stem}();\n")
    string(APPEND entries "    &${ARG_NAME}_${stem}(),\n")
  endforeach()
  set(out ${CMAKE_CURRENT_BINARY_DIR}/${ARG_NAME}_registry.cpp)
  file(CONFIGURE OUTPUT ${out} CONTENT "// Generated from the files of a folder; see cmake/SlipModule.cmake.
#include <vector>
#include \"${ARG_HEADER}\"
namespace slip {
${decls}
std::vector<const ${ARG_TYPE}*> ${ARG_NAME}() {
  return {
${entries}  };
}
}  // namespace slip
")
  target_sources(${ARG_TARGET} PRIVATE ${out})
endfunction()

# slip_test(FOLDER DEPS <modules>): one gtest executable test_FOLDER from tests/FOLDER/*_test.cpp.
function(slip_test name)
  cmake_parse_arguments(ARG "" "" "DEPS;LINKS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp)
  add_executable(test_${name} ${sources})
  foreach(dep IN LISTS ARG_DEPS)
    target_link_libraries(test_${name} PRIVATE slip_${dep})
  endforeach()
  target_link_libraries(test_${name} PRIVATE slip_flags GTest::gtest_main GTest::gmock ${ARG_LINKS})
  target_include_directories(test_${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_compile_definitions(test_${name} PRIVATE SLIP_TEST_DATA="${CMAKE_SOURCE_DIR}/tests/data")
  if(CMAKE_CROSSCOMPILING)
    # Starting the emulator once per case would take longer than the cases.
    add_test(NAME ${name} COMMAND test_${name})
    set_tests_properties(${name} PROPERTIES TIMEOUT 1800)
    return()
  endif()
  # Tests keep their hands off the user's cache.
  gtest_discover_tests(test_${name} TEST_PREFIX "${name}/" DISCOVERY_MODE PRE_TEST
                       PROPERTIES TIMEOUT 600
                       ENVIRONMENT "SLIPSTREAM_PACK_CACHE=${CMAKE_BINARY_DIR}/tests/packed")
endfunction()
