// What the two parts of the peer in C share: a job as the harness writes it, and errors.
#pragma once
#include <hdf5.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECKED(call) do { if ((long long)(call) < 0) { fprintf(stderr, "Error: %s failed\n", #call); exit(1); } } while (0)
#define MIB ((hsize_t)1 << 20)

typedef struct { long long id; double a, b, c; char name[16]; } Row;

typedef struct {
  char *work, *output, *input;
  long long count, size, parts;
  hsize_t bytes, chunk;
  int level;
} Job;

/* The compound type of the rows, to be closed by the caller. */
hid_t row_type(void);

/* Reads a file as the job says, handing what was read to `see`. */
void read_work(const Job *job, void (*see)(const void *bytes, size_t size));
/* The same of nothing but libhdf5's own work. */
static inline void see_nothing(const void *bytes, size_t size) { (void)bytes; (void)size; }
