include(${CMAKE_CURRENT_LIST_DIR}/sluice-sdk-targets.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/sluice-plugin.cmake)
# For plugins that sluice_add_plugin does not build: cmake -DNM=… -DFILE=… -P ${SLUICE_CHECK_EXPORTS}
set(SLUICE_CHECK_EXPORTS ${CMAKE_CURRENT_LIST_DIR}/check-exports.cmake)
