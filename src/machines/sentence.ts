/** Messages inside of sentences. Not for what they say. */

/** A message as the end, or a part, of a longer sentence, which brings the full stop itself. */
export function clauseOf(message: string): string {
  return message.replace(/\.$/, '');
}
