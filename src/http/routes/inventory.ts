import { z } from 'zod';
import { rfc3339 } from '../representation.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import { time } from '../shapes.ts';

/** Maintenance of the inventory as a whole. */
export const inventoryRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/inventory/purge',
    access: 'certificates:purge',
    summary:
      'Take contents of long expired certificates away; serial number, hashes, status and history stay',
    body: z.strictObject({
      before: time.optional(),
      dryRun: z.boolean().optional(),
      limit: z.int().min(1).max(100_000).optional(),
    }),
    answer: {
      status: 200,
      schema: z.object({
        dryRun: z.boolean(),
        classes: z.array(
          z.object({
            retentionClass: z.string(),
            notAfterBefore: z.string().meta({ format: 'date-time' }),
            certificates: z.int(),
          }),
        ),
        droppedPartitions: z.int(),
        complete: z.boolean(),
      }),
    },
    handle: async ({ authority, principal, body }) => {
      const { classes, ...report } = await authority.purgeInventory(principal, body);
      return {
        json: {
          ...report,
          classes: classes.map((one) => ({
            ...one,
            notAfterBefore: rfc3339(one.notAfterBefore),
          })),
        },
      };
    },
  }),
];
