# cmake -DREADELF=… -DFILE=… -P check-note.cmake: fails unless the shared object has the note of sluice/note.h.
execute_process(COMMAND ${READELF} --notes --wide ${FILE} OUTPUT_VARIABLE notes ERROR_VARIABLE said RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "${READELF} cannot read ${FILE}: ${said}")
endif()
if(NOT "${notes}" MATCHES "\n +sluice[ \t]+0x")
  message(FATAL_ERROR "${FILE} has no note, so tools cannot read it without loading it. In C++ SLC_PLUGIN writes it; beside an "
    "entry of your own write SLC_PLUGIN_NOTE(id, version, built_with, flags, bindings), see sluice/note.h.")
endif()
