// Templates from text: the grammar of Go's text/template. Names of functions and of variables are checked here; names of templates
// when they are called. Pure.
#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "core/config/template/syntax_tree.h"

namespace sluice::config::tmpl {

// Empty: there is such a function. Else what to tell a person behind `no function "x"`: a suggestion, or why it is not offered.
using FunctionCheck = std::function<std::optional<std::string>(std::string_view name)>;

inline constexpr size_t kMaxBlocks = 100;  // nesting of blocks and of parentheses

// Puts the template `name`, and those that the file defines, into `trees`. False: `fault` says where and why.
bool parse(const File&, const std::string& name, const FunctionCheck& unknown, Trees& trees, Fault& fault);

}  // namespace sluice::config::tmpl
