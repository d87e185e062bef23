/** How a receiver knows that a message is ours, and new: an HMAC over its time and its body. See docs/webhooks.md. */
import { createHmac, randomBytes } from 'node:crypto';

/** A new secret, of 256 bits. */
export function newWebhookSecret(): string {
  return `whsec_${randomBytes(32).toString('base64url')}`;
}

/** The header `ttai-signature`: `t=<seconds since 1970>,v1=<hex HMAC-SHA256 of "<t>.<body>" with the whole secret>`. */
export function signatureOf(secret: string, at: Date, body: string): string {
  const seconds = Math.floor(at.getTime() / 1_000);
  return `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`;
}
