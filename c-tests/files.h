/* Files, folders and long texts. A test fails if one of these functions cannot do its work. */
#ifndef FILES_H
#define FILES_H

#include <stdbool.h>
#include <stddef.h>

enum { MAX_PATH = 512 };

bool exists(const char *path);
/* Reads a whole file and ends it with a null character. The caller frees it. */
char *read_file(const char *path, size_t *size);
/* Creates or replaces a file that its owner alone can read. */
void write_file(const char *path, const void *bytes, size_t size);
void copy_file(const char *from, const char *to);
void make_folder(const char *path);
void delete_tree(const char *path);
/* Returns a text that repeats a character this many times. The caller frees it. */
char *repeat(char character, size_t times);

#endif
