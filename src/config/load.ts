import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { ConfigurationDocument } from './document.ts';
import { configurationError, explainIssue, readDocument, variableOf } from './document.ts';
import type { Leaf } from './leaves.ts';
import { leaves } from './leaves.ts';
import { likelyMeant } from './likely.ts';
import type { Settings } from './schema.ts';
import { configurationSchema } from './schema.ts';

/** The process's environment, as an argument. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Settings with where each came from, so that relative paths and messages are right. */
export interface LoadedSettings {
  readonly settings: Settings;
  /** Absolute path of the file that was read; undefined when there is none. */
  readonly fileName: string | undefined;
  /** Dotted paths that the environment set, with their variable. */
  readonly variables: ReadonlyMap<string, string>;
  /** Line of a setting in the file, for messages found later. */
  place(path: string): string;
  readonly warnings: readonly string[];
}

/** Variables that other parts of the product read, and that are no settings of the file. */
const otherVariables = [
  'CHANCERY_DATA',
  'CHANCERY_CONFIG',
  'CHANCERY_URL',
  'CHANCERY_CERT',
  'CHANCERY_KEY',
  'CHANCERY_TOKEN_FILE',
  'CHANCERY_TRUST',
];

/** The clone or installation that this file belongs to. */
export const installationFolder: string = resolve(import.meta.dirname, '..', '..');

/** The state's folder: `CHANCERY_DATA`, or `data` in the clone whatever the working directory. */
export function dataFolder(env: Environment, cwd: string = process.cwd()): string {
  const given = env['CHANCERY_DATA'];
  return given === undefined || given === ''
    ? resolve(installationFolder, 'data')
    : resolve(cwd, given);
}

/**
 * Reads the file (`CHANCERY_CONFIG`, else `chancery.yaml` in the data folder; the latter may be
 * absent), lays the environment over it and checks everything.
 *
 * @throws ChanceryError `configuration` with one line for the first error.
 */
export function loadSettings(env: Environment, cwd: string): LoadedSettings {
  const document = findDocument(env, cwd);
  const variables = new Map<string, string>();
  let content: unknown = document?.content ?? {};
  for (const leaf of leaves) {
    const text = env[leaf.variable];
    if (text === undefined || text === '') continue;
    variables.set(leaf.path.join('.'), leaf.variable);
    content = withValue(content, leaf.path, valueOf(leaf, text));
  }
  const parsed = configurationSchema.safeParse(content);
  if (!parsed.success) {
    // Unknown keys first: a misspelt key is the cause, what follows from it are consequences.
    const issues = parsed.error.issues;
    const first = issues.find((issue) => issue.code === 'unrecognized_keys') ?? issues[0];
    if (first === undefined) throw configurationError('the configuration is not valid');
    throw explainIssue(first, document, variables);
  }
  return {
    settings: parsed.data,
    fileName: document?.fileName,
    variables,
    place: (path) => placeOf(path, document, variables),
    warnings: misspeltVariables(env),
  };
}

/**
 * The absolute path that a setting names: from the environment it counts from the working
 * directory, from the file it counts from the file's folder.
 */
export function resolvePath(
  loaded: LoadedSettings,
  path: string,
  value: string,
  cwd: string,
): string {
  const base =
    loaded.variables.has(path) || loaded.fileName === undefined ? cwd : dirname(loaded.fileName);
  return resolve(base, value);
}

function findDocument(env: Environment, cwd: string): ConfigurationDocument | undefined {
  const given = env['CHANCERY_CONFIG'];
  const named = given !== undefined && given !== '';
  const fileName = named ? resolve(cwd, given) : resolve(dataFolder(env, cwd), 'chancery.yaml');
  if (!named && !existsSync(fileName)) return undefined;
  let text: string;
  try {
    text = readFileSync(fileName, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw configurationError(`${fileName} can't be read (${reason}); check CHANCERY_CONFIG`);
  }
  return readDocument(text, fileName);
}

function valueOf(leaf: Leaf, text: string): unknown {
  switch (leaf.kind) {
    case 'text':
      return text;
    case 'number': {
      if (!/^-?\d+(\.\d+)?$/.test(text.trim())) {
        throw configurationError(`${leaf.variable}: must be a number, but is ${quote(text)}`);
      }
      return Number(text);
    }
    case 'boolean': {
      const word = text.trim();
      if (word !== 'true' && word !== 'false') {
        throw configurationError(`${leaf.variable}: must be true or false, but is ${quote(text)}`);
      }
      return word === 'true';
    }
    case 'json':
      try {
        return JSON.parse(text) as unknown;
      } catch {
        throw configurationError(`${leaf.variable}: must be JSON, but is ${quote(text)}`);
      }
    case 'list':
      return text.split(',').map((item) => item.trim());
    case 'record':
      return Object.fromEntries(
        text.split(',').map((item) => {
          const equals = item.indexOf('=');
          if (equals < 1) {
            throw configurationError(
              `${leaf.variable}: must be NAME=value, separated by commas, but holds ${quote(item)}`,
            );
          }
          return [item.slice(0, equals).trim(), item.slice(equals + 1)];
        }),
      );
  }
}

/** A copy of the content with one value set; what is no map on the way is left for the schema to refuse. */
function withValue(content: unknown, path: readonly string[], value: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  if (content !== undefined && content !== null && !isPlainObject(content)) return content;
  const object = content ?? {};
  return { ...object, [key]: withValue((object as Record<string, unknown>)[key], rest, value) };
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function placeOf(
  path: string,
  document: ConfigurationDocument | undefined,
  variables: ReadonlyMap<string, string>,
): string {
  const variable = variableOf(path.split('.'), variables);
  if (variable !== undefined) return variables.has(path) ? variable : `${variable}: ${path}`;
  if (document === undefined) return path;
  return `${document.fileName}:${document.lineOf(path.split('.'))}: ${path}`;
}

/** A variable that is nearly one of ours would otherwise be ignored in silence. */
function misspeltVariables(env: Environment): string[] {
  const known = [...leaves.map((leaf) => leaf.variable), ...otherVariables];
  return Object.keys(env)
    .filter((name) => name.startsWith('CHANCERY_') && !known.includes(name))
    .flatMap((name) => {
      const likely = likelyMeant(
        name.slice(9),
        known.map((variable) => variable.slice(9)),
      );
      return likely === undefined
        ? []
        : [`the variable ${name} is no setting; did you mean CHANCERY_${likely}?`];
    });
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}
