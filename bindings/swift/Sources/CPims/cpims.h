/* What Swift sees of the library: pims.h as it is installed, or as -I names it. */
#include <pims.h>
