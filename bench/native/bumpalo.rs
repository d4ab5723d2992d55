// The case of bench/native/arena.cc with bumpalo: 10,000 objects of 32 bytes, a byte of each written, ended together.
// Prints nanoseconds of the thread's own time for an object.
use bumpalo::Bump;
use std::alloc::Layout;
use std::time::Duration;

#[repr(C)]
struct Timespec {
    seconds: i64,
    nanoseconds: i64,
}
extern "C" {
    fn clock_gettime(clock: i32, into: *mut Timespec) -> i32;
}

/// CLOCK_THREAD_CPUTIME_ID of Linux.
const THREAD_TIME: i32 = 3;

fn now() -> Duration {
    let mut time = Timespec { seconds: 0, nanoseconds: 0 };
    unsafe { clock_gettime(THREAD_TIME, &mut time) };
    Duration::new(time.seconds as u64, time.nanoseconds as u32)
}

fn main() {
    const OBJECTS: u32 = 10_000;
    let rounds: u32 = if std::env::args().any(|part| part == "small") { 200 } else { 2_000 };
    let layout = Layout::from_size_align(32, 16).unwrap();
    let mut bump = Bump::new();
    let mut round = || {
        for _ in 0..OBJECTS {
            let object = bump.alloc_layout(std::hint::black_box(layout));
            unsafe { object.as_ptr().write_volatile(1) };
        }
        bump.reset();
    };
    for _ in 0..20 {
        round();
    }
    let start = now();
    for _ in 0..rounds {
        round();
    }
    println!("{:.2}", (now() - start).as_nanos() as f64 / f64::from(rounds) / f64::from(OBJECTS));
}
