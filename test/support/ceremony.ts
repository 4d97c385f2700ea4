/** An installation in which ceremonies are held by the command's own functions: real tokens, database and files. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { planHere, runHere } from '../../scripts/command/ceremony/run.ts';
import { initialiseInstallation } from '../../scripts/command/initialise.ts';
import type { PlannedCeremony } from '../../src/authority/index.ts';
import { testDatabase } from './postgres.ts';

/** A rehearsal in which everybody answers as shown. */
export const goodAnswers: Readonly<Record<string, string>> = {
  'present/Alice Example': 'alice  example',
  'present/Bob Example': 'Bob Example',
  'present/Carol Example': 'shown',
  'plan/Alice Example': 'shown',
  'plan/Bob Example': 'shown',
  'plan/Carol Example': 'shown',
  'pin/root': 'configured',
  'pin/issuing': 'configured',
  'clock/Carol Example': 'yes',
  'made/Carol Example': 'shown',
};

/** Everybody whom the tests' ceremonies declare. */
export const people = `participants:
  custodians:
    - { name: Alice Example, holds: [root] }
    - { name: Bob Example, holds: [issuing] }
  witnesses:
    - { name: Carol Example }
`;

export interface CeremonyRun {
  /** What was thrown; undefined when it was completed. */
  readonly failure: string | undefined;
  readonly transcript: string;
}

export class CeremonyHall {
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  #count = 0;

  constructor(folder: string, environment: Readonly<Record<string, string>>) {
    this.folder = folder;
    this.environment = environment;
  }

  path(name: string): string {
    return join(this.folder, 'work', name);
  }

  write(name: string, content: string | Uint8Array): string {
    writeFileSync(this.path(name), content);
    return this.path(name);
  }

  read(name: string): Buffer {
    return readFileSync(this.path(name));
  }

  async plan(yaml: string): Promise<PlannedCeremony> {
    return planHere(this.environment, this.#file(yaml));
  }

  /** Holds it with scripted answers; an abort is an answer too. */
  async run(
    yaml: string,
    options: {
      readonly answers?: Readonly<Record<string, string | undefined>>;
      readonly plan?: string;
      /** Runs after the file was written and before the ceremony begins. */
      readonly environment?: Readonly<Record<string, string>>;
    } = {},
  ): Promise<CeremonyRun> {
    const file = this.#file(yaml);
    const answers = this.write(
      `answers-${this.#count}.yaml`,
      JSON.stringify({ ...goodAnswers, ...options.answers }),
    );
    const transcript = this.path(`transcript-${this.#count}`);
    let failure: string | undefined;
    try {
      await runHere({ ...this.environment, ...options.environment }, file, {
        transcript,
        answers,
        plan: options.plan,
      });
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error);
    }
    return { failure, transcript };
  }

  /** The file of the ceremony that was begun last, and where its transcript goes. */
  last(): { readonly file: string; readonly transcript: string } {
    const number = this.#count;
    return {
      file: this.path(`ceremony-${number}.yaml`),
      transcript: this.path(`transcript-${number}`),
    };
  }

  #file(yaml: string): string {
    this.#count += 1;
    return this.write(`ceremony-${this.#count}.yaml`, yaml);
  }
}

/** An installation before its first key; everything is removed after the file. */
export async function ceremonyHall(name: string): Promise<CeremonyHall> {
  const folder = mkdtempSync(join(tmpdir(), 'chancery-ceremony-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'work'));
  const database = await testDatabase(name, { migrate: false });
  const environment = {
    CHANCERY_DATA: join(folder, 'data'),
    CHANCERY_DATABASE_OWNER_URL: database.ownerUrl,
    CHANCERY_DATABASE_URL: database.applicationUrl,
    CHANCERY_OCSP_DATABASE_URL: database.responderUrl,
    CHANCERY_DATABASE_POOL_SIZE: '3',
    // A rollover within one test.
    CHANCERY_KEYS_DISTRIBUTE_BEFORE_ACTIVATION: '0s',
  };
  await initialiseInstallation(environment, () => undefined, { beforeCeremony: true });
  return new CeremonyHall(folder, environment);
}
