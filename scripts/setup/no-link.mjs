/** What is set up is rebuilt, and through a link it would be somebody else's that is emptied. */
import { lstatSync, readlinkSync } from 'node:fs';
import { SetupError } from './command.mjs';

/** Throws SetupError, before anything is changed, where `folder` is a link. */
export function refuseLink(folder) {
  if (!lstatSync(folder, { throwIfNoEntry: false })?.isSymbolicLink()) return;
  throw new SetupError(
    `${folder} is a link to ${readlinkSync(folder)}, and what it points to would be rebuilt, for whoever uses it. ` +
      'Remove the link, and run the same command again: the set-up makes a folder of its own.',
  );
}
