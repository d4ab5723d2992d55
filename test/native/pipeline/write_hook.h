#pragma once
// What does pwrite's work while a test wants it to: there is one definition of pwrite in the program.
#include <sys/types.h>

#include <atomic>

using WriteHook = ssize_t (*)(int descriptor, const void* data, size_t size, off_t address);
/// Null: the system.
extern std::atomic<WriteHook> write_hook;
