/** Writes profiles/profile.schema.json, which editors read; run it with Node after a change to the profile's shape. */
import { writeFileSync } from 'node:fs';
import { profileJsonSchema } from '../src/policy/index.ts';

const target = new URL('../profiles/profile.schema.json', import.meta.url);
writeFileSync(target, `${JSON.stringify(profileJsonSchema(), null, 2)}\n`);
