# cmake -DNM=… -DFILE=… -P check-exports.cmake: fails unless the shared object exports exactly slc_plugin_entry.
execute_process(COMMAND ${NM} -D --defined-only ${FILE} OUTPUT_VARIABLE symbols RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "${NM} cannot read ${FILE}")
endif()
string(REGEX REPLACE "\n+$" "" symbols "${symbols}")
string(REPLACE "\n" ";" symbols "${symbols}")
list(TRANSFORM symbols REPLACE "^[0-9a-fA-F ]+[A-Za-z] " "")
if(NOT "${symbols}" STREQUAL "slc_plugin_entry")
  list(JOIN symbols ", " symbols)
  message(FATAL_ERROR "${FILE} must export slc_plugin_entry and nothing else, but exports: ${symbols}. "
    "Define the entry as `const slc_entry SLC_ENTRY_SYMBOL = {…};`, in C++ inside extern \"C\".")
endif()
