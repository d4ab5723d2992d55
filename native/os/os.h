#pragma once
// The door of os: what freestone asks of an operating system. One implementation file per system; posix.cc is shared by
// Linux and macOS.
#include "os/cpu.h"
#include "os/file.h"
#include "os/memory.h"
#include "os/thread.h"
#include "os/topology.h"
#include "os/transfer.h"
