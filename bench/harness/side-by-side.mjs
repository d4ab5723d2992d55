// Subjects take turns at one work, round after round, so that what changes on the machine meanwhile meets all of them alike.
import { rmSync } from 'node:fs';
import { runProgram, warm } from './subject-process.mjs';

/**
 * Which subjects can run here. A subject's `commands` are tried in turn.
 * @returns for each: the subject, with `command` and `versions`, or with `missing` set
 */
export async function probe(subjects, { signal }) {
  const probed = [];
  for (const subject of subjects) {
    let found = { ...subject, missing: true };
    for (const command of subject.commands) {
      try {
        found = { ...subject, command, versions: await runProgram([...command, 'versions'], { signal }) };
        break;
      } catch (error) {
        signal.throwIfAborted();
        found.reason = error.message;
      }
    }
    probed.push(found);
  }
  return probed;
}

/**
 * Measures every subject `rounds` times.
 * @param job what the programs are told; the output's path is added
 * @param once names of subjects that are so slow that one round must do
 * @param output the path that all write to
 * @param inputs instead of it, for each subject by name, the path of the file that it reads
 * @param check awaited once per subject with its result's path and what was measured; throws when the result is wrong
 * @returns one row per measurement, or per subject that failed: { subject, round, … } or { subject, failure }
 */
export async function sideBySide(subjects, { rounds, once = [], job, folder, output, inputs, warmth, check, signal, progress }) {
  const rows = [];
  const failed = new Set();
  for (let round = 1; round <= rounds; round += 1) {
    for (const subject of subjects) {
      if (failed.has(subject.name) || (round > 1 && once.includes(subject.name))) continue;
      progress(`round ${String(round)} of ${String(rounds)}: ${subject.name}`);
      const path = inputs?.[subject.name] ?? output;
      try {
        const task = { ...job, ...subject.job, output: path, ...(inputs === undefined ? {} : { digest: round === 1 ? 1 : 0 }) };
        const measured = await runProgram([...subject.command, inputs === undefined ? 'write' : 'read', JSON.stringify(task)], {
          signal,
          beforeClock: () => warm(folder, warmth, { read: inputs === undefined ? [] : [path], signal }),
        });
        if (round === 1) await check(subject, path, measured);
        rows.push({ subject: subject.name, round, ...measured });
      } catch (error) {
        signal.throwIfAborted();
        failed.add(subject.name);
        rows.push({ subject: subject.name, failure: error.message });
      } finally {
        if (inputs === undefined) rmSync(path, { force: true });
      }
    }
  }
  progress('');
  return rows;
}
