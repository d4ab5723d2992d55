// libhdf5 from C: what its own interface does with the works of bench/hdf5.mjs.
//   libhdf5_peer versions | write <job> | read <job>, as the programs beside it
#include "libhdf5_peer.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

/* Numbers and texts of a flat JSON object, as the harness writes them. */
static const char *field(const char *json, const char *name) {
  char key[64];
  snprintf(key, sizeof key, "\"%s\":", name);
  const char *at = strstr(json, key);
  return at == NULL ? NULL : at + strlen(key);
}
static long long number(const char *json, const char *name, long long otherwise) {
  const char *at = field(json, name);
  return at == NULL ? otherwise : atoll(at);
}
static char *text(const char *json, const char *name) {
  const char *at = field(json, name);
  if (at == NULL || *at != '"') { fprintf(stderr, "Error: no %s in the job\n", name); exit(1); }
  return strndup(at + 1, strcspn(at + 1, "\""));
}

static double clock_seconds(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec * 1e-9; }
static double cpu_seconds(void) {
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  return r.ru_utime.tv_sec + r.ru_stime.tv_sec + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1e-6;
}
static long long peak_bytes(void) { struct rusage r; getrusage(RUSAGE_SELF, &r); return r.ru_maxrss * 1024LL; }

static char *read_input(const char *path, hsize_t bytes) {
  struct stat s;
  FILE *file = fopen(path, "rb");
  if (file == NULL || fstat(fileno(file), &s) != 0) { fprintf(stderr, "Error: cannot read %s\n", path); exit(1); }
  char *data = malloc(bytes);
  for (hsize_t at = 0; at < bytes;) {
    size_t want = bytes - at < (hsize_t)s.st_size ? bytes - at : (hsize_t)s.st_size;
    rewind(file);
    if (fread(data + at, 1, want, file) != want) { fprintf(stderr, "Error: cannot read %s\n", path); exit(1); }
    at += want;
  }
  fclose(file);
  return data;
}

static hid_t growing(hid_t file, const char *name, hid_t type, hsize_t chunk) {
  hsize_t none = 0, unlimited = H5S_UNLIMITED;
  hid_t space = H5Screate_simple(1, &none, &unlimited), plist = H5Pcreate(H5P_DATASET_CREATE);
  CHECKED(H5Pset_chunk(plist, 1, &chunk));
  hid_t dataset = H5Dcreate2(file, name, type, space, H5P_DEFAULT, plist, H5P_DEFAULT);
  CHECKED(dataset);
  H5Sclose(space);
  H5Pclose(plist);
  return dataset;
}
static void append(hid_t dataset, hid_t type, hid_t memory, hsize_t *extent, hsize_t count, const void *data) {
  hsize_t start = *extent;
  *extent += count;
  CHECKED(H5Dset_extent(dataset, extent));
  hid_t space = H5Dget_space(dataset);
  CHECKED(H5Sselect_hyperslab(space, H5S_SELECT_SET, &start, NULL, &count, NULL));
  CHECKED(H5Dwrite(dataset, type, memory, space, H5P_DEFAULT, data));
  H5Sclose(space);
}

hid_t row_type(void) {
  hid_t name = H5Tcopy(H5T_C_S1), type = H5Tcreate(H5T_COMPOUND, sizeof(Row));
  H5Tset_size(name, 16);
  H5Tset_strpad(name, H5T_STR_NULLPAD);
  H5Tset_cset(name, H5T_CSET_UTF8);
  H5Tinsert(type, "id", HOFFSET(Row, id), H5T_NATIVE_INT64);
  H5Tinsert(type, "a", HOFFSET(Row, a), H5T_NATIVE_DOUBLE);
  H5Tinsert(type, "b", HOFFSET(Row, b), H5T_NATIVE_DOUBLE);
  H5Tinsert(type, "c", HOFFSET(Row, c), H5T_NATIVE_DOUBLE);
  H5Tinsert(type, "name", HOFFSET(Row, name), name);
  H5Tclose(name);
  return type;
}

/* What is in memory before the clock starts. */
typedef struct { char *data, **texts; Row *rows; } Input;

static Input prepared(const Job *job) {
  Input in = {NULL, NULL, NULL};
  if (strcmp(job->work, "whole") == 0) in.data = read_input(job->input, job->bytes);
  if (strcmp(job->work, "pieces") == 0) in.data = read_input(job->input, MIB);
  if (strcmp(job->work, "append") == 0) in.data = read_input(job->input, job->parts * job->size * 8);
  if (strcmp(job->work, "rows") == 0) {
    in.rows = calloc(job->size, sizeof *in.rows);
    for (long long i = 0; i < job->size; i++) {
      in.rows[i] = (Row){.id = i, .a = i * 0.5, .b = i * 0.25, .c = -(double)i};
      snprintf(in.rows[i].name, sizeof in.rows[i].name, "name-%lld", i);
    }
  }
  if (strcmp(job->work, "texts") == 0) {
    in.texts = malloc(job->count * sizeof *in.texts);
    for (long long i = 0; i < job->count; i++) {
      char one[64];
      int length = snprintf(one, sizeof one, "string-%lld-", i);
      memset(one + length, 'a' + i % 26, i % 24);
      one[length + i % 24] = 0;
      in.texts[i] = strdup(one);
    }
  }
  return in;
}

static void write_work(const Job *job, const Input *in) {
  int pieces = strcmp(job->work, "pieces") == 0, whole = strcmp(job->work, "whole") == 0;
  hid_t file = H5Fcreate(job->output, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  CHECKED(file);
  if (whole || pieces) {
    hsize_t values = job->bytes / 8, piece = MIB / 8;
    hid_t space = H5Screate_simple(1, &values, NULL), memory = H5Screate_simple(1, &piece, NULL), plist = H5Pcreate(H5P_DATASET_CREATE);
    if (job->chunk > 0) CHECKED(H5Pset_chunk(plist, 1, &job->chunk));
    if (job->level >= 0) { CHECKED(H5Pset_shuffle(plist)); CHECKED(H5Pset_deflate(plist, job->level)); }
    hid_t dataset = H5Dcreate2(file, "data", H5T_IEEE_F64LE, space, H5P_DEFAULT, plist, H5P_DEFAULT);
    CHECKED(dataset);
    if (whole) CHECKED(H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, in->data));
    for (hsize_t at = 0; pieces && at < values; at += piece) {
      CHECKED(H5Sselect_hyperslab(space, H5S_SELECT_SET, &at, NULL, &piece, NULL));
      CHECKED(H5Dwrite(dataset, H5T_NATIVE_DOUBLE, memory, space, H5P_DEFAULT, in->data));
    }
    H5Pclose(plist); H5Sclose(space); H5Sclose(memory); CHECKED(H5Dclose(dataset));
  } else if (strcmp(job->work, "append") == 0) {
    hsize_t extent = 0, n = job->size;
    hid_t dataset = growing(file, "data", H5T_IEEE_F64LE, job->chunk), memory = H5Screate_simple(1, &n, NULL);
    for (long long i = 0; i < job->count; i++) append(dataset, H5T_NATIVE_DOUBLE, memory, &extent, n, in->data + (i % job->parts) * job->size * 8);
    H5Sclose(memory); CHECKED(H5Dclose(dataset));
  } else if (strcmp(job->work, "rows") == 0) {
    hsize_t extent = 0, n = job->size;
    hid_t type = row_type();
    hid_t dataset = growing(file, "data", type, job->chunk), memory = H5Screate_simple(1, &n, NULL);
    for (long long i = 0; i < job->count; i++) append(dataset, type, memory, &extent, n, in->rows);
    H5Sclose(memory); H5Tclose(type); CHECKED(H5Dclose(dataset));
  } else if (strcmp(job->work, "objects") == 0) {
    double values[16];
    hsize_t n = 16;
    for (int i = 0; i < 16; i++) values[i] = i * 1.5;
    hid_t space = H5Screate_simple(1, &n, NULL), group = H5Gcreate2(file, "group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    for (long long i = 0; i < job->count; i++) {
      char name[32];
      snprintf(name, sizeof name, "d%06lld", i);
      hid_t dataset = H5Dcreate2(group, name, H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
      CHECKED(dataset);
      CHECKED(H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values));
      CHECKED(H5Dclose(dataset));
    }
    H5Gclose(group); H5Sclose(space);
  } else if (strcmp(job->work, "attributes") == 0) {
    hid_t space = H5Screate(H5S_SCALAR);
    double value = 3.25;
    for (long long i = 0; i < job->count; i++) {
      char name[32];
      snprintf(name, sizeof name, "g%04lld", i);
      hid_t group = H5Gcreate2(file, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
      CHECKED(group);
      for (long long j = 0; j < job->size; j++) {
        snprintf(name, sizeof name, "attr%03lld", j);
        hid_t attribute = H5Acreate2(group, name, H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT);
        CHECKED(attribute);
        value += 1;
        CHECKED(H5Awrite(attribute, H5T_NATIVE_DOUBLE, &value));
        CHECKED(H5Aclose(attribute));
      }
      H5Gclose(group);
    }
    H5Sclose(space);
  } else if (strcmp(job->work, "texts") == 0) {
    hsize_t n = job->count;
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate_simple(1, &n, NULL);
    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, H5T_CSET_UTF8);
    hid_t dataset = H5Dcreate2(file, "data", type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    CHECKED(dataset);
    CHECKED(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, in->texts));
    H5Sclose(space); CHECKED(H5Dclose(dataset));
  } else {
    fprintf(stderr, "Error: no work %s\n", job->work);
    exit(1);
  }
  CHECKED(H5Fclose(file));
}

/* As digest.mjs has it. Of each part but the last a whole number of words. */
static uint32_t sum = 0, weight = 1;
static void digest(const void *bytes, size_t size) {
  for (size_t at = 0; at < size; at += 4, weight += 2) {
    uint32_t word = 0;
    memcpy(&word, (const char *)bytes + at, size - at < 4 ? size - at : 4);
    sum += word * weight;
  }
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "versions") == 0) {
    unsigned major, minor, release;
    H5get_libversion(&major, &minor, &release);
    printf("{\"version\":\"%u.%u.%u\",\"with\":\"C\",\"threads\":1}\n", major, minor, release);
    return 0;
  }
  if (argc < 3) return 2;
  const char *json = argv[2];
  int reads = strcmp(argv[1], "read") == 0;
  Job job = {
      .work = text(json, "work"), .output = text(json, "output"), .input = reads ? NULL : text(json, "input"),
      .count = number(json, "count", 0), .size = number(json, "size", 0), .parts = number(json, "parts", 1),
      .bytes = number(json, "bytes", 0), .chunk = number(json, "chunk", 0), .level = (int)number(json, "level", -1),
  };
  Input in = {NULL, NULL, NULL};
  if (!reads) in = prepared(&job);
  H5open();
  puts("ready");
  fflush(stdout);
  char line[16];
  if (fgets(line, sizeof line, stdin) == NULL) return 1;

  long long peak_before = peak_bytes();
  double cpu = cpu_seconds(), start = clock_seconds();
  if (reads) read_work(&job, see_nothing);
  else write_work(&job, &in);
  double seconds = clock_seconds() - start;
  cpu = cpu_seconds() - cpu;
  long long peak = peak_bytes();
  if (reads && number(json, "digest", 0)) read_work(&job, digest);
  struct stat s;
  stat(job.output, &s);
  printf("{\"seconds\":%.6f,\"cpuSeconds\":%.6f,\"peakBytes\":%lld,\"grewBytes\":%lld,\"fileBytes\":%lld,\"digest\":%u}\n", seconds, cpu, peak,
         peak - peak_before, (long long)s.st_size, sum);
  return 0;
}
