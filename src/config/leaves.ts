import { z } from 'zod';
import { configurationSchema } from './schema.ts';
import type { SettingNotes } from './values.ts';
import { settingNotes } from './values.ts';

/** How a variable's text becomes a value. */
export type LeafKind = 'text' | 'number' | 'list' | 'record';

/** One setting: where it stands in the file, how it is overridden, what it means. */
export interface Leaf extends SettingNotes {
  readonly path: readonly string[];
  readonly kind: LeafKind;
  /** The schema's default; undefined when it is worked out at start-up or there is none. */
  readonly defaultValue: unknown;
}

/** The settings in the order of the schema. A leaf without notes is a defect and throws. */
export const leaves: readonly Leaf[] = walk(configurationSchema, []);

/** Names of the keys at a place of the schema; undefined when nothing is nested there. */
export function keysAt(path: readonly string[]): readonly string[] | undefined {
  let schema: z.ZodType = configurationSchema;
  for (const key of path) {
    const inner = objectOf(schema);
    const next = inner?.shape[key] as z.ZodType | undefined;
    if (next === undefined) return undefined;
    schema = next;
  }
  const object = objectOf(schema);
  return object === undefined ? undefined : Object.keys(object.shape);
}

function walk(schema: z.ZodType, path: readonly string[]): Leaf[] {
  const object = objectOf(schema);
  if (object !== undefined) {
    return Object.entries(object.shape).flatMap(([key, child]) =>
      walk(child as z.ZodType, [...path, key]),
    );
  }
  const notes = settingNotes.get(schema);
  if (notes === undefined) throw new Error(`the setting ${path.join('.')} has no notes`);
  const value = schema.safeParse(undefined);
  return [{ ...notes, path, kind: kindOf(schema), defaultValue: value.data }];
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
  if (inner instanceof z.ZodArray) return 'list';
  if (inner instanceof z.ZodRecord) return 'record';
  return 'text';
}
