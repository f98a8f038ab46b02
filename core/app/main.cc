#include "core/app/commands.h"

int main(int count, char** values) { return sluice::app::main(count, values); }
