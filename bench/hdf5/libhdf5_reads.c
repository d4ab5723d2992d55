// libhdf5 reads back from C what it has written.
#include "libhdf5_peer.h"

typedef void See(const void *bytes, size_t size);

static void read_whole(hid_t file, const Job *job, See *see) {
  char *data = malloc(job->bytes);
  hid_t dataset = H5Dopen2(file, "data", H5P_DEFAULT);
  CHECKED(dataset);
  CHECKED(H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, data));
  CHECKED(H5Dclose(dataset));
  see(data, job->bytes);
  free(data);
}

/* `times` calls for `count` elements each, one after the other, into the same memory. */
static void read_slices(hid_t file, hid_t type, hsize_t count, long long times, See *see) {
  size_t bytes = count * H5Tget_size(type);
  char *into = malloc(bytes);
  hid_t dataset = H5Dopen2(file, "data", H5P_DEFAULT), space = H5Dget_space(dataset), memory = H5Screate_simple(1, &count, NULL);
  CHECKED(dataset);
  for (long long i = 0; i < times; i++) {
    hsize_t start = i * count;
    CHECKED(H5Sselect_hyperslab(space, H5S_SELECT_SET, &start, NULL, &count, NULL));
    CHECKED(H5Dread(dataset, type, memory, space, H5P_DEFAULT, into));
    see(into, bytes);
  }
  H5Sclose(memory); H5Sclose(space); CHECKED(H5Dclose(dataset));
  free(into);
}

static void see_names(char (*names)[16], hsize_t count, See *see) {
  if (see == see_nothing) return;
  size_t at = 0;
  char *all = malloc(count * 17);
  for (hsize_t i = 0; i < count; i++) {
    size_t length = strnlen(names[i], 16);
    memcpy(all + at, names[i], length);
    all[at + length] = 0;
    at += length + 1;
  }
  see(all, at);
  free(all);
}

/* All rows, a member at a time, into an array for each: a compound in memory of one member. All are held until the last has been read. */
static void read_members(hid_t file, int members, See *see) {
  void *columns[5];
  hid_t dataset = H5Dopen2(file, "data", H5P_DEFAULT), space = H5Dget_space(dataset), rows = row_type();
  CHECKED(dataset);
  hsize_t count = H5Sget_simple_extent_npoints(space);
  for (int i = 0; i < members; i++) {
    hid_t member = H5Tget_member_type(rows, i), alone = H5Tcreate(H5T_COMPOUND, H5Tget_size(member));
    char *name = H5Tget_member_name(rows, i);
    CHECKED(H5Tinsert(alone, name, 0, member));
    columns[i] = malloc(count * H5Tget_size(member));
    CHECKED(H5Dread(dataset, alone, H5S_ALL, H5S_ALL, H5P_DEFAULT, columns[i]));
    H5free_memory(name); H5Tclose(alone); H5Tclose(member);
  }
  H5Tclose(rows); H5Sclose(space); CHECKED(H5Dclose(dataset));
  for (int i = 0; i < members; i++) {
    if (i < 4) see(columns[i], count * 8);
    else see_names(columns[i], count, see);
    free(columns[i]);
  }
}

static void read_objects(hid_t file, const Job *job, See *see) {
  hid_t group = H5Gopen2(file, "group", H5P_DEFAULT);
  CHECKED(group);
  for (long long i = 0; i < job->count; i++) {
    char name[32];
    double values[16];
    snprintf(name, sizeof name, "d%06lld", i);
    hid_t dataset = H5Dopen2(group, name, H5P_DEFAULT);
    CHECKED(dataset);
    CHECKED(H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values));
    CHECKED(H5Dclose(dataset));
    see(values, sizeof values);
  }
  H5Gclose(group);
}

static void read_attributes(hid_t file, const Job *job, See *see) {
  for (long long i = 0; i < job->count; i++) {
    char name[32];
    snprintf(name, sizeof name, "g%04lld", i);
    hid_t group = H5Gopen2(file, name, H5P_DEFAULT);
    CHECKED(group);
    for (long long j = 0; j < job->size; j++) {
      double value;
      snprintf(name, sizeof name, "attr%03lld", j);
      hid_t attribute = H5Aopen(group, name, H5P_DEFAULT);
      CHECKED(attribute);
      CHECKED(H5Aread(attribute, H5T_NATIVE_DOUBLE, &value));
      CHECKED(H5Aclose(attribute));
      see(&value, sizeof value);
    }
    H5Gclose(group);
  }
}

/* The texts are left to the process's end: giving them back is not reading. */
static void read_texts(hid_t file, const Job *job, See *see) {
  char **texts = malloc(job->count * sizeof *texts);
  hid_t type = H5Tcopy(H5T_C_S1), dataset = H5Dopen2(file, "data", H5P_DEFAULT);
  CHECKED(dataset);
  H5Tset_size(type, H5T_VARIABLE);
  H5Tset_cset(type, H5T_CSET_UTF8);
  CHECKED(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, texts));
  H5Tclose(type); CHECKED(H5Dclose(dataset));
  if (see == see_nothing) return;
  size_t size = 0, at = 0;
  for (long long i = 0; i < job->count; i++) size += strlen(texts[i]) + 1;
  char *all = malloc(size);
  for (long long i = 0; i < job->count; i++) at += strlen(strcpy(all + at, texts[i])) + 1;
  see(all, size);
  free(all);
}

void read_work(const Job *job, See *see) {
  hid_t file = H5Fopen(job->output, H5F_ACC_RDONLY, H5P_DEFAULT);
  CHECKED(file);
  if (strcmp(job->work, "whole") == 0) {
    read_whole(file, job, see);
  } else if (strcmp(job->work, "pieces") == 0) {
    read_slices(file, H5T_NATIVE_DOUBLE, MIB / 8, job->bytes / MIB, see);
  } else if (strcmp(job->work, "append") == 0) {
    read_slices(file, H5T_NATIVE_DOUBLE, job->size, job->count, see);
  } else if (strcmp(job->work, "rows") == 0) {
    hid_t type = row_type();
    read_slices(file, type, job->size, job->count, see);
    H5Tclose(type);
  } else if (strcmp(job->work, "numbers") == 0) {
    read_members(file, 4, see);
  } else if (strcmp(job->work, "columns") == 0) {
    read_members(file, 5, see);
  } else if (strcmp(job->work, "objects") == 0) {
    read_objects(file, job, see);
  } else if (strcmp(job->work, "attributes") == 0) {
    read_attributes(file, job, see);
  } else if (strcmp(job->work, "texts") == 0) {
    read_texts(file, job, see);
  } else {
    fprintf(stderr, "Error: no work %s\n", job->work);
    exit(1);
  }
  CHECKED(H5Fclose(file));
}
