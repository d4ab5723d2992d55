// The benchmarks of bench/native, which measure a core without Node.
import { buildNative, run } from '../../scripts/native-build.mjs';

/**
 * Builds `core_bench` and runs one of its benchmarks, which prints for itself.
 * @param name of the benchmark @param scale below 1: a tenth of the operations @param parts of it; none: all
 */
export function coreBench(name, { scale, parts = [] }) {
  const program = buildNative('bench', 'core_bench', { build_bench: 1 }, { stdio: ['ignore', 'ignore', 'inherit'] });
  if (program === undefined) throw new Error('core_bench could not be built');
  const status = run(program, [name, ...(scale < 1 ? ['small'] : []), ...parts]);
  if (status !== 0) throw new Error(`core_bench ${name} ended with ${String(status)}`);
}
