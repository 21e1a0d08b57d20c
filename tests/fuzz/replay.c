/* replay -- runs a fuzz target over the files and folders given, without a fuzzing engine. Says how many. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define MAX_FILE (64 << 20)

static int files;

static void run_file(const char *path, FILE *f)
{
	uint8_t *data = malloc(MAX_FILE);
	size_t n;

	if (!data)
		abort();
	n = fread(data, 1, MAX_FILE, f);
	/* The last name on stderr is the one that failed. */
	fprintf(stderr, "%s\n", path);
	LLVMFuzzerTestOneInput(data, n);
	free(data);
	files++;
}

static void run(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;

	if (d) {
		while ((e = readdir(d))) {
			char below[4096];

			if (e->d_name[0] == '.')
				continue;
			snprintf(below, sizeof below, "%s/%s", path, e->d_name);
			run(below);
		}
		closedir(d);
	} else {
		FILE *f = fopen(path, "rb");

		if (!f) {
			perror(path);
			exit(1);
		}
		run_file(path, f);
		fclose(f);
	}
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		run(argv[i]);
	printf("%d files\n", files);
	return files == 0;
}
