/** The WebSocket of a session: as `ws` has it, but a message that is too large is refused like all else is. */
import { WebSocket } from 'ws';
import { TtaiError } from '../../actors/runtime/index.ts';
import { toErrorBody } from '../errors.ts';
import { errorFrame } from './frames.ts';
import { closeCodes } from './protocol.ts';

/** The code with which `ws` itself closes when a message is over `maxPayload`; it reads none of the message. */
const WS_TOO_LARGE = 1009;

export class SessionSocket extends WebSocket {
  override close(code?: number, reason?: string | Buffer): void {
    if (code !== WS_TOO_LARGE) {
      super.close(code, reason);
      return;
    }
    if (this.readyState === WebSocket.OPEN) {
      const error = new TtaiError('too_large', 'The frame is too large.');
      this.send(JSON.stringify(errorFrame(toErrorBody(error).error)));
    }
    super.close(closeCodes.tooLarge, 'too_large');
  }
}
