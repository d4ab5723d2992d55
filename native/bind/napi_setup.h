#pragma once
// The only include of napi.h, so that every file sees it with the same settings (NAPI_VERSION and exceptions are set in
// binding.gyp). Exceptions stay inside bind/: helpers throw Napi::Error, and `method` in class.h turns it into a
// JavaScript exception.

// It is not as strict with itself as we are.
#ifdef __GNUC__
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wconversion"
#endif
#include <napi.h>
#ifdef __GNUC__
#pragma GCC diagnostic pop
#endif
