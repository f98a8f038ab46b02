/* Exports nothing: some shared object that was put into the plugins folder. */
extern const int some_other_symbol;
const int some_other_symbol = 1;
