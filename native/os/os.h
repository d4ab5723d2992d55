#pragma once
// The door of os: what freestone asks of an operating system. Behind it are linux.cc, macos.cc and windows*.cc, and
// posix_*.cc and sysfs_topology.cc for what Linux and macOS have in common.
#include "os/cpu.h"
#include "os/file.h"
#include "os/library.h"
#include "os/mapping.h"
#include "os/memory.h"
#include "os/thread.h"
#include "os/topology.h"
#include "os/transfer.h"
