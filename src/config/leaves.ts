import { z } from 'zod';
import { directorySchema, type MemberNotes, memberNotes } from './acme-schema.ts';
import { configurationSchema } from './schema.ts';
import type { SettingNotes } from './values.ts';
import { settingNotes } from './values.ts';

/** How a variable's text becomes a value. */
export type LeafKind = 'text' | 'number' | 'boolean' | 'list' | 'record' | 'json';

/** One setting: where it stands in the file, how it is overridden, what it means. */
export interface Leaf extends SettingNotes {
  readonly path: readonly string[];
  readonly kind: LeafKind;
  /** The schema's default; undefined when it is worked out at start-up or there is none. */
  readonly defaultValue: unknown;
}

/** The settings in the order of the schema. A leaf without notes is a defect and throws. */
export const leaves: readonly Leaf[] = leavesOf(configurationSchema).map(({ schema, path }) => ({
  ...notesOf(settingNotes, schema, path),
  path,
  kind: kindOf(schema),
  defaultValue: schema.safeParse(undefined).data,
}));

/** One member of an ACME directory; it has no variable of its own, as directories' names are free. */
export interface DirectoryMember extends MemberNotes {
  readonly path: readonly string[];
  readonly defaultValue: unknown;
}

/** The members of an ACME directory in the order of the schema. */
export const directoryMembers: readonly DirectoryMember[] = leavesOf(directorySchema).map(
  ({ schema, path }) => ({
    ...notesOf(memberNotes, schema, path),
    path,
    defaultValue: schema.safeParse(undefined).data,
  }),
);

/** Names of the keys at a place of the schema; undefined when nothing is nested there. */
export function keysAt(path: readonly string[]): readonly string[] | undefined {
  let schema: z.ZodType = configurationSchema;
  for (const key of path) {
    const inner = unwrapped(schema);
    // The keys of a record are free; what stands behind each has one shape.
    const next = (inner instanceof z.ZodRecord ? inner.valueType : objectOf(inner)?.shape[key]) as
      | z.ZodType
      | undefined;
    if (next === undefined) return undefined;
    schema = next;
  }
  const object = objectOf(schema);
  return object === undefined ? undefined : Object.keys(object.shape);
}

function leavesOf(
  schema: z.ZodType,
  path: readonly string[] = [],
): readonly { readonly schema: z.ZodType; readonly path: readonly string[] }[] {
  const object = objectOf(schema);
  if (object === undefined) return [{ schema, path }];
  return Object.entries(object.shape).flatMap(([key, child]) =>
    leavesOf(child as z.ZodType, [...path, key]),
  );
}

function notesOf<T extends { readonly text: string }>(
  registry: { get(schema: z.ZodType): T | undefined },
  schema: z.ZodType,
  path: readonly string[],
): T {
  const notes = registry.get(schema);
  if (notes === undefined) throw new Error(`the setting ${path.join('.')} has no notes`);
  return notes;
}

function unwrapped(schema: z.ZodType): z.ZodType {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault
  ) {
    return unwrapped(schema.unwrap() as z.ZodType);
  }
  return schema;
}

function objectOf(schema: z.ZodType): z.ZodObject | undefined {
  const inner = unwrapped(schema);
  return inner instanceof z.ZodObject ? inner : undefined;
}

function kindOf(schema: z.ZodType): LeafKind {
  const inner = unwrapped(schema);
  if (inner instanceof z.ZodNumber) return 'number';
  if (inner instanceof z.ZodBoolean) return 'boolean';
  if (inner instanceof z.ZodArray) return 'list';
  if (inner instanceof z.ZodRecord) {
    return objectOf(inner.valueType as z.ZodType) === undefined ? 'record' : 'json';
  }
  return 'text';
}
