/** A command at a real terminal (a pty of util-linux's `script`), as a person sees it and types. */
import { spawn } from 'node:child_process';
import { until } from './quickstart-run.ts';

export interface TerminalRun {
  /** Waits until the screen shows the text after what was typed last, then types a line. */
  answer(prompt: string, line: string): Promise<void>;
  /** Everything that was shown, echoes included. */
  readonly screen: () => string;
  /** Its exit code. */
  readonly ended: Promise<number | null>;
}

/** Starts the command with a terminal of its own. */
export function atTerminal(
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
): TerminalRun {
  const quoted = command.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(' ');
  const child = spawn('script', ['-qefc', quoted, '/dev/null'], {
    env: { ...process.env, ...environment, TERM: 'xterm' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let shown = '';
  let read = 0;
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (text: string) => {
    shown += text;
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  let isOver = false;
  ended.then(
    () => {
      isOver = true;
    },
    () => undefined,
  );
  return {
    screen: () => shown,
    ended,
    async answer(prompt, line) {
      await until(prompt, () => {
        if (isOver) throw new Error(`it ended before ${JSON.stringify(prompt)}: ${shown}`);
        return shown.indexOf(prompt, read) >= 0;
      });
      read = shown.length;
      child.stdin.write(`${line}\n`);
    },
  };
}
