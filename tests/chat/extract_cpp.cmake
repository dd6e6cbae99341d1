# Writes the first ```cpp block of a page into a file: cmake -DPAGE=... -DOUT=... -P extract_cpp.cmake
file(READ ${PAGE} page)
string(REGEX MATCH "```cpp\n([^`]*)```" block "${page}")
if(NOT block)
  message(FATAL_ERROR "${PAGE}: no \`\`\`cpp block")
endif()
file(WRITE ${OUT} "${CMAKE_MATCH_1}")
