/* cmocka, after the headers that it requires, and the check of printf formats. */
#ifndef TESTING_H
#define TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#if defined(__GNUC__)
#define PRINTF(form, first) __attribute__((__format__(__printf__, form, first)))
#else
#define PRINTF(form, first)
#endif

#endif
