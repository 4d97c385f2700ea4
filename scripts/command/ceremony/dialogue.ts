import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { CommandError, usageError } from '../exit.ts';

/** A question to one person. */
export interface Question {
  /** `present/NAME`, `plan/NAME`, `pin/ROLE`, `clock/NAME`, `made/NAME`: how an answers file names it. */
  readonly id: string;
  readonly prompt: string;
  /** What a reader of the screen would type; an answers file may say `shown` instead. */
  readonly shown?: string | undefined;
}

/** Where answers come from. */
export interface Dialogue {
  readonly source:
    | { readonly from: 'terminal' }
    | { readonly from: 'file'; readonly sha256: string };
  /** How often a person may answer one question. */
  readonly attempts: number;
  ask(question: Question): Promise<string>;
  /** As `ask`, and nothing of it is shown. */
  askSecret(question: Question): Promise<string>;
  close(): void;
}

/** @throws CommandError when there is neither a terminal nor a file */
export function openDialogue(answersFile: string | undefined): Dialogue {
  if (answersFile !== undefined) return answersFrom(answersFile);
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    throw usageError('a ceremony is held at a terminal; --answers FILE is for rehearsals');
  }
  return terminal();
}

function terminal(): Dialogue {
  let muted = false;
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (!muted) process.stdout.write(chunk);
      done();
    },
  });
  const lines = createInterface({ input: process.stdin, output, terminal: true });
  const ended = new Promise<never>((_resolve, reject) => {
    for (const event of ['SIGINT', 'close'] as const) {
      lines.on(event, () => reject(new CommandError('it was broken off at the terminal')));
    }
  });
  ended.catch(() => undefined);
  const ask = async ({ prompt }: Question): Promise<string> =>
    Promise.race([lines.question(`${prompt} `), ended]);
  return {
    source: { from: 'terminal' },
    attempts: 3,
    ask,
    async askSecret(question) {
      process.stdout.write(`${question.prompt} `);
      muted = true;
      try {
        return await ask({ ...question, prompt: '' });
      } finally {
        muted = false;
        process.stdout.write('\n');
      }
    },
    close: () => lines.close(),
  };
}

const answersSchema = z.record(z.string(), z.string());

/** Scripted answers: for rehearsals and tests; the transcript says so. */
function answersFrom(file: string): Dialogue {
  const octets = readFileSync(file);
  const document = parseDocument(octets.toString('utf8'), { uniqueKeys: true, strict: true });
  const parsed = answersSchema.safeParse(document.errors.length === 0 ? document.toJS() : null);
  if (!parsed.success) {
    throw usageError(
      `${file} is no YAML map of questions to answers, such as "present/NAME": NAME`,
    );
  }
  const answers = new Map(Object.entries(parsed.data));
  const ask = async ({ id, shown }: Question): Promise<string> => {
    await Promise.resolve();
    const answer = answers.get(id);
    if (answer === undefined) throw new CommandError(`nobody answered ${id}`);
    return answer === 'shown' ? (shown ?? answer) : answer;
  };
  return {
    source: { from: 'file', sha256: createHash('sha256').update(octets).digest('hex') },
    attempts: 1,
    ask,
    askSecret: ask,
    close: () => undefined,
  };
}
