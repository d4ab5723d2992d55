#pragma once
// One tag per wrapped class. An object without the tag is refused before its pointer is looked at.
#include "bind/napi_setup.h"
#include "filespace/filespace.h"
#include "pipeline/pipeline.h"

namespace freestone::bind {

class ArenaHandle;
class BuffersHandle;
class FramesHandle;
class HeapHandle;
class PoolHandle;

/// The tag of the class that wraps `T`: random numbers, made once, never used for anything else.
template <typename T>
inline constexpr napi_type_tag kTypeTag = {};
template <>
inline constexpr napi_type_tag kTypeTag<filespace::FileSpace> = {0x5f8c2d9be1a04673, 0xa3d7460f9b1c85e2};
template <>
inline constexpr napi_type_tag kTypeTag<pipeline::FileSink> = {0x17e94ab3c60d5f28, 0x8c2b71f5d03e96a4};
template <>
inline constexpr napi_type_tag kTypeTag<pipeline::FilterChain> = {0xd46f0813a97be25c, 0x63e8b52c4f10d79a};
template <>
inline constexpr napi_type_tag kTypeTag<FramesHandle> = {0x2b96d1e8704fa53c, 0xe1840c7bd25f3a69};
template <>
inline constexpr napi_type_tag kTypeTag<PoolHandle> = {0x9c41f7a62d08e3b5, 0x4f72a9d11c6be083};
template <>
inline constexpr napi_type_tag kTypeTag<ArenaHandle> = {0xe805b3c97f1a264d, 0x3a9d60f2b84c71e5};
template <>
inline constexpr napi_type_tag kTypeTag<HeapHandle> = {0x91c40e7f5a38d26b, 0x4df2861b7ea90c53};
template <>
inline constexpr napi_type_tag kTypeTag<BuffersHandle> = {0x6d35b0f8e29c1a47, 0xb17e49c3085fd26a};

}  // namespace freestone::bind
