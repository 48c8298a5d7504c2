/* The tests of pims.hpp. Options are those of doctest. */
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <string>

/* One translation unit more with the header: nothing in it may be defined twice. */
#include "pims.hpp"

std::string program;

int main(int argc, char **argv)
{
    program = argv[0];
    return doctest::Context(argc, argv).run();
}
