import { generateKeyPairSync, sign, verify } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';

/** One figure beside its peer, taken in the same run. */
export interface Figure {
  readonly what: string;
  readonly unit: string;
  readonly ours: number;
  readonly peerName: string;
  readonly peer: number;
  /** Median over the rounds of ours / peer, each taken side by side. */
  readonly ratio: number;
  /** What the project aims for, in words. */
  readonly aim: string;
  /** Milliseconds, where requests were timed. */
  readonly p50?: number | undefined;
  readonly p99?: number | undefined;
  readonly peerP99?: number | undefined;
}

/** The middle of an odd number of values, else the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle)] ?? 0)) / 2;
}

/** Prints the figures as a table and keeps them in `build/bench/NAME.json`. */
export function report(name: string, figures: readonly Figure[], details: unknown): void {
  const rows = [
    ['figure', 'Chancery', 'p50', 'p99', 'peer', 'its p99', 'ratio', 'aim'],
    ...figures.map((figure) => [
      figure.what,
      `${number(figure.ours)} ${figure.unit}`,
      milliseconds(figure.p50),
      milliseconds(figure.p99),
      `${figure.peerName} ${number(figure.peer)}`,
      milliseconds(figure.peerP99),
      figure.ratio.toFixed(2),
      figure.aim,
    ]),
  ];
  const widths = rows[0]?.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  for (const row of rows) {
    process.stdout.write(`${row.map((cell, at) => cell.padEnd(widths?.[at] ?? 0)).join('  ')}\n`);
  }
  const folder = join(import.meta.dirname, '..', '..', 'build', 'bench');
  mkdirSync(folder, { recursive: true });
  const machine = {
    cores: availableParallelism(),
    processor: cpus()[0]?.model,
    node: process.version,
    p256VerificationMicroseconds: verificationMicroseconds(),
  };
  process.stdout.write(
    `one P-256 verification takes ${machine.p256VerificationMicroseconds.toFixed(0)} µs on this machine now\n`,
  );
  const content = { name, at: new Date().toISOString(), machine, figures, details };
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(content, undefined, 2)}\n`);
}

function number(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en');
  return value.toFixed(value >= 10 ? 1 : 2);
}

function milliseconds(value: number | undefined): string {
  return value === undefined ? '' : `${value.toFixed(value < 10 ? 2 : 1)} ms`;
}

/** How fast the machine is at this moment: what shares it slows this down as well. */
function verificationMicroseconds(): number {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const message = Buffer.alloc(700, 1);
  const signature = sign('sha256', message, privateKey);
  const count = 3000;
  const started = performance.now();
  for (let done = 0; done < count; done += 1) verify('sha256', message, publicKey, signature);
  return ((performance.now() - started) * 1000) / count;
}
