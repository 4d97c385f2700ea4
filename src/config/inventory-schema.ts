import { z } from 'zod';
import { duration, setting } from './values.ts';

/** How long the inventory keeps what (docs/inventory.md). */
export const inventorySchema = z
  .strictObject({
    retention: setting(
      z
        .record(
          z.string().regex(/^[a-z][A-Za-z0-9-]{0,39}$/, {
            message: 'must name a retention class, such as standard',
          }),
          duration('1d', '36525d'),
        )
        .default({ standard: '3653d' }),
      'CHANCERY_INVENTORY_RETENTION',
      'How long after notAfter the contents of a certificate are kept, by retention class; a class that is not named keeps them for good. As a variable: NAME=value,NAME=value.',
    ),
    purge: setting(
      z.enum(['command', 'schedule']).default('command'),
      'CHANCERY_INVENTORY_PURGE',
      'Whether contents past their retention are taken away by `chancery inventory purge` alone or by the schedule as well. Serial number, hashes, status and history stay either way.',
    ),
    keepChanges: setting(
      duration('2d', '3653d').default('30d'),
      'CHANCERY_INVENTORY_KEEP_CHANGES',
      'How long the change feed reaches back; a responder that was away for longer forgets what it knew.',
    ),
  })
  .prefault({});
