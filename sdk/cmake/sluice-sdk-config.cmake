include(${CMAKE_CURRENT_LIST_DIR}/sluice-sdk-targets.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/sluice-plugin.cmake)
