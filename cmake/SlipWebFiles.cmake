include_guard()

# slip_embed_web_files(TARGET): adds the files of web/ to the target, as bytes in a generated source
# that is made anew when one of them changes. They are found through serve/web_files.h.
function(slip_embed_web_files target)
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/web/*)
  set(script ${CMAKE_SOURCE_DIR}/cmake/embed_web_files.cmake)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/web_files_data.cpp)
  add_custom_command(OUTPUT ${out} DEPENDS ${files} ${script}
                     COMMAND ${CMAKE_COMMAND} -DFOLDER=${CMAKE_SOURCE_DIR}/web -DOUT=${out} -P ${script}
                     COMMENT "Embedding web/" VERBATIM)
  target_sources(${target} PRIVATE ${out})
endfunction()
