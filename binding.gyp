{
  'variables': {
    # 1 adds core_tests, the stand-alone executable of test/native.
    'build_tests%': 0,
    # 1 adds core_bench, the stand-alone executable of bench/native.
    'build_bench%': 0,
    # For core and core_tests: '', 'address,undefined' or 'thread'.
    'sanitize%': '',
  },
  'target_defaults': {
    'include_dirs': ['native'],
    'cflags': ['-Wall', '-Wextra', '-Wpedantic', '-Wshadow', '-Wconversion', '-fvisibility=hidden', '-fPIC'],
    # Node's own flags name an older standard; of two, which one counts is the compiler's choice.
    'cflags_cc!': ['-std=gnu++17', '-std=gnu++20', '-std=gnu++14'],
    'cflags_cc': ['-std=c++20', '-fno-rtti', '-fvisibility-inlines-hidden'],
    'xcode_settings': {
      'CLANG_CXX_LANGUAGE_STANDARD': 'c++20',
      'CLANG_CXX_LIBRARY': 'libc++',
      'GCC_SYMBOLS_PRIVATE_EXTERN': 'YES',
      'GCC_ENABLE_CPP_RTTI': 'NO',
      'MACOSX_DEPLOYMENT_TARGET': '11.0',
      'WARNING_CFLAGS': ['-Wall', '-Wextra', '-Wpedantic'],
    },
    'msvs_settings': {
      'VCCLCompilerTool': {
        'AdditionalOptions!': ['-std:c++17', '-std:c++20'],
        'AdditionalOptions': ['/std:c++20', '/utf-8', '/W4'],
      },
    },
    'conditions': [
      ['OS=="win"', {'defines': ['NOMINMAX', 'WIN32_LEAN_AND_MEAN', 'UNICODE', '_UNICODE']}],
    ],
  },
  'targets': [
    {
      # Every tier but bind/. Knows no Node: of Node's headers it sees zlib.h alone.
      'target_name': 'core',
      'type': 'static_library',
      'win_delay_load_hook': 'false',
      'sources': [
        'native/filespace/block.cc',
        'native/filespace/file_space.cc',
        'native/frames/bitmap.cc',
        'native/frames/bitmap_count.cc',
        'native/frames/buddy.cc',
        'native/frames/compaction.cc',
        'native/frames/core.cc',
        'native/frames/core_make.cc',
        'native/frames/core_stats.cc',
        'native/frames/frame_allocator.cc',
        'native/frames/hybrid.cc',
        'native/frames/hybrid_large.cc',
        'native/frames/hybrid_small.cc',
        'native/frames/hybrid_walk.cc',
        'native/frames/node.cc',
        'native/frames/plan.cc',
        'native/frames/region.cc',
        'native/frames/summary.cc',
        'native/frames/zone.cc',
        'native/pipeline/copy_box.cc',
        'native/pipeline/deflate.cc',
        'native/pipeline/executor.cc',
        'native/pipeline/file_sink.cc',
        'native/pipeline/filter_chain.cc',
        'native/pipeline/fletcher32.cc',
        'native/pipeline/operations.cc',
        'native/pipeline/shuffle.cc',
      ],
      'cflags_cc': ['-fno-exceptions'],
      'xcode_settings': {'GCC_ENABLE_CPP_EXCEPTIONS': 'NO'},
      'conditions': [
        ['OS=="linux"', {'sources': ['native/os/linux.cc']}],
        ['OS=="mac"', {'sources': ['native/os/macos.cc']}],
        ['OS!="win"', {
          'sources': [
            'native/os/posix_file.cc',
            'native/os/posix_mapping.cc',
            'native/os/posix_memory.cc',
            'native/os/posix_thread.cc',
            'native/os/sysfs_topology.cc',
          ],
        }],
        ['OS=="win"', {'sources': ['native/os/windows.cc', 'native/os/windows_file.cc', 'native/os/windows_mapping.cc']}],
        ['sanitize!=""', {
          'cflags!': ['-O3'],
          'cflags': ['-fsanitize=<(sanitize)', '-fno-sanitize=vptr', '-fno-sanitize-recover=all', '-O1', '-g'],
        }],
      ],
    },
    {
      'target_name': 'freestone',
      'dependencies': ['core'],
      'sources': [
        'native/bind/addon.cc',
        'native/bind/arguments.cc',
        'native/bind/bind_filespace.cc',
        'native/bind/bind_frames.cc',
        'native/bind/bind_pipeline.cc',
        'native/bind/environment.cc',
        'native/bind/errors.cc',
        'native/bind/frames_handle.cc',
      ],
      'include_dirs': ["<!(node -p \"require('node-addon-api').include_dir\")"],
      'defines': [
        'NAPI_VERSION=9',
        'NAPI_CPP_EXCEPTIONS',
        'NODE_ADDON_API_DISABLE_DEPRECATED',
        # In a worker that is being terminated nothing can be thrown; without this, trying ends the process.
        'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
      ],
      # Exceptions live in bind/ alone: its helpers throw Napi::Error, and the function that JavaScript called catches it.
      'cflags!': ['-fno-exceptions'],
      'cflags_cc!': ['-fno-exceptions'],
      'cflags_cc': ['-fexceptions'],
      'xcode_settings': {'GCC_ENABLE_CPP_EXCEPTIONS': 'YES'},
      'msvs_settings': {'VCCLCompilerTool': {'ExceptionHandling': 1}},
      'conditions': [
        ['OS=="linux"', {
          # nodelete: Node unloads an addon with the last thread that loaded it, and finalizers that come later would jump
          # into nothing.
          'ldflags': ['-Wl,-z,nodelete', '-Wl,-z,relro,-z,now', '-Wl,--exclude-libs,ALL'],
        }],
        ['OS=="win"', {'defines!': ['_HAS_EXCEPTIONS=0'], 'defines': ['_HAS_EXCEPTIONS=1']}],
      ],
    },
  ],
  'conditions': [
    ['build_tests==1', {
      'targets': [
        {
          'target_name': 'core_tests',
          'type': 'executable',
          'win_delay_load_hook': 'false',
          'dependencies': ['core'],
          'include_dirs': ['test/native'],
          'sources': [
            'test/native/main.cc',
            'test/native/base/arithmetic_test.cc',
            'test/native/base/array_test.cc',
            'test/native/base/bits_test.cc',
            'test/native/base/bytes_test.cc',
            'test/native/base/histogram_test.cc',
            'test/native/base/ref_test.cc',
            'test/native/base/spin_lock_test.cc',
            'test/native/base/status_test.cc',
            'test/native/filespace/block_test.cc',
            'test/native/filespace/file_space_test.cc',
            'test/native/frames/bitmap_test.cc',
            'test/native/frames/buddy_test.cc',
            'test/native/frames/frame_allocator_test.cc',
            'test/native/frames/model_test.cc',
            'test/native/frames/summary_test.cc',
            'test/native/frames/threads_test.cc',
            'test/native/os/cpu_test.cc',
            'test/native/os/file_test.cc',
            'test/native/os/mapping_test.cc',
            'test/native/os/memory_test.cc',
            'test/native/os/thread_test.cc',
            'test/native/os/topology_test.cc',
            'test/native/os/transfer_test.cc',
            'test/native/pipeline/copy_box_test.cc',
            'test/native/pipeline/deflate_test.cc',
            'test/native/pipeline/executor_test.cc',
            'test/native/pipeline/file_sink_test.cc',
            'test/native/pipeline/filter_chain_test.cc',
            'test/native/pipeline/fletcher32_test.cc',
            'test/native/pipeline/operations_test.cc',
            'test/native/pipeline/scratch_test.cc',
            'test/native/pipeline/shuffle_test.cc',
          ],
          # doctest reports a failed REQUIRE by an exception.
          'cflags!': ['-fno-exceptions', '-Wshadow', '-Wconversion'],
          'cflags_cc!': ['-fno-exceptions'],
          'cflags_cc': ['-fexceptions'],
          'xcode_settings': {'GCC_ENABLE_CPP_EXCEPTIONS': 'YES'},
          'libraries': ['-lz'],
          'conditions': [
            ['sanitize!=""', {
              'cflags!': ['-O3'],
              'cflags': ['-fsanitize=<(sanitize)', '-fno-sanitize=vptr', '-fno-sanitize-recover=all', '-O1', '-g'],
              'ldflags': ['-fsanitize=<(sanitize)'],
            }],
          ],
        },
      ],
    }],
    ['build_bench==1', {
      'targets': [
        {
          'target_name': 'core_bench',
          'type': 'executable',
          'win_delay_load_hook': 'false',
          'dependencies': ['core'],
          'include_dirs': ['bench/native'],
          'sources': ['bench/native/frames.cc', 'bench/native/main.cc'],
          'cflags_cc!': ['-fno-exceptions'],
          'cflags_cc': ['-fexceptions'],
          'libraries': ['-lz'],
        },
      ],
    }],
  ],
}
