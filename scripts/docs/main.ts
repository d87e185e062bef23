/** `npm run docs`: writes the pages that are made from the code. */
import { writeFileSync } from 'node:fs';
import { machinePage } from './machine-page.ts';

writeFileSync(new URL('../../docs/machines.md', import.meta.url), `${machinePage()}\n`);
