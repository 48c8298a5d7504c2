/* Declares the interface as the header of commit fb07e63 had it beside today's: the compiler
   refuses a function with another prototype and a constant with another value. See
   tools/test-install.sh. */
#include <pims.h>
#undef PIMS_H
#include "../data/fb07e63/pims.h"
