// KRAKEND_* and SLUICE_* variables over the file (config.md §1.2). [any thread]
#pragma once
#include <boost/json/object.hpp>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace sluice::config {

// Which variable set the value at a pointer, for messages.
using Origins = std::map<std::string, std::string, std::less<>>;

// Puts the variables whose (first) name is one of `known` into `root`. SLUICE_X wins over KRAKEND_X. Others are
// ignored.
void overlay_environment(boost::json::object& root, const std::map<std::string, std::string>& environment,
                         std::span<const std::string_view> known, Origins& origins);

}  // namespace sluice::config
