import type { Route } from '../route.ts';
import { acmeRoutes } from './acme.ts';
import { bulkJobRoutes } from './bulk-jobs.ts';
import { certificateRoutes } from './certificates.ts';
import { crlRoutes } from './crls.ts';
import { exportRoutes } from './export.ts';
import { importRoutes } from './imports.ts';
import { incidentRoutes } from './incidents.ts';
import { inventoryRoutes } from './inventory.ts';
import { issuerRoutes } from './issuers.ts';
import { keyCustodyRoutes } from './key-custody.ts';
import { keyRoutes } from './keys.ts';
import { principalRoutes } from './principals.ts';
import { recordRoutes } from './records.ts';
import { reportRoutes } from './reports.ts';
import { responderRoutes } from './responders.ts';
import { rolloverRoutes } from './rollover.ts';
import { statusRoutes } from './status.ts';

/** The whole REST interface, row by row. A path and method stand in it once. */
export const routes: readonly Route[] = [
  ...certificateRoutes,
  ...statusRoutes,
  ...bulkJobRoutes,
  ...incidentRoutes,
  ...exportRoutes,
  ...inventoryRoutes,
  ...importRoutes,
  ...recordRoutes,
  ...issuerRoutes,
  ...rolloverRoutes,
  ...responderRoutes,
  ...crlRoutes,
  ...keyRoutes,
  ...keyCustodyRoutes,
  ...principalRoutes,
  ...acmeRoutes,
  ...reportRoutes,
];
