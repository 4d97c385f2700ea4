/** Memory (octets) and processor time of processes, from /proc. */
import { readFileSync, writeFileSync } from 'node:fs';

/** Resident now, or the most that was since the start or {@link forgetPeak}. */
export function residentMemory(pid: number, which: 'now' | 'peak'): number {
  const field = which === 'now' ? 'VmRSS' : 'VmHWM';
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? Number.NaN) * 1024;
}

/** The peak counts from now on (proc(5), clear_refs). */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

/** A process and those that it started and that still run. */
export function withChildren(pid: number): readonly number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return [pid, ...children.split(' ').filter(Boolean).map(Number).flatMap(withChildren)];
}

/** Ticks of proc(5) in a second: 100 on every Linux that Node runs on. */
const ticks = 100;

/** In user and system mode, of all of them together; of those that have ended nothing. */
export function processorSeconds(pids: readonly number[]): number {
  let sum = 0;
  for (const pid of pids) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    sum += Number(fields[11]) + Number(fields[12]);
  }
  return sum / ticks;
}
