/** Purges as the schedule does and dies by SIGKILL before the commit: node purge-process.ts URL NOT_AFTER_BEFORE. */
import { openStorage } from '../../src/storage/index.ts';

const [url = '', before = ''] = process.argv.slice(2);
const storage = await openStorage({ url, poolSize: 1 });
await storage.unitOfWork.run(async ({ maintenance }) => {
  const purged = await maintenance.purge(
    { tenant: 'default', retentionClass: 'standard', notAfterBefore: new Date(before) },
    new Date(),
    100,
  );
  process.stdout.write(`purged ${purged.length}\n`);
  process.kill(process.pid, 'SIGKILL');
});
