// The account of an answer as a tree, for people.
#pragma once
#include <boost/json/fwd.hpp>
#include <string>

namespace sluice::app {

// `account`: what the gateway answered, {"explain": …, "answer": …}. With lines and colours for stdout.
std::string explain_tree(const boost::json::object& account);

}  // namespace sluice::app
