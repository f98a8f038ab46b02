// What the program does for each command. Main thread; returns the exit code.
#pragma once
#include "core/app/options.h"

namespace sluice::app {

int run(const Options&);
int check(const Options&);
int version();

// From the arguments to the exit code.
int main(int count, char** values);

}  // namespace sluice::app
