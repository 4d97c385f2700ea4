import { createHash } from 'node:crypto';
import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { ChanceryError } from '../domain/index.ts';
import { canonicalJson } from './canonical.ts';
import { type Profile, profileFaults } from './profile.ts';
import { profileSchema } from './schema.ts';

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/**
 * Reads one profile file (YAML 1.2 text).
 *
 * @param sourceName file name for messages; nothing is read from it.
 * @throws ChanceryError `configuration`: the message names file, line and, for an unknown key, the likely meant one.
 */
export function parseProfile(text: string, sourceName: string): Profile {
  const lineCounter = new LineCounter();
  // No aliases: a profile is reviewed line by line, and what stands there is what it says.
  const document = parseDocument(text, { lineCounter, uniqueKeys: true, stringKeys: true });
  const lineOf = (path: Path): number | undefined => {
    for (let length = path.length; length > 0; length--) {
      const node = document.getIn(path.slice(0, length), true) as { range?: [number] } | undefined;
      const offset = node?.range?.[0];
      if (offset !== undefined) return lineCounter.linePos(offset).line;
    }
    return undefined;
  };
  const syntaxError = document.errors[0];
  if (syntaxError !== undefined) {
    throw fault(
      sourceName,
      syntaxError.linePos?.[0].line,
      syntaxError.message.split('\n')[0] ?? 'not YAML',
    );
  }
  let content: unknown;
  try {
    content = document.toJS({ maxAliasCount: 0 });
  } catch (error) {
    throw fault(
      sourceName,
      undefined,
      'aliases are not allowed in a profile; write the value out',
      error,
    );
  }
  const result = profileSchema.safeParse(content);
  if (!result.success) {
    // An unknown key first: it also explains why the key that was meant is missing.
    const issues = result.error.issues.map((one) => mostTelling(one, content));
    const issue = issues.find((one) => one.code === 'unrecognized_keys') ?? (issues[0] as Issue);
    if (issue.code === 'unrecognized_keys') {
      const key = issue.keys[0] ?? '';
      const meant = likelyMeant(key, keysAllowedAt(issue.path));
      const where = issue.path.length === 0 ? '' : ` in ${issue.path.join('.')}`;
      const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
      throw fault(sourceName, lineOf([...issue.path, key]), `unknown key ${key}${where}${hint}`);
    }
    throw fault(
      sourceName,
      lineOf(issue.path),
      `${issue.path.join('.') || 'the profile'}: ${issue.message}`,
    );
  }
  const broken = profileFaults(result.data)[0];
  if (broken !== undefined) {
    throw fault(sourceName, lineOf(broken.path), `${broken.path.join('.')}: ${broken.message}`);
  }
  const hash = createHash('sha256').update(canonicalJson(result.data)).digest('hex');
  return Object.freeze({ ...result.data, hash });
}

/** JSON Schema (2020-12) of a profile file, for editors; `profiles/profile.schema.json` is a copy of it. */
export function profileJsonSchema(): Record<string, unknown> {
  return {
    ...z.toJSONSchema(profileSchema, { io: 'input' }),
    title: 'Chancery certificate profile',
  };
}

function fault(
  sourceName: string,
  line: number | undefined,
  message: string,
  cause?: unknown,
): ChanceryError {
  const where = line === undefined ? sourceName : `${sourceName}:${line}`;
  return new ChanceryError('configuration', { message: `${where}: ${message}`, cause });
}

/** Of a union's branches, the failure of the one that the author most likely meant: the fewest complaints about keys. */
function mostTelling(issue: Issue, content: unknown): Issue {
  if (issue.code !== 'invalid_union') return issue;
  const branches = issue.errors.filter((errors) => errors.length > 0);
  const value = issue.path.reduce<unknown>(
    (parent, key) => (parent as Record<PropertyKey, unknown> | undefined)?.[key],
    content,
  );
  const isObject = value !== null && typeof value === 'object';
  const fitting = branches.filter(
    (errors) =>
      !isObject ||
      !errors.some((error) => error.path.length === 0 && error.code === 'invalid_value'),
  );
  const shortest = (fitting.length > 0 ? fitting : branches)
    .map(
      (errors) =>
        errors.find((error) => error.code === 'unrecognized_keys') ?? (errors[0] as Issue),
    )
    .toSorted((a, b) => keyComplaints(a) - keyComplaints(b))[0];
  if (shortest === undefined || !isObject)
    return { ...issue, message: "write 'refused', or an object with fixed or from: request" };
  return mostTelling({ ...shortest, path: [...issue.path, ...shortest.path] } as Issue, content);
}

function keyComplaints(issue: Issue): number {
  return issue.code === 'unrecognized_keys' ? issue.keys.length : 0;
}

/** Keys that the schema knows at a path, over all branches of its unions. */
function keysAllowedAt(path: Path): readonly string[] {
  let nodes: readonly JsonSchemaNode[] = branchesOf(profileJsonSchema() as JsonSchemaNode);
  for (const key of path) {
    nodes = nodes.flatMap((node) => {
      const child = typeof key === 'number' ? node.items : node.properties?.[String(key)];
      return child === undefined ? [] : branchesOf(child);
    });
  }
  return nodes.flatMap((node) => Object.keys(node.properties ?? {}));
}

interface JsonSchemaNode {
  readonly properties?: Readonly<Record<string, JsonSchemaNode>>;
  readonly items?: JsonSchemaNode;
  readonly anyOf?: readonly JsonSchemaNode[];
}

function branchesOf(node: JsonSchemaNode): readonly JsonSchemaNode[] {
  return node.anyOf === undefined ? [node] : node.anyOf.flatMap(branchesOf);
}

/** The nearest allowed key within a third of its length in edits; undefined when none is near. */
function likelyMeant(key: string, allowed: readonly string[]): string | undefined {
  const ranked = allowed
    .map((candidate) => ({
      candidate,
      distance: editDistance(key.toLowerCase(), candidate.toLowerCase()),
    }))
    .toSorted((a, b) => a.distance - b.distance)[0];
  if (ranked === undefined || ranked.distance > Math.max(2, Math.ceil(ranked.candidate.length / 3)))
    return undefined;
  return ranked.candidate;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(substitution, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
