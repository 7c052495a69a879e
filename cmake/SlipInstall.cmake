# What `cmake --install` puts where: the program, the library with its public headers, and the CMake
# package by which others find it:
#   find_package(slipstream REQUIRED)
#   target_link_libraries(app PRIVATE slipstream::slipstream)
include_guard()
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# slip_public_library(FOLDERS <folders of src>): libslipstream.a, made of the objects of these
# folders, so that a user links one file whatever our layers are. Its target is slipstream_lib
# because `slipstream` is the program; outside both trees it is slipstream::slipstream.
function(slip_public_library)
  cmake_parse_arguments(ARG "" "" "FOLDERS" ${ARGN})
  add_library(slipstream_lib STATIC)
  add_library(slipstream::slipstream ALIAS slipstream_lib)
  foreach(folder IN LISTS ARG_FOLDERS)
    target_sources(slipstream_lib PRIVATE $<TARGET_OBJECTS:slip_${folder}>)
    get_target_property(links slip_${folder} INTERFACE_LINK_LIBRARIES)
    list(FILTER links EXCLUDE REGEX "^slip_")
    target_link_libraries(slipstream_lib PRIVATE ${links})
  endforeach()
  # What a library takes from object libraries is not among its own objects.
  foreach(isa IN ITEMS ref avx2 avx512 avx512_bf16 neon)
    if(TARGET slip_kernels_${isa})
      target_sources(slipstream_lib PRIVATE $<TARGET_OBJECTS:slip_kernels_${isa}>)
    endif()
  endforeach()
  target_include_directories(slipstream_lib PUBLIC $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>
                                                   $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_features(slipstream_lib PUBLIC cxx_std_20)
  set_target_properties(slipstream_lib PROPERTIES OUTPUT_NAME slipstream EXPORT_NAME slipstream
                        LINKER_LANGUAGE CXX)

  install(TARGETS slipstream_lib EXPORT slipstream ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/slipstream
          DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
  set(package ${CMAKE_INSTALL_LIBDIR}/cmake/slipstream)
  install(EXPORT slipstream NAMESPACE slipstream:: FILE slipstreamTargets.cmake
          DESTINATION ${package})
  configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/slipstreamConfig.cmake.in
                                ${CMAKE_BINARY_DIR}/slipstreamConfig.cmake
                                INSTALL_DESTINATION ${package})
  write_basic_package_version_file(${CMAKE_BINARY_DIR}/slipstreamConfigVersion.cmake
                                   COMPATIBILITY SameMinorVersion)
  install(FILES ${CMAKE_BINARY_DIR}/slipstreamConfig.cmake
                ${CMAKE_BINARY_DIR}/slipstreamConfigVersion.cmake
          DESTINATION ${package})
endfunction()

# slip_install_program(): the program, the module that it loads for gRPC, and the completion of shells
# that it writes itself.
function(slip_install_program)
  install(TARGETS slipstream RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(TARGETS slipstream_grpc LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/slipstream)
  if(CMAKE_CROSSCOMPILING)
    return()
  endif()
  set(out ${CMAKE_BINARY_DIR}/completion)
  file(MAKE_DIRECTORY ${out})
  foreach(shell IN ITEMS bash zsh)
    install(CODE "execute_process(COMMAND \"$<TARGET_FILE:slipstream>\" completion ${shell}
                                  OUTPUT_FILE \"${out}/slipstream.${shell}\"
                                  COMMAND_ERROR_IS_FATAL ANY)")
  endforeach()
  install(FILES ${out}/slipstream.bash RENAME slipstream
          DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
  install(FILES ${out}/slipstream.zsh RENAME _slipstream
          DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
endfunction()
