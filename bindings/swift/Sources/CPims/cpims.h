/* The library's interface for Swift: the installed pims.h, or the one that -I names. */
#include <pims.h>
