import type { Document } from 'yaml';
import { isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { ChanceryError } from '../domain/index.ts';
import { keysAt } from './leaves.ts';
import { likelyMeant } from './likely.ts';

/** A configuration file as it was read: its content and where each key stands. */
export interface ConfigurationDocument {
  readonly fileName: string;
  readonly content: unknown;
  /** 1-based line of the value at the path, or of the nearest thing around it. */
  lineOf(path: readonly PropertyKey[], key?: string): number;
}

/**
 * Reads YAML 1.2. Duplicate keys, anchors used to blow up the document and second documents are
 * errors.
 *
 * @throws ChanceryError `configuration` with file and line.
 */
export function readDocument(text: string, fileName: string): ConfigurationDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, strict: true, uniqueKeys: true });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) {
    const line = lines.linePos(problem.pos[0]).line;
    throw configurationError(`${fileName}:${line}: ${problem.message.split('\n')[0] ?? ''}`);
  }
  const content = document.toJS({ maxAliasCount: 10 }) as unknown;
  return {
    fileName,
    content: withoutNulls(content) ?? {},
    lineOf: (path, key) => lines.linePos(offsetOf(document, path, key)).line,
  };
}

/** A key with nothing behind it (all below it commented out) counts as absent. */
function withoutNulls(value: unknown): unknown {
  if (value === null) return undefined;
  if (typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, member]) => [key, withoutNulls(member)] as const)
      .filter(([, member]) => member !== undefined),
  );
}

/** One clear line for the first thing that is wrong. */
export function explainIssue(
  issue: z.core.$ZodIssue,
  document: ConfigurationDocument | undefined,
  variables: ReadonlyMap<string, string>,
): ChanceryError {
  const variable = variableOf(issue.path, variables);
  const where = (key?: string) =>
    variable ??
    (document === undefined
      ? 'configuration'
      : `${document.fileName}:${document.lineOf(issue.path, key)}`);
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0] ?? '';
    const known = keysAt(issue.path.map(String)) ?? [];
    const likely = likelyMeant(key, known);
    const section = issue.path.length === 0 ? 'at the top level' : `in ${issue.path.join('.')}`;
    const mend =
      likely === undefined ? `known are ${known.join(', ')}` : `did you mean "${likely}"?`;
    return configurationError(`${where(key)}: unknown setting "${key}" ${section}; ${mend}`);
  }
  const place = variable ?? `${where()}: ${issue.path.join('.') || 'the file'}`;
  return configurationError(`${place}${variable === undefined ? ' ' : ': '}${messageOf(issue)}`);
}

/** @param message names the file and line or the variable, what is wrong and how to mend it */
export function configurationError(message: string): ChanceryError {
  return new ChanceryError('configuration', { message });
}

/** The variable that set the value at the path, or the list or map around it. */
export function variableOf(
  path: readonly PropertyKey[],
  variables: ReadonlyMap<string, string>,
): string | undefined {
  for (let length = path.length; length > 0; length--) {
    const variable = variables.get(path.slice(0, length).join('.'));
    if (variable !== undefined) return variable;
  }
  return undefined;
}

function messageOf(issue: z.core.$ZodIssue): string {
  // What is wrong with a key of a record stands one level below.
  const inner = issue.code === 'invalid_key' ? issue.issues[0] : undefined;
  if (inner !== undefined) return inner.message;
  return issue.message.replace(/^Invalid (input|option|string): /, '').replace(/^Too /, 'is too ');
}

function offsetOf(document: Document, path: readonly PropertyKey[], key?: string): number {
  const keys = path.map(String);
  if (key !== undefined) keys.push(key);
  let node: unknown = document.contents;
  let offset = 0;
  for (const name of keys) {
    if (!isMap(node)) {
      const found: unknown =
        isNode(node) && 'get' in node
          ? (node as { get(k: unknown, keep: true): unknown }).get(Number(name), true)
          : undefined;
      if (isNode(found) && found.range) offset = found.range[0];
      node = found;
      continue;
    }
    const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === name);
    if (pair === undefined) break;
    if (isNode(pair.key) && pair.key.range) offset = pair.key.range[0];
    node = pair.value;
  }
  return offset;
}
