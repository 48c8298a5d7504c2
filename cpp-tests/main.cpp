/* The tests of pims.hpp. The options are those of doctest. */
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <string>

/* One more translation unit with the header: it must contain no definition twice. */
#include "pims.hpp"

std::string program;

int main(int argc, char **argv)
{
    program = argv[0];
    return doctest::Context(argc, argv).run();
}
