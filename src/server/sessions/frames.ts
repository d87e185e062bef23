/** From bytes to frames, and from errors to error frames. Not for what the frames cause. */
import { z } from 'zod';
import { TtaiError } from '../../actors/runtime/index.ts';
import { checkInput } from '../checked-input.ts';
import type { ErrorBody } from '../errors.ts';
import { type ClientFrame, clientFrame, frameId, type ServerFrame } from './protocol.ts';

/** The client does not keep to the protocol. Some are answered; too many end the connection. */
export class BadFrameError extends TtaiError {
  /** The frame's `id`, where it can be read. */
  readonly frameId: string | undefined;

  constructor(
    code: string,
    message: string,
    { frameId, ...options }: { frameId?: string | undefined; details?: Record<string, unknown> } = {},
  ) {
    super(code, message, options);
    this.frameId = frameId;
  }
}

/** The frame in a message. Throws a BadFrameError that names the field. */
export function parseFrame(data: Buffer, isBinary: boolean): ClientFrame {
  if (isBinary) throw new BadFrameError('invalid_json', 'Frames are JSON in text messages, not binary.');
  let json: unknown;
  try {
    json = JSON.parse(data.toString('utf8'));
  } catch {
    throw new BadFrameError('invalid_json', 'The frame is not JSON.');
  }
  try {
    return checkInput(clientFrame, json);
  } catch (error) {
    if (!(error instanceof TtaiError)) throw error;
    const { code, message, details } = error;
    throw new BadFrameError(code, message, { frameId: idOf(json), ...(details && { details }) });
  }
}

const identified = z.object({ id: frameId });

function idOf(json: unknown): string | undefined {
  return identified.safeParse(json).data?.id;
}

const encoded = new WeakMap<ServerFrame, Buffer>();

/** A frame that goes to many: it is encoded once, and must not be changed any more. */
export function sharedFrame<Frame extends ServerFrame>(frame: Frame): Frame {
  encoded.set(frame, Buffer.from(JSON.stringify(frame)));
  return frame;
}

/** As it goes over the wire, as text. */
export function encodeFrame(frame: ServerFrame): Buffer | string {
  return encoded.get(frame) ?? JSON.stringify(frame);
}

/** `id`: of the frame that it answers. */
export function errorFrame(error: ErrorBody['error'], id?: string): ServerFrame {
  return { type: 'error', ...withId(id), ...error };
}

/** The `id` of a frame that is answered, when it has one. */
export function withId(id: string | undefined): { id?: string } {
  return id === undefined ? {} : { id };
}
