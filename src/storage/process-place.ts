import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** Host, boot and namespace of process ids: within one, a process id tells who lives. */
export const place = [
  hostname(),
  orEmpty(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
  orEmpty(() => readlinkSync('/proc/self/ns/pid')),
].join(' ');

/** Short enough for a file's name: 8 hexadecimal digits. */
export const placeMark = createHash('sha256').update(place).digest('hex').slice(0, 8);

/** What a file of the system says; empty where there is none. */
export function orEmpty(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
